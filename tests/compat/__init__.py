"""The real link-assistant-router 0.18.0 beside ours: same requests, commands and stores; differences have rows."""
