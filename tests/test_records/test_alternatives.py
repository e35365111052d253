"""Which angle leads, and how far the others are from it: planted offsets, lags and errors come back."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.model import JointAngle, Source, Zero
from records.alternatives import Candidate, compare, leading, relate

Movement = Callable[[np.ndarray], np.ndarray]


def angle_of(
    movement: Movement,
    source: Source,
    *,
    rate_hz: float = 100.0,
    until_s: float = 10.0,
    sd_deg: float = np.nan,
    zero: Zero = Zero.ANATOMICAL,
) -> JointAngle:
    time_s = np.arange(0.0, until_s, 1.0 / rate_hz)
    return JointAngle(
        time_s=time_s,
        angle_deg=movement(time_s),
        sd_deg=np.full(time_s.shape, sd_deg),
        source=source,
        zero=zero,
        bandwidth_hz=rate_hz / 2,
    )


@given(lag_s=st.floats(-0.4, 0.4), offset_deg=st.floats(-90, 90), rate_hz=st.sampled_from([25.0, 30.0, 60.0, 200.0]))
@settings(max_examples=30, deadline=None)
def test_a_planted_lag_and_offset_are_found(
    movement: Movement, lag_s: float, offset_deg: float, rate_hz: float
) -> None:
    lead = angle_of(movement, Source.IMU)
    late = angle_of(lambda time_s: movement(time_s - lag_s) + offset_deg, Source.VIDEO, rate_hz=rate_hz)
    found = compare(lead, late)
    assert found.lag_s == pytest.approx(lag_s, abs=0.008)
    assert found.offset_deg == pytest.approx(offset_deg, abs=0.6)
    assert found.rmse_deg < 1.5


def test_a_planted_disagreement_is_found_whatever_the_gaps(movement: Movement) -> None:
    lead = angle_of(movement, Source.IMU)
    gaps = lead.angle_deg.copy()
    gaps[200:300] = np.nan
    lead = replace(lead, angle_deg=gaps)
    other = angle_of(lambda time_s: 0.8 * movement(time_s), Source.VIDEO, rate_hz=30.0)
    seen = np.isfinite(gaps)
    error = -0.2 * movement(lead.time_s[seen])
    planted = float(np.sqrt(np.mean((error - np.median(error)) ** 2)))
    assert compare(lead, other).rmse_deg == pytest.approx(planted, abs=0.5)
    assert planted > 8.0
    (said,) = relate(lead, other)
    assert said.startswith("the video disagrees with the inertial angle by")


def test_sources_that_agree_are_not_spoken_of(movement: Movement) -> None:
    assert relate(angle_of(movement, Source.IMU), angle_of(movement, Source.VIDEO, rate_hz=30.0)) == ()


def test_a_lag_beyond_the_limit_is_said_with_its_sign(movement: Movement) -> None:
    lead = angle_of(movement, Source.ANGLE)
    late = angle_of(lambda time_s: movement(time_s - 0.2), Source.VIDEO)
    assert "200 ms behind" in relate(lead, late)[0]
    early = angle_of(lambda time_s: movement(time_s + 0.2), Source.VIDEO)
    assert "200 ms ahead of" in relate(lead, early)[0]


def test_a_relative_zero_is_never_replaced_but_the_other_source_is_quoted(movement: Movement) -> None:
    lead = angle_of(lambda time_s: movement(time_s) - 120.0, Source.IMU, zero=Zero.RELATIVE)
    (said,) = relate(lead, angle_of(movement, Source.VIDEO, rate_hz=30.0))
    assert '"reference_pose": {"time_s": 0.00, "angle_deg": 120.0}' in said


def test_sources_without_common_time_are_not_compared(movement: Movement) -> None:
    lead = angle_of(movement, Source.IMU)
    later = replace(lead, time_s=lead.time_s + 9.5, source=Source.VIDEO)
    with pytest.raises(AnalysisError, match=r"0\.5 s in common"):
        compare(lead, later)
    assert "cannot be compared" in relate(lead, later)[0]
    gaps = lead.angle_deg.copy()
    gaps[20:] = np.nan
    assert "observed together" in relate(lead, replace(lead, angle_deg=gaps))[0]


def test_the_order_of_trust_decides_between_equals(movement: Movement) -> None:
    candidates = [
        Candidate(angle=angle_of(movement, source, sd_deg=1.0)) for source in (Source.VIDEO, Source.ANGLE, Source.IMU)
    ]
    assert leading(candidates) == (1, None)
    assert leading([candidates[0], candidates[2]]) == (1, None)
    assert leading(candidates[:1]) == (0, None)


def test_a_source_that_misses_much_gives_up_the_lead(movement: Movement) -> None:
    short = Candidate(angle=angle_of(movement, Source.IMU, until_s=4.0))
    whole = Candidate(angle=angle_of(movement, Source.VIDEO, rate_hz=30.0))
    place, reason = leading([short, whole])
    assert place == 1
    assert reason == "the video leads, because the inertial angle covers only 40% of the recording"


def test_a_source_that_states_a_large_error_gives_up_the_lead(movement: Movement) -> None:
    unsure = Candidate(angle=angle_of(movement, Source.IMU, sd_deg=20.0))
    sure = Candidate(angle=angle_of(movement, Source.VIDEO, sd_deg=4.0))
    place, reason = leading([unsure, sure])
    assert place == 1
    assert reason is not None
    assert "20.0 deg" in reason
    silent = Candidate(angle=angle_of(movement, Source.VIDEO))
    assert leading([unsure, silent]) == (0, None)


def test_what_is_not_gradable_leads_only_alone(movement: Movement) -> None:
    off_plane = Candidate(angle=angle_of(movement, Source.VIDEO, sd_deg=0.5), gradable=False)
    short = Candidate(angle=angle_of(movement, Source.IMU, until_s=4.0, sd_deg=20.0))
    assert leading([off_plane, short])[0] == 1
    assert leading([off_plane])[0] == 0
