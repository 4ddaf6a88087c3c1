"""The rows of the request log. `gateway.usage.requestlog` writes and reads them."""
