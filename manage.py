#!/usr/bin/env python
"""Django's command line, with the gateway's options accepted as flags (`gateway/env.py` reads them).

Without a command it serves, as the reference does.
"""

import os
import sys

from django.core.management import execute_from_command_line

from gateway import VERSION, env
from gateway.options import ConfigurationError

# These neither serve nor touch a row; they work in a build, before there is a secret.
WITHOUT_SECRET = (
    "help",
    "version",
    "--help",
    "-h",
    "--version",
    "-V",
    "check",
    "makemigrations",
    "collectstatic",
)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    try:
        arguments = env.take_flags(sys.argv[1:], os.environ) or ["serve"]
        options = env.current()
        if arguments[0] not in WITHOUT_SECRET and not {"--help", "-h"} & set(arguments):
            env.require_secret(options)
    except ConfigurationError as error:
        sys.stderr.write(f"Configuration error: {error}\n")
        sys.exit(2)
    if arguments[0] in ("--version", "-V"):
        sys.stdout.write(f"link-assistant-router {VERSION}\n")
        return
    execute_from_command_line([sys.argv[0], *arguments])


if __name__ == "__main__":
    main()
