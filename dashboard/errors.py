"""Errors of the pages and the command line."""

from analysis.errors import CatchangleError

__all__ = ["DashboardError", "UsageError"]


class DashboardError(CatchangleError):
    """Something that a page or a command was asked to do cannot be done; the message says what to do instead."""


class UsageError(DashboardError):
    """Arguments of a command that do not fit together."""
