#!/usr/bin/env python
"""Django's command line, with the gateway's options accepted as flags (`gateway/env.py` reads them)."""

import os
import sys

from django.core.management import execute_from_command_line

from gateway import env
from gateway.options import ConfigurationError

# These neither serve nor touch a row; they work in a build, before there is a secret.
WITHOUT_SECRET = ("help", "version", "--help", "-h", "--version", "check", "makemigrations", "collectstatic")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    try:
        arguments = env.take_flags(sys.argv[1:], os.environ)
        options = env.current()
        if arguments and arguments[0] not in WITHOUT_SECRET and not {"--help", "-h"} & set(arguments):
            env.require_secret(options)
    except ConfigurationError as error:
        sys.stderr.write(f"Configuration error: {error}\n")
        sys.exit(2)
    execute_from_command_line([sys.argv[0], *arguments])


if __name__ == "__main__":
    main()
