"""The frame of every page: its title, the one notice, and the one place where errors meant for a person are caught."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from analysis.errors import CatchangleError
from dashboard.services.wording import verbatim

__all__ = ["NOTICE", "page"]

NOTICE = "Research software, not a medical device. Not for diagnosis or treatment decisions."


@contextmanager
def page(title: str, lead: str) -> Iterator[None]:
    """Frame a page; an error that is meant for a person becomes a sentence on it, everything else stays loud.

    Parameters
    ----------
    title
        Heading of the page.
    lead
        What the page is for, in one sentence.
    """
    st.title(title, anchor=False)
    st.caption(lead)
    try:
        yield
    except CatchangleError as error:
        st.error(verbatim(str(error)), icon=":material/error:")
    finally:
        st.divider()
        st.caption(NOTICE)
