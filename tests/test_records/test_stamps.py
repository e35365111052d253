"""Time stamps: rounding is told from faults."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.errors import RecordError
from records.stamps import read_stamps

PATH = Path("imu.csv")


@given(rate_hz=st.sampled_from((120.0, 200.0)), seed=st.integers(0, 2**16))
def test_rounding_to_six_digits_is_undone_within_its_step(rate_hz: float, seed: int) -> None:
    jitter = np.random.default_rng(seed).uniform(-0.3, 0.3, 1200) / rate_hz
    true_s = 999.0 + np.arange(1200) / rate_hz + jitter
    written_s = np.array([float(f"{time:.6g}") for time in true_s])
    stamps = read_stamps(PATH, written_s)
    assert stamps.repeated == (np.diff(written_s) == 0).sum() > 0
    assert (np.diff(stamps.time_s) > 0).all()
    assert np.abs(stamps.time_s - true_s).max() <= 0.015


def test_stamps_that_grow_are_left_alone() -> None:
    time_s = np.arange(100) / 100
    assert read_stamps(PATH, time_s).time_s is time_s


@pytest.mark.parametrize("fault", [0.0, -0.02])
def test_a_stamp_that_stands_still_or_goes_back_is_refused_with_its_row(fault: float) -> None:
    time_s = np.arange(100) / 100
    time_s[40] = time_s[39] + fault
    with pytest.raises(RecordError, match=r"row 42: .* must grow"):
        read_stamps(PATH, time_s)


def test_one_time_for_all_rows_is_refused() -> None:
    with pytest.raises(RecordError, match="must grow"):
        read_stamps(PATH, np.full(50, 1000.0))
