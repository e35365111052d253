"""Catches of one stretch from two sources become one, weighed by their intervals."""

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.catch_choice import fuse_catches
from analysis.exam import Exam, examine
from analysis.finding import Catch

if TYPE_CHECKING:
    from tests.test_analysis.conftest import Planter


def catch(angle_deg: float, sd_deg: float, *, probability: float = 0.9) -> Catch:
    return Catch(
        time_s=0.0,
        angle_deg=angle_deg,
        stretch_deg=140.0 - angle_deg,
        angle_interval95_deg=(angle_deg - 1.96 * sd_deg, angle_deg + 1.96 * sd_deg),
        probability=probability,
        method=f"planted with {sd_deg}",
    )


@pytest.fixture(scope="module")
def exam(planter: "Planter") -> Exam:
    return examine(planter.recording(planter.exam([planter.bell(122.0, 5.0), planter.bell(122.0, 0.6)])))


@given(angle=st.floats(40.0, 120.0), apart=st.floats(-1.0, 1.0), first=st.floats(1.0, 8.0), second=st.floats(1.0, 8.0))
def test_catches_that_agree_are_averaged_by_their_precision(
    exam: Exam, angle: float, apart: float, first: float, second: float
) -> None:
    fused = fuse_catches(exam.motion, exam.legs[1], [catch(angle, first), catch(angle + apart, second)])
    share = (1 / second**2) / (1 / first**2 + 1 / second**2)
    assert fused.angle_deg == pytest.approx(angle + share * apart, abs=1e-6)
    half = fused.angle_interval95_deg[1] - fused.angle_deg
    assert half < 1.96 * min(first, second) + 1e-6
    start_deg = exam.motion.sign * exam.motion.stretch_deg[exam.legs[1].start]
    assert fused.stretch_deg == pytest.approx(start_deg - fused.angle_deg, abs=1e-6)
    assert exam.stretches[1].start_s <= fused.time_s <= exam.stretches[1].end_s


def test_catches_that_disagree_keep_both_within_a_wider_interval(exam: Exam) -> None:
    early, late = catch(100.0, 2.0, probability=0.8), catch(70.0, 2.5, probability=0.95)
    fused = fuse_catches(exam.motion, exam.legs[1], [early, late])
    low, high = fused.angle_interval95_deg
    assert low < 70.0
    assert high > 100.0
    assert fused.probability == 0.95
    assert "; and " in fused.method


def test_one_catch_stays_where_it_is(exam: Exam) -> None:
    fused = fuse_catches(exam.motion, exam.legs[1], [catch(90.0, 3.0)])
    assert fused.angle_deg == pytest.approx(90.0)
    assert fused.angle_interval95_deg == pytest.approx((90.0 - 1.96 * 3.0, 90.0 + 1.96 * 3.0))
