"""A bar for work that takes a while."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

__all__ = ["waiting"]


@contextmanager
def waiting(label: str) -> Iterator[Callable[[float], None]]:
    """Show a bar; the callable that it gives takes the share done, 0 to 1. The bar goes when the work is done."""
    bar = st.progress(0.0, text=label)

    def advance(share: float) -> None:
        bar.progress(min(max(share, 0.0), 1.0), text=label)

    try:
        yield advance
    finally:
        bar.empty()
