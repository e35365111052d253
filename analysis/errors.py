"""Every deliberate error of the project descends from the tree rooted here."""

__all__ = ["AnalysisError", "CatchangleError", "DataError"]


class CatchangleError(Exception):
    """Root of all errors that are meant for a person: one line that says what, where and what to do."""


class DataError(CatchangleError, ValueError):
    """A value breaks the rule of its type; the message says what was expected and what came."""


class AnalysisError(CatchangleError):
    """Valid data that cannot answer the question that was asked of it."""
