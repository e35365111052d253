"""The onset of EMG: planted bursts, rest that stays rest, and onsets that authors marked by eye."""

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.emg import EmgMethod, EmgParams, find_emg_onset, is_stretched, stretched_channels
from analysis.errors import AnalysisError
from analysis.model import EmgSignal
from analysis.muscles import MuscleGroup


def burst(onset_s: float, *, ratio: float, rate_hz: float = 1000.0, rise_s: float = 0.0, seed: int = 0) -> EmgSignal:
    """White noise of unit amplitude that grows by a factor at the onset."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(4.0 * rate_hz)) / rate_hz
    after = np.clip((time_s - onset_s) / rise_s, 0.0, 1.0) if rise_s else (time_s >= onset_s).astype(float)
    return EmgSignal(
        time_s=time_s, emg_V=rng.normal(0.0, 1e-5, time_s.size) * (1.0 + (ratio - 1.0) * after), muscle="x"
    )


@pytest.mark.parametrize("method", list(EmgMethod))
@pytest.mark.parametrize("rate_hz", [200.0, 1000.0, 2000.0])
def test_planted_bursts_are_found_in_time(method: EmgMethod, rate_hz: float) -> None:
    errors = []
    for seed in range(20):
        emg = burst(2.2, ratio=5.0, rate_hz=rate_hz, seed=seed)
        found = find_emg_onset(emg, start_s=2.0, end_s=2.6, params=EmgParams(method=method))
        assert found is not None
        assert found.amplitude_ratio > 3.0
        errors.append(found.time_s - 2.2)
    assert abs(np.median(errors)) <= 0.02
    assert np.percentile(np.abs(errors), 80) <= 0.025


def test_the_likelihoods_deviation_tells_how_far_it_errs() -> None:
    found = [find_emg_onset(burst(2.2, ratio=4.0, seed=s), start_s=2.0, end_s=2.6) for s in range(60)]
    scores = [(one.time_s - 2.2) / one.sd_s for one in found if one is not None]
    assert len(scores) == len(found)
    assert np.mean(np.abs(scores) <= 2.0) >= 0.8


def test_rest_stays_rest() -> None:
    found = [find_emg_onset(burst(9.0, ratio=5.0, seed=s), start_s=2.0, end_s=3.0) for s in range(100)]
    assert sum(one is not None for one in found) <= 1


def test_drift_of_the_electrodes_is_no_muscle() -> None:
    quiet = burst(9.0, ratio=5.0)
    sway = 2e-4 * np.clip(quiet.time_s - 2.0, 0.0, 0.5) ** 2
    moved = EmgSignal(time_s=quiet.time_s, emg_V=quiet.emg_V + sway, muscle="x")
    assert find_emg_onset(moved, start_s=2.0, end_s=3.0) is None


def test_missing_rest_and_missing_values_are_refused_by_name() -> None:
    emg = burst(2.2, ratio=5.0)
    with pytest.raises(AnalysisError, match=r"at rest before 0\.15 s"):
        find_emg_onset(emg, start_s=0.15, end_s=0.5)
    holed = EmgSignal(time_s=emg.time_s, emg_V=np.where(emg.time_s > 2.1, np.nan, emg.emg_V), muscle="biceps")
    with pytest.raises(AnalysisError, match=r"EmgSignal\.emg_V of biceps"):
        find_emg_onset(holed, start_s=2.0, end_s=2.6)


@pytest.mark.parametrize(
    ("name", "group", "told"),
    [
        ("biceps", MuscleGroup.ELBOW_FLEXORS, True),
        ("Biceps femoris", MuscleGroup.ELBOW_FLEXORS, False),
        ("m. biceps femoris (long head)", MuscleGroup.KNEE_FLEXORS, True),
        ("triceps surae", MuscleGroup.PLANTARFLEXORS, True),
        ("triceps surae", MuscleGroup.ELBOW_EXTENSORS, False),
        ("Tibialis anterior", MuscleGroup.PLANTARFLEXORS, False),
        ("sol", MuscleGroup.PLANTARFLEXORS, True),
        ("channel_3", MuscleGroup.PLANTARFLEXORS, None),
    ],
)
def test_muscles_are_told_by_name(name: str, group: MuscleGroup, told: bool | None) -> None:
    assert is_stretched(name, group) is told


def test_a_single_unknown_channel_is_taken_for_the_muscle_but_not_one_of_several() -> None:
    emg = burst(2.2, ratio=5.0)
    other = EmgSignal(time_s=emg.time_s, emg_V=emg.emg_V, muscle="biceps")
    assert stretched_channels([emg], MuscleGroup.ELBOW_FLEXORS) == (emg,)
    assert stretched_channels([emg, other], MuscleGroup.ELBOW_FLEXORS) == (other,)


@pytest.mark.shared_data
@pytest.mark.parametrize("method", list(EmgMethod))
def test_onsets_agree_with_the_authors_marks(shared_data: Path, method: EmgMethod) -> None:
    folder = shared_data / "kuleuven_cp"
    near = []
    for trial in json.loads((folder / "trials.json").read_text()):
        if trial["speed"] != "fast":
            continue
        table = np.genfromtxt(folder / f"{trial['trial']}.csv", delimiter=",", names=True)
        along = table["velocity_deg_s"] * (-1.0 if trial["joint"] == "knee" else 1.0)
        peak = int(along.argmax())
        start = int(np.flatnonzero(along[:peak] < 0.1 * along[peak])[-1])
        for name, marked_s in trial["emg_onset_by_authors_s"].items():
            if marked_s is None or name == "tia":
                continue
            emg = EmgSignal(time_s=table["time_s"], emg_V=table[f"emg_{name}_V"], muscle=name)
            end_s = float(table["time_s"][peak]) + 0.3
            found = find_emg_onset(
                emg, start_s=float(table["time_s"][start]), end_s=end_s, params=EmgParams(method=method)
            )
            near.append(found is not None and abs(found.time_s - marked_s) <= 0.02 + 1e-9)
    assert len(near) >= 12
    assert np.mean(near) >= 0.8
