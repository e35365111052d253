"""The limb behind a pendulum test: stiffness and viscosity of the knee that let a shank of this weight swing so."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from analysis.errors import AnalysisError
from analysis.finding import PendulumModel
from analysis.limb import Limb
from analysis.model import FloatArray

__all__ = ["PendulumModelParams", "fit_pendulum_model", "swing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendulumModelParams:
    """How the limb is fitted.

    Attributes
    ----------
    vertical_deg
        Knee flexion at which the shank hangs straight down: the thigh lies horizontal. Chosen by us, as the test is
        done sitting or lying with the shank over the edge.
    start_stiffness, start_viscosity
        Where the fit starts, in units of the limb's gravity moment, and of that moment times the period over 2 pi.
        Chosen by us.
    min_stiffness, max_stiffness, max_viscosity
        Bounds, in the same units. A negative stiffness is no joint's, but that of a limb whose weight is taken for too
        large: it is found, and said. Chosen by us.
    step_s
        Longest step of the integration. Chosen by us: below a hundredth of any knee's period.
    longest_s, fit_rate_hz
        The swing is fitted for so long after the release, at this rate: what comes later lies still. Chosen by us.
    """

    vertical_deg: float = 90.0
    start_stiffness: float = 0.3
    start_viscosity: float = 0.2
    min_stiffness: float = -0.9
    max_stiffness: float = 20.0
    max_viscosity: float = 10.0
    step_s: float = 0.01
    longest_s: float = 10.0
    fit_rate_hz: float = 50.0


def swing(
    limb: Limb,
    *,
    stiffness_Nm_per_rad: float,
    viscosity_Nms_per_rad: float,
    ends_deg: tuple[float, float],
    time_s: FloatArray,
    params: PendulumModelParams = PendulumModelParams(),
) -> FloatArray:
    """Let a shank swing from rest: I a = -mgl sin(angle from vertical) - k (angle - equilibrium) - b velocity.

    Parameters
    ----------
    limb
        Inertia and gravity moment of the moved segments.
    stiffness_Nm_per_rad, viscosity_Nms_per_rad
        Of the knee; its equilibrium is where gravity and stiffness hold the shank in the end.
    ends_deg
        Knee flexion at the release, and in the end.
    time_s
        Times since the release, evenly spaced, shape (n,).
    params
        Geometry and step.

    Returns
    -------
    numpy.ndarray
        Knee flexion in degrees, shape (n,).
    """
    gravity = limb.gravity_moment_Nm / limb.inertia_kg_m2
    stiff = stiffness_Nm_per_rad / limb.inertia_kg_m2
    viscous = viscosity_Nms_per_rad / limb.inertia_kg_m2
    vertical, rest = np.radians(params.vertical_deg), np.radians(ends_deg[1])
    held = gravity * np.sin(rest - vertical)
    step_s = float(time_s[1] - time_s[0])
    parts = max(1, int(np.ceil(step_s / params.step_s)))
    h = step_s / parts
    x, v = float(np.radians(ends_deg[0])), 0.0
    path = [x]

    def acceleration(x: float, v: float) -> float:
        return float(-gravity * np.sin(x - vertical) + held - stiff * (x - rest) - viscous * v)

    for _ in range(time_s.size - 1):
        for _ in range(parts):
            middle_v = v + 0.5 * h * acceleration(x, v)
            middle_x = x + 0.5 * h * v
            x, v = x + h * middle_v, v + h * acceleration(middle_x, middle_v)
        path.append(x)
    return np.asarray(np.degrees(path), dtype=np.float64)


def fit_pendulum_model(
    time_s: FloatArray,
    flexion_deg: FloatArray,
    *,
    rest_deg: float,
    limb: Limb,
    params: PendulumModelParams = PendulumModelParams(),
) -> PendulumModel:
    """Fit stiffness and viscosity of the knee to a swing; weight and inertia are those of the limb.

    Stiffness and weight are hardly told apart by a swing alone, so that the weight is taken from body size [1]_, [2]_.

    Parameters
    ----------
    time_s, flexion_deg
        Even samples of the swing from its release on, shape (n,).
    rest_deg
        Flexion at which the limb comes to rest.
    limb
        The limb that swings.
    params
        How it is fitted.

    Raises
    ------
    AnalysisError
        If the swing is shorter than a second.

    References
    ----------
    .. [1] de Leva P. Adjustments to Zatsiorsky-Seluyanov's segment inertia parameters. J Biomech 1996;29:1223-1230.
       doi:10.1016/0021-9290(95)00178-6
    .. [2] Bajd T, Vodovnik L. Pendulum testing of spasticity. J Biomed Eng 1984;6:9-16.
       doi:10.1016/0141-5425(84)90058-3
    """
    if time_s[-1] - time_s[0] < _SHORTEST_S:
        raise AnalysisError(f"the swing was observed for {time_s[-1] - time_s[0]:.1f} s; {_SHORTEST_S:g} s are needed")
    after_s = np.arange(0.0, min(params.longest_s, float(time_s[-1] - time_s[0])), 1.0 / params.fit_rate_hz)
    seen_deg = np.interp(after_s, time_s - time_s[0], flexion_deg)
    per_stiffness = limb.gravity_moment_Nm
    per_viscosity = float(np.sqrt(limb.gravity_moment_Nm * limb.inertia_kg_m2))

    def misfit(values: FloatArray) -> FloatArray:
        modelled = swing(
            limb,
            stiffness_Nm_per_rad=float(values[0]) * per_stiffness,
            viscosity_Nms_per_rad=float(values[1]) * per_viscosity,
            ends_deg=(float(seen_deg[0]), rest_deg),
            time_s=after_s,
            params=params,
        )
        missed: FloatArray = modelled - seen_deg
        return missed

    fitted = least_squares(
        misfit,
        (params.start_stiffness, params.start_viscosity),
        bounds=((params.min_stiffness, 0.0), (params.max_stiffness, params.max_viscosity)),
        diff_step=(1e-4, 1e-4),
    )
    return PendulumModel(
        stiffness_Nm_per_rad=float(fitted.x[0]) * per_stiffness,
        viscosity_Nms_per_rad=float(fitted.x[1]) * per_viscosity,
        rmse_deg=float(np.sqrt(np.mean(fitted.fun**2))),
    )


_SHORTEST_S = 1.0
"""About one period of a shank."""
