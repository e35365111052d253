"""The store behind the pages, opened once for the whole server."""

from pathlib import Path

import streamlit as st

from records.home import data_folder
from records.store import Store

__all__ = ["open_store"]


def open_store() -> Store:
    """Return the open store of the data folder.

    Raises
    ------
    StoreError
        If it cannot be opened.
    """
    return _open(data_folder())


@st.cache_resource(show_spinner=False)
def _open(home: Path) -> Store:
    return Store.open(home)
