"""The velocity gauge: repetitions are followed causally, and a slow one is called slow before the limb is back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import DataError
from analysis.finding import VelocityClass
from analysis.repetition import Repetition, RepetitionGauge, Verdict

RATE_HZ = 200.0
Series = tuple[np.ndarray, np.ndarray, np.ndarray]


def stretches(*peaks_deg_s: float, range_deg: float = 80.0, sign: int = 1) -> Series:
    """Rest, then minimum-jerk stretches of the given peak velocities, each with a return at 60 deg/s."""
    rest = np.zeros(round(0.5 * RATE_HZ))
    parts = [rest]
    for peak in peaks_deg_s:
        for along, top in ((1.0, peak), (-1.0, 60.0)):
            x = np.linspace(0, 1, max(3, round(1.875 * range_deg / top * RATE_HZ)))
            parts += [along * top * 16 * x**2 * (1 - x) ** 2, rest]
    velocity = sign * np.concatenate(parts)
    return np.arange(velocity.size) / RATE_HZ, np.cumsum(velocity) / RATE_HZ, velocity


def follow(gauge: RepetitionGauge, series: Series, size: int = 7) -> list[Repetition]:
    ended: list[Repetition] = []
    for first in range(0, series[0].size, size):
        ended += gauge.update(*(values[first : first + size] for values in series)).ended
    return ended


@settings(max_examples=15)
@given(peak=st.floats(20.0, 600.0), sign=st.sampled_from([-1, 1]), size=st.integers(1, 50))
def test_planted_stretches_are_found_with_their_peak_and_class(peak: float, sign: int, size: int) -> None:
    series = stretches(peak, 40.0, sign=sign)
    found = follow(RepetitionGauge(stretch_sign=sign), series, size)
    assert len(found) == 2
    assert found[0].peak_velocity_deg_s == pytest.approx(peak, rel=0.05)
    assert found[0].velocity is (
        VelocityClass.V1
        if found[0].peak_velocity_deg_s <= 70
        else VelocityClass.V3
        if found[0].peak_velocity_deg_s >= 150
        else VelocityClass.V2
    )
    assert found[0].range_deg == pytest.approx(80.0, abs=4.0)
    assert all(repetition.ended for repetition in found)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**31))
def test_any_bundling_gives_the_same(seed: int) -> None:
    series = stretches(200.0, 50.0)
    cuts = np.sort(np.random.default_rng(seed).integers(0, series[0].size, 20))
    gauge = RepetitionGauge(stretch_sign=1, asked=VelocityClass.V3)
    ended: list[Repetition] = []
    for part in zip(*(np.split(values, cuts) for values in series), strict=True):
        ended += gauge.update(*part).ended
    assert ended == follow(RepetitionGauge(stretch_sign=1, asked=VelocityClass.V3), series)


@pytest.mark.parametrize(
    ("asked", "peak", "verdict"),
    [
        (VelocityClass.V3, 300.0, Verdict.IN_BAND),
        (VelocityClass.V3, 120.0, Verdict.TOO_SLOW),
        (VelocityClass.V1, 40.0, Verdict.IN_BAND),
        (VelocityClass.V1, 120.0, Verdict.TOO_FAST),
        (VelocityClass.V2, 110.0, Verdict.IN_BAND),
        (VelocityClass.V2, 50.0, Verdict.TOO_SLOW),
        (None, 50.0, Verdict.IN_BAND),
    ],
)
def test_verdict(asked: VelocityClass | None, peak: float, verdict: Verdict) -> None:
    assert follow(RepetitionGauge(stretch_sign=1, asked=asked), stretches(peak))[0].verdict is verdict


def test_too_slow_is_said_before_the_stretch_is_over_and_not_before_its_peak() -> None:
    time_s, angle, velocity = stretches(100.0)
    gauge = RepetitionGauge(stretch_sign=1, asked=VelocityClass.V3)
    said, over = np.nan, np.nan
    for at in range(time_s.size):
        shown = gauge.update(time_s[at : at + 1], angle[at : at + 1], velocity[at : at + 1])
        if shown.current and shown.current.verdict is Verdict.TOO_SLOW and np.isnan(said):
            said = time_s[at]
        if shown.ended and np.isnan(over):
            over = time_s[at]
    assert time_s[np.argmax(velocity)] < said < over - 0.1


def test_in_band_is_said_as_soon_as_it_is_reached() -> None:
    time_s, angle, velocity = stretches(300.0)
    at = int(np.argmax(velocity >= 151.0))
    gauge = RepetitionGauge(stretch_sign=1, asked=VelocityClass.V3)
    shown = gauge.update(time_s[: at + 1], angle[: at + 1], velocity[: at + 1])
    assert shown.current is not None
    assert shown.current.verdict is Verdict.IN_BAND


def test_small_movements_and_lost_samples_are_no_repetition() -> None:
    gauge = RepetitionGauge(stretch_sign=1)
    assert not follow(gauge, stretches(30.0, range_deg=3.0))
    time_s, angle, velocity = stretches(100.0)
    lost = velocity.copy()
    lost[: round(0.6 * RATE_HZ)] = np.nan
    assert len(follow(RepetitionGauge(stretch_sign=1), (time_s, angle, lost))) == 1
    assert np.isnan(gauge.update(time_s[:1], angle[:1], lost[:1]).velocity_deg_s)


def test_another_band_can_be_asked_for() -> None:
    gauge = RepetitionGauge(stretch_sign=1, asked=VelocityClass.V1)
    assert follow(gauge, stretches(200.0))[0].verdict is Verdict.TOO_FAST
    gauge.ask(VelocityClass.V3)
    assert follow(gauge, stretches(200.0))[0].verdict is Verdict.IN_BAND


def test_input_that_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match="stretch_sign"):
        RepetitionGauge(stretch_sign=0)
    with pytest.raises(DataError, match="as many"):
        RepetitionGauge(stretch_sign=1).update(np.zeros(2), np.zeros(1), np.zeros(2))
