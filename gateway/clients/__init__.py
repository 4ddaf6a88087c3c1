"""Set up the programs that people use with the gateway: what their configuration says, and a proof that it works."""
