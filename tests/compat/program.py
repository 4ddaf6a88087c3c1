"""How our program is started, when it stands in for the reference."""

REFERENCE = (
    "-c",
    "import sys; from gateway.management.program import reference_main; reference_main(sys.argv[1:])",
)
"""Python's arguments before the program's own."""
MOST_SECONDS = 300.0
"""Nothing may take so long."""
