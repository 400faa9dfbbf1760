"""The command line: one Click app, one file per group of verbs. It prints and never computes."""

from graphpass.cli.app import main

__all__ = ["main"]
