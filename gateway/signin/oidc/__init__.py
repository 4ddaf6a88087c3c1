"""Signing in at an OpenID Connect issuer, with Authlib, which is imported when `OIDC_ISSUER` is set."""
