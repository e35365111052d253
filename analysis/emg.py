"""When a muscle begins to fire in a stretch: likelihood-ratio and threshold detectors of the onset of surface EMG."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import signal

from analysis.errors import AnalysisError
from analysis.finding import EmgOnset
from analysis.model import EmgSignal, FloatArray
from analysis.muscles import MuscleGroup

__all__ = ["EmgMethod", "EmgParams", "find_emg_onset", "is_stretched", "stretched_channels", "usable_emg"]


class EmgMethod(StrEnum):
    """How the onset is found."""

    LIKELIHOOD = "likelihood ratio"
    THREE_SD = "mean + 3 SD"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmgParams:
    """How the onset of EMG is found.

    Attributes
    ----------
    method
        Likelihood ratio (after Staude and Wolf 1999, doi:10.1016/S1350-4533(99)00067-3, who whiten the signal first;
        here a high-pass stands for it), or a threshold over the baseline (van den Noort 2010, Arch Phys Med Rehabil
        91:615: 3 SD).
    high_pass_hz
        Slower changes are movement of electrodes and cables. Chosen by us, the usual lower bound of surface EMG.
    least_rate_ratio
        A signal sampled at less than this many times `high_pass_hz` was reduced before it was stored, and holds too
        little above it: only its mean is taken out. Chosen by us.
    baseline_s, lead_s
        Length of the rest that the baseline is read off, and how long before the movement it ends; a shorter rest is
        used down to `least_baseline_s`. Chosen by us.
    least_baseline_s
        A shorter baseline tells nothing. Chosen by us.
    window_s
        Longest stretch of signal that the likelihood ratio is taken over. Chosen by us; on the stretches of one person
        with cerebral palsy, 70 to 100 ms agree equally well with the onsets that were marked by eye.
    alarm
        Logarithm of the likelihood ratio from which a change is believed; of rest alone, one in ten thousand windows
        reaches 7.6. Chosen by us.
    envelope_s
        Window of the root mean square that the threshold is held against (Bar-On 2013,
        doi:10.1016/j.gaitpost.2012.11.003, from memory of the literature: 30 ms).
    deviations
        The threshold in standard deviations of the envelope at rest, above its mean (van den Noort 2010, as above).
    hold_s
        How long the envelope stays above the threshold. Chosen by us.
    least_sd_s
        Standard deviation that no onset undercuts. Chosen by us.
    clipped_share, clipped_ratio
        A channel is cut off where this share of its samples lies at its largest or its smallest value, and so many
        times as many as at the value next to it. Chosen by us.
    """

    method: EmgMethod = EmgMethod.LIKELIHOOD
    high_pass_hz: float = 20.0
    least_rate_ratio: float = 15.0
    baseline_s: float = 1.0
    lead_s: float = 0.1
    least_baseline_s: float = 0.2
    window_s: float = 0.08
    alarm: float = 12.0
    envelope_s: float = 0.03
    deviations: float = 3.0
    hold_s: float = 0.02
    least_sd_s: float = 0.003
    clipped_share: float = 0.005
    clipped_ratio: float = 3.0


def find_emg_onset(emg: EmgSignal, *, start_s: float, end_s: float, params: EmgParams = EmgParams()) -> EmgOnset | None:
    """Find when a muscle begins to fire between two times.

    The likelihood ratio compares, for every window, "as at rest throughout" with "more variance from some sample on"
    (Gaussian, zero mean). Where it first passes the alarm, the sample of the change is the most likely one over that
    window and another one after it; its standard deviation is that of the likelihood over these samples.

    Parameters
    ----------
    emg
        Raw EMG; its sampling may have gaps, but no missing values between the times.
    start_s, end_s
        Where an onset is sought: from the start of a movement. The baseline is the rest before it.
    params
        How it is found.

    Returns
    -------
    EmgOnset or None
        ``None`` where the muscle does not begin to fire.

    Raises
    ------
    AnalysisError
        If the rest before the movement was not recorded, or values are missing.

    References
    ----------
    .. [1] Staude G, Wolf W. Objective motor response onset detection in surface myoelectric signals. Med Eng Phys
       1999;21:449-467. doi:10.1016/S1350-4533(99)00067-3
    """
    rate_hz = 1.0 / float(np.median(np.diff(emg.time_s)))
    first_s = start_s - params.lead_s - params.baseline_s
    bounds_s = np.array([first_s, start_s - params.lead_s, start_s, end_s, end_s + params.window_s])
    samples = np.searchsorted(emg.time_s, bounds_s - _ROUNDING / rate_hz)
    resting, begin, end = (int(sample - samples[0]) for sample in samples[1:4])
    time_s, raw = emg.time_s[samples[0] : samples[4]], emg.emg_V[samples[0] : samples[4]]
    if resting < max(_FEWEST, params.least_baseline_s * rate_hz):
        raise AnalysisError(
            f"the EMG of {emg.muscle} was not recorded long enough at rest before {start_s:.2f} s: at least "
            f"{params.least_baseline_s:g} s are needed"
        )
    if not np.isfinite(raw).all():
        raise AnalysisError(f"EmgSignal.emg_V of {emg.muscle} has missing values (NaN) near {start_s:.2f} s")
    quick = _high_passed(raw, rate_hz, params)
    at_rest = float(np.var(quick[:resting]))
    if at_rest <= 0 or end <= begin:
        return None
    quick = quick - float(np.mean(quick[:resting]))
    if params.method is EmgMethod.LIKELIHOOD:
        found = _likelihood_onset(quick**2 / at_rest, begin, end, rate_hz, params)
    else:
        found = _threshold_onset(quick, resting, begin, end, rate_hz, params)
    if found is None:
        return None
    onset, sd_samples = found
    after = quick[onset : onset + max(2, round(params.window_s * rate_hz))]
    return EmgOnset(
        muscle=emg.muscle,
        time_s=float(time_s[onset]),
        sd_s=max(params.least_sd_s, sd_samples / rate_hz),
        amplitude_ratio=float(np.sqrt(np.mean(after**2) / at_rest)),
        method=params.method.value,
    )


_ROUNDING = 0.25
"""Share of a sample by which a bound may be off: times that are rounded do not move it to the next sample."""

_FEWEST = 8
"""Samples of rest below which no variance is estimated."""


def _high_passed(raw: FloatArray, rate_hz: float, params: EmgParams) -> FloatArray:
    """Take out what is slower than a muscle's own activity, without lag."""
    if rate_hz < params.least_rate_ratio * params.high_pass_hz:
        return raw - float(np.median(raw))
    sos = signal.butter(2, params.high_pass_hz, btype="highpass", fs=rate_hz, output="sos")
    smooth: FloatArray = signal.sosfiltfilt(sos, raw, padlen=min(raw.size - 1, round(rate_hz / params.high_pass_hz)))
    return smooth


