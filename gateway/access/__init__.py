"""Access to the control plane: the admin key, staff sessions, lock-outs, loopback without a key."""
