"""A drifting inertial angle held by a video: corrected where both agree, left alone where they do not."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.model import JointAngle, Source, Zero
from records.alternatives import Candidate
from records.together import hold_together

TIME_S = np.arange(0.0, 60.0, 0.01)
TRUE_DEG = 60.0 + 40.0 * np.sin(0.8 * TIME_S) + 10.0 * np.sin(2.9 * TIME_S)


@pytest.fixture
def lead() -> JointAngle:
    return JointAngle(
        time_s=TIME_S,
        angle_deg=TRUE_DEG + 0.08 * TIME_S,
        sd_deg=1.0 + 0.05 * TIME_S,
        source=Source.IMU,
        zero=Zero.REFERENCE_POSE,
        bandwidth_hz=50.0,
    )


@pytest.fixture
def film() -> JointAngle:
    time_s = np.arange(0.0, 60.0, 1.0 / 60.0)
    wander = np.interp(time_s, np.arange(0.0, 62.0), np.random.default_rng(2).normal(0.0, 1.5, 62))
    return JointAngle(
        time_s=time_s + 0.03,  # its clock is late
        angle_deg=np.interp(time_s, TIME_S, TRUE_DEG) + wander,
        sd_deg=np.full(time_s.size, 2.0),
        source=Source.VIDEO,
        zero=Zero.ANATOMICAL,
        bandwidth_hz=30.0,
    )


def rms(angle: JointAngle) -> float:
    return float(np.sqrt(np.nanmean((angle.angle_deg - TRUE_DEG) ** 2)))


def test_drift_is_taken_off_and_the_source_is_named(lead: JointAngle, film: JointAngle) -> None:
    found = hold_together(lead, [Candidate(angle=film)])
    assert found.fused == (Source.VIDEO,)
    assert rms(found.angle) < 0.75 * rms(lead)
    assert found.angle.source is Source.IMU
    assert np.abs(np.diff(found.angle.angle_deg - lead.angle_deg)).max() < 0.05


def test_what_was_not_observed_stays_missing(lead: JointAngle, film: JointAngle) -> None:
    lost = (TIME_S > 30.0) & (TIME_S < 32.0)
    holed = replace(lead, angle_deg=np.where(lost, np.nan, lead.angle_deg))
    found = hold_together(holed, [Candidate(angle=film)])
    assert np.array_equal(np.isnan(found.angle.angle_deg), lost)


def test_what_may_not_join_changes_nothing(lead: JointAngle, film: JointAngle) -> None:
    mirrored = replace(film, angle_deg=120.0 - film.angle_deg)
    late = replace(film, time_s=film.time_s + 0.3)
    relative = replace(film, zero=Zero.RELATIVE)
    for other in (
        Candidate(angle=mirrored),
        Candidate(angle=late),
        Candidate(angle=relative),
        Candidate(angle=film, gradable=False),
    ):
        found = hold_together(lead, [other])
        assert found.angle is lead
        assert found.fused == ()
    for alone in (replace(lead, source=Source.ANGLE), replace(lead, zero=Zero.RELATIVE)):
        assert hold_together(alone, [Candidate(angle=film)]).angle is alone
    assert hold_together(lead, []).angle is lead
