"""How far the soft tissue under the distal sensor lags behind the bone, and the angle without that lag."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, ndimage, signal

from analysis.model import FloatArray
from sensors.clock import ImuPair
from sensors.hinge import Hinge, along, plane_basis

__all__ = ["SoftTissueParams", "TissueLag", "find_tissue_lag", "without_tissue_lag"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftTissueParams:
    """How the lag is sought; all values chosen by us.

    Attributes
    ----------
    movements
        So many of the fastest movements are used, at most.
    least_share
        Slower movements than this share of the fastest are not.
    apart_s, around_s
        Least time between two movements, and how much of each is used on either side of its peak velocity (s).
    least_rate_rad_s
        Slower peaks (rad/s) show no lag.
    lags_s2
        Lags that are tried, in rad per rad/s2; 1e-4 is a resonance of 16 Hz.
    smooth_s
        Accelerations and what explains them are smoothed alike over this time (s, standard deviation): jittered time
        stamps make noise of an acceleration, which a lag would seem to remove.
    correlated
        So many neighbouring samples share their misfit.
    least_sds
        A lag counts from so many of its standard deviations on.
    """

    movements: int = 8
    least_share: float = 0.4
    apart_s: float = 0.6
    around_s: float = 0.25
    least_rate_rad_s: float = 1.5
    lags_s2: tuple[float, ...] = (0.0, 2e-5, 4e-5, 6e-5, 8e-5, 1e-4, 1.3e-4, 1.6e-4, 2e-4, 2.5e-4, 3e-4)
    smooth_s: float = 0.01
    correlated: float = 6.0
    least_sds: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TissueLag:
    """Lag in rad per rad/s2, 0 where none was found, and its standard deviation (infinite where it cannot be told)."""

    lag_s2: float
    sd_s2: float


def find_tissue_lag(
    pair: ImuPair, hinge: Hinge, distal_rad: FloatArray, params: SoftTissueParams = SoftTissueParams()
) -> TissueLag:
    """Find the lag from the distal sensor's own acceleration in its fastest movements.

    A sensor on soft tissue is thrown back in proportion to the segment's angular acceleration: its gyroscope shows the
    bone's rate with the quick parts enlarged. The acceleration of the sensor along its path is that of the bone times
    its lever arm. Only with the right lag do both agree; gravity, lever arm and bias are fitted with it.

    Parameters
    ----------
    pair, hinge
        Signals and axis.
    distal_rad
        Integrated rate of the distal sensor about the axis, shape (n,).
    params
        What is tried.

    Notes
    -----
    One lag per angular acceleration is our own model: the first term of a resonance well above the movement.
    """
    windows = _fast_windows(np.gradient(distal_rad) * pair.rate_hz, pair.seen2, pair.rate_hz, params)
    if not windows:
        return TissueLag(lag_s2=0.0, sd_s2=np.inf)
    first, second = plane_basis(hinge.axis2)
    plane = along(pair.acc2_m_s2, first) + 1j * along(pair.acc2_m_s2, second)
    misfits = np.array(
        [_misfit(plane, distal_rad, windows, (lag, params.smooth_s), pair.rate_hz) for lag in params.lags_s2]
    )
    count = 2.0 * sum(window.stop - window.start for window in windows) / params.correlated
    least = int(np.clip(np.argmin(misfits), 1, misfits.size - 2))
    near = slice(least - 1, least + 2)
    unit_s2 = params.lags_s2[-1]
    bend, slope, _ = np.polyfit(np.array(params.lags_s2[near]) / unit_s2, misfits[near] / misfits[least], 2)
    if bend <= 0:
        return TissueLag(lag_s2=0.0, sd_s2=np.inf)
    lag = unit_s2 * float(np.clip(-0.5 * slope / bend, 0.0, 1.0))
    sd = unit_s2 / float(np.sqrt(count * bend))
    return TissueLag(lag_s2=lag if lag > params.least_sds * sd else 0.0, sd_s2=sd)


def without_tissue_lag(distal_deg: FloatArray, lag_s2: float, rate_hz: float) -> FloatArray:
    """Take the lag out of a turn: what the tissue enlarges by 1 + lag w^2 at each frequency w is reduced by as much.

    The filter has no phase: nothing is delayed.
    """
    if lag_s2 <= 0.0 or distal_deg.size < 3:
        return distal_deg
    strength = lag_s2 * rate_hz**2
    banded = np.empty((2, distal_deg.size))
    banded[0], banded[1] = -strength, 1.0 + 2.0 * strength
    banded[1, 0] = banded[1, -1] = 1.0 + strength
    result: FloatArray = linalg.solveh_banded(banded, distal_deg, check_finite=False)
    return result


def _fast_windows(
    rate_rad_s: FloatArray, seen: NDArray[np.bool_], rate_hz: float, params: SoftTissueParams
) -> list[slice]:
    """Cut out the fastest movements that were measured throughout."""
    speed = np.abs(rate_rad_s) * seen
    top = float(speed.max())
    if top < params.least_rate_rad_s:
        return []
    peaks, found = signal.find_peaks(
        speed, height=params.least_share * top, distance=max(1, round(params.apart_s * rate_hz))
    )
    reach = round(params.around_s * rate_hz)
    fastest = peaks[np.argsort(found["peak_heights"])[::-1]]
    whole = [at for at in fastest if reach <= at < speed.size - reach and seen[at - reach : at + reach].all()]
    return [slice(int(at) - reach, int(at) + reach) for at in whole[: params.movements]]


def _misfit(
    plane: FloatArray, distal_rad: FloatArray, windows: list[slice], tried: tuple[float, float], rate_hz: float
) -> float:
    """Mean square of the acceleration in the plane that gravity, lever arm and bias leave unexplained."""
    rows, values = [], []
    lag_s2, smooth_s = tried
    margin = round(0.1 * rate_hz)
    for at, window in enumerate(windows):
        wide = slice(max(0, window.start - margin), min(window.stop + margin, distal_rad.size))
        inner = slice(window.start - wide.start, window.stop - wide.start)
        turned = distal_rad[wide] - distal_rad[window.start]
        bone = without_tissue_lag(turned, lag_s2, rate_hz)
        rate = np.gradient(bone) * rate_hz
        spin = np.diff(np.r_[bone[:1], bone, bone[-1:]], n=2) * rate_hz**2
        smooth = ndimage.gaussian_filter1d(
            [np.exp(-1j * turned), 1j * spin - rate**2, plane[wide]], smooth_s * rate_hz, axis=1
        )[:, inner]
        columns = np.zeros((window.stop - window.start, len(windows) + 2), dtype=complex)
        columns[:, at], columns[:, -2], columns[:, -1] = smooth[0], smooth[1], 1.0
        rows.append(columns)
        values.append(smooth[2])
    design, target = np.concatenate(rows), np.concatenate(values)
    found = np.linalg.lstsq(design, target, rcond=None)[0]
    return float(np.mean(np.abs(target - design @ found) ** 2))