def _gain(power: FloatArray, samples: FloatArray) -> FloatArray:
    """Logarithm of the likelihood of a raised variance over that at rest; `power` is the mean square over rest's."""
    safe = np.maximum(power, 1.0)
    return np.asarray(0.5 * samples * (safe - 1.0 - np.log(safe)), dtype=np.float64)


def _likelihood_onset(
    squares: FloatArray, begin: int, end: int, rate_hz: float, params: EmgParams
) -> tuple[int, float] | None:
    """Find the first believed change of variance; its sample and deviation in samples."""
    n = max(3, round(params.window_s * rate_hz))
    end = min(end, squares.size)
    if end - begin < n:
        return None
    windows = sliding_window_view(squares[begin:end], n)
    left = np.arange(n, 0, -1, dtype=np.float64)
    means = np.cumsum(windows[:, ::-1], axis=1)[:, ::-1] / left
    gains = _gain(means, left)[:, : n - 1]
    alarms = np.flatnonzero(gains.max(axis=1) > params.alarm)
    if not alarms.size:
        return None
    first = int(alarms[0])
    believed = begin + first + int(gains[first].argmax())
    until = min(begin + first + 2 * n, squares.size)
    places = np.arange(max(begin, believed - n), min(believed + n, until - 2))
    total = np.concatenate([[0.0], np.cumsum(squares)])
    counts = (until - places).astype(np.float64)
    likelihood = _gain((total[until] - total[places]) / counts, counts)
    weight = np.exp(likelihood - likelihood.max())
    weight /= weight.sum()
    mean = float(weight @ places)
    return int(places[likelihood.argmax()]), float(np.sqrt(weight @ (places - mean) ** 2))


def _threshold_onset(
    quick: FloatArray, resting: int, begin: int, end: int, rate_hz: float, params: EmgParams
) -> tuple[int, float] | None:
    """Find where the envelope first stays above its threshold; the deviation is that of its window."""
    n = max(1, round(params.envelope_s * rate_hz))
    envelope = np.sqrt(np.convolve(quick**2, np.ones(n) / n, mode="same"))
    level = float(envelope[:resting].mean() + params.deviations * envelope[:resting].std())
    hold = max(1, round(params.hold_s * rate_hz))
    above = (envelope > level)[begin : end + hold]
    if above.size < hold:
        return None
    held = sliding_window_view(above, hold).all(axis=1)
    return (begin + int(held.argmax()), n / np.sqrt(12.0)) if held.any() else None


