"""Show on a request who pays for it: one file per kind of credential."""
