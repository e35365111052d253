"""How alike the repetitions of an exam are: planted velocities, starts, catches and ends come back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.finding import Catch, Stretch, StretchFinding, VelocityClass
from analysis.repeatability import describe_repetitions, flag_disagreeing, repetition_doubts


def finding(
    velocity: VelocityClass,
    *,
    peak_deg_s: float = 300.0,
    end_deg: float = 10.0,
    catch_deg: float | None = None,
    quality: tuple[str, ...] = (),
) -> StretchFinding:
    stretch = Stretch(
        start_s=0.0,
        peak_s=0.2,
        end_s=0.4,
        start_deg=140.0,
        end_deg=end_deg,
        peak_velocity_deg_s=peak_deg_s,
        velocity=velocity,
    )
    if catch_deg is None:
        return StretchFinding(stretch=stretch, catch=None, resistance=None, quality=quality)
    catch = Catch(
        time_s=0.3,
        angle_deg=catch_deg,
        stretch_deg=140.0 - catch_deg,
        angle_interval95_deg=(catch_deg - 2, catch_deg + 2),
        probability=0.9,
        method="planted",
    )
    return StretchFinding(stretch=stretch, catch=catch, resistance=None, quality=quality)


@given(
    peaks=st.lists(st.floats(150.0, 700.0), min_size=2, max_size=6),
    catches=st.lists(st.floats(20.0, 120.0), min_size=6, max_size=6),
    ends=st.lists(st.floats(-5.0, 30.0), min_size=2, max_size=4),
)
def test_planted_spread_comes_back(peaks: list[float], catches: list[float], ends: list[float]) -> None:
    fast = [
        finding(VelocityClass.V3, peak_deg_s=peak, catch_deg=catch) for peak, catch in zip(peaks, catches, strict=False)
    ]
    slow = [finding(VelocityClass.V1, peak_deg_s=30.0, end_deg=end) for end in ends]
    found = describe_repetitions([*slow, *fast])
    assert found.fast == len(peaks)
    assert found.peak_velocity_deg_s == pytest.approx(np.median(peaks))
    assert found.peak_velocity_cv == pytest.approx(np.std(peaks, ddof=1) / np.mean(peaks), abs=1e-9)
    assert found.r1_sd_deg == pytest.approx(np.std(catches[: len(peaks)], ddof=1), abs=1e-9)
    assert found.r2_sd_deg == pytest.approx(np.std(ends, ddof=1), abs=1e-9)
    assert found.start_sd_deg == pytest.approx(0.0)


def test_one_repetition_has_no_spread_and_flagged_ones_do_not_count() -> None:
    flagged = finding(VelocityClass.V3, peak_deg_s=900.0, catch_deg=0.0, quality=("planted",))
    found = describe_repetitions([finding(VelocityClass.V3, catch_deg=60.0), flagged])
    assert found.fast == 1
    assert (found.peak_velocity_cv, found.r1_sd_deg, found.r2_sd_deg) == (None, None, None)
    assert found.peak_velocity_deg_s == 300.0


def test_unlike_velocities_are_a_doubt_and_like_ones_are_not() -> None:
    unlike = describe_repetitions([finding(VelocityClass.V3, peak_deg_s=peak) for peak in (200.0, 400.0, 300.0)])
    alike = describe_repetitions([finding(VelocityClass.V3, peak_deg_s=peak) for peak in (290.0, 310.0, 300.0)])
    (said,) = repetition_doubts(unlike)
    assert "33%" in said
    assert repetition_doubts(alike) == ()


def test_the_one_catch_that_lies_apart_is_flagged_and_none_of_catches_that_agree() -> None:
    apart = [finding(VelocityClass.V3, catch_deg=catch) for catch in (60.0, 62.0, 25.0, 61.0)]
    flagged = flag_disagreeing(apart, healthy_range_deg=130.0)
    assert [bool(one.quality) for one in flagged] == [False, False, True, False]
    assert "apart" in flagged[2].quality[0]
    alike = [finding(VelocityClass.V3, catch_deg=catch) for catch in (60.0, 62.0, 58.0, 61.0)]
    assert flag_disagreeing(alike, healthy_range_deg=130.0) == tuple(alike)
