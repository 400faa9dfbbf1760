"""``python -m graphpass.cli``."""

from graphpass.cli import main

main()
