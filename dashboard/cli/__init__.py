"""The command line; each command lives in its own module and loads what it needs when it runs."""

from dashboard.cli.application import main

__all__ = ["main"]
