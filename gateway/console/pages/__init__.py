"""The pages of the console: server-rendered, each state of a list an address, nothing from another host."""
