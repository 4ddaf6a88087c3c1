"""The servers that run the gateway: daphne by default, uvicorn as the faster choice.

`runner.run(server, application, options)` is the entry; `scope["state"]["drain"]` what an application asks.
"""
