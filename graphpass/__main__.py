"""``python -m graphpass``: the command line."""

from graphpass.cli import main

main()
