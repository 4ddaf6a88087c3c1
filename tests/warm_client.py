"""Run a program of ours in a process that `tests/warm.py` forks, with our own standard files: `SOCKET ARGUMENTS…`.

For scripts of shells: this client imports next to nothing, so a command costs what our own code does.
"""

import json
import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as link:
    link.connect(sys.argv[1])
    told = {"arguments": sys.argv[2:], "folder": os.getcwd(), "environment": dict(os.environ)}
    body = json.dumps(told).encode()
    socket.send_fds(link, [len(body).to_bytes(4, "big")], [0, 1, 2])
    link.sendall(body)
    status = int(link.recv(16) or b"1")
sys.exit(status if status >= 0 else 128 - status)
