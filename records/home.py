"""Where the database and the recordings live on this machine."""

import os
from pathlib import Path

from platformdirs import user_data_path

__all__ = ["HOME_VARIABLE", "data_folder"]

HOME_VARIABLE = "CATCHANGLE_HOME"


def data_folder(chosen: Path | None = None) -> Path:
    """Return the data folder: the one chosen, else CATCHANGLE_HOME, else the platform's data folder."""
    if chosen is not None:
        return chosen.expanduser().absolute()
    named = os.environ.get(HOME_VARIABLE, "").strip()
    if named:
        return Path(named).expanduser().absolute()
    return user_data_path("catchangle", appauthor=False)
