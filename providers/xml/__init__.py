"""Tools told as XML in the text, for upstreams that refuse tools."""
