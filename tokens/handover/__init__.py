"""Hand-over: a token reaches the person it is for by a link that works once, and nobody else sees its secret."""