_NAMES = MappingProxyType(
    {
        MuscleGroup.ELBOW_FLEXORS: ("biceps brachii", "biceps", "brachialis", "brachioradialis", "bic", "bb", "brd"),
        MuscleGroup.ELBOW_EXTENSORS: ("triceps brachii", "triceps", "anconeus", "tri", "tb"),
        MuscleGroup.WRIST_FLEXORS: (
            "carpi radialis",
            "carpi ulnaris",
            "flexor digitorum",
            "palmaris",
            "fcr",
            "fcu",
            "fds",
        ),
        MuscleGroup.KNEE_FLEXORS: (
            "hamstring",
            "semitendinosus",
            "semimembranosus",
            "biceps femoris",
            "meh",
            "lah",
            "ham",
            "bf",
            "st",
            "sm",
        ),
        MuscleGroup.KNEE_EXTENSORS: ("quadriceps", "rectus femoris", "vastus", "ref", "rf", "vl", "vm", "quad"),
        MuscleGroup.PLANTARFLEXORS: (
            "gastrocnemius",
            "soleus",
            "triceps surae",
            "medgas",
            "latgas",
            "gas",
            "gm",
            "gl",
            "sol",
        ),
        MuscleGroup.HIP_ADDUCTORS: ("adductor", "gracilis", "add", "gra"),
    }
)
"""Names by which a channel's muscle is told; whole words, the longest of all groups decides."""

_ANTAGONISTS = ("tibialis", "tia", "ta", "extensor carpi", "extensor digitorum", "gluteus")
"""Names of muscles that no test of ours lengthens."""


def is_stretched(muscle: str, group: MuscleGroup) -> bool | None:
    """Tell whether a channel of that name belongs to a muscle group; ``None`` where the name is not known."""
    said = f" {' '.join(''.join(c if c.isalnum() else ' ' for c in muscle.lower()).split())} "
    best: tuple[int, MuscleGroup | None] = (0, None)
    for owner, names in (*_NAMES.items(), (None, _ANTAGONISTS)):
        for name in names:
            known = name in said if len(name) > _ABBREVIATION else f" {name} " in said
            if known and len(name) > best[0]:
                best = (len(name), owner)
    return None if best[0] == 0 else best[1] is group


_ABBREVIATION = 6
"""Names up to this length are looked for as whole words: "gas" is also in "gastric"."""


def stretched_channels(channels: Sequence[EmgSignal], group: MuscleGroup) -> tuple[EmgSignal, ...]:
    """Choose the channels of the stretched muscles; a single one of an unknown name is taken for one of them."""
    told = [is_stretched(one.muscle, group) for one in channels]
    if len(channels) == 1 and told[0] is None:
        return tuple(channels)
    return tuple(one for one, is_ours in zip(channels, told, strict=True) if is_ours)


def usable_emg(
    channels: Sequence[EmgSignal], params: EmgParams = EmgParams()
) -> tuple[tuple[EmgSignal, ...], tuple[str, ...]]:
    """Leave out channels that hold no signal, and say which those are, and which were cut off.

    Parameters
    ----------
    channels
        All EMG of a recording.
    params
        What is cut off.

    Returns
    -------
    tuple of EmgSignal, tuple of str
        The channels that can be read, and a sentence for each doubt.
    """
    kept, said = [], []
    for channel in channels:
        values, counts = np.unique(channel.emg_V[np.isfinite(channel.emg_V)], return_counts=True)
        if values.size <= 1:
            said.append(
                f"the EMG of {channel.muscle} never changes: its electrode or its channel was dead, and it is not used"
            )
            continue
        kept.append(channel)
        if _is_clipped(counts, params) or _is_clipped(counts[::-1], params):
            said.append(
                f"the EMG of {channel.muscle} is cut off at {values[0]:.2g} and {values[-1]:.2g} V: the amplifier was "
                "too sensitive; it fired more strongly than is told, and its onset may be hidden"
            )
    return tuple(kept), tuple(said)


def _is_clipped(counts: NDArray[np.int64], params: EmgParams) -> bool:
    """Tell whether samples pile up at the last of the values that occur, in growing order."""
    piled = counts[-1] >= params.clipped_share * counts.sum()
    return bool(piled and counts[-1] >= params.clipped_ratio * counts[-2])
