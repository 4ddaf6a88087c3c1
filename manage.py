#!/usr/bin/env python
"""Run the gateway's commands, and Django's: `gateway/management/program.py`. Without a command it helps."""

import sys

from gateway.management.program import manage_main

if __name__ == "__main__":
    manage_main(sys.argv[1:])
