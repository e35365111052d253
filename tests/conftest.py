"""Fixtures that several packages' tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A loaded machine is no fault of the code: no draw has a deadline, and slow drawing is no failure.
# CI tells of the change, not of luck: there every run draws the same examples; elsewhere the search goes on
settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("unhurried")

# Before the library is loaded, here or in a command that a test starts: its searches stay on this machine.
os.environ["LSLAPICFG"] = str(Path(__file__).with_name("lsl_api.cfg"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the recordings that were given to the project; skips where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the given recordings are not here ({folder})")
    return folder
