"""The pool of accounts in memory: choose, track outcomes, cool down, keep sessions on their account."""
