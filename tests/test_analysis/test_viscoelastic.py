"""Elastic and viscous torque over several velocities: what was planted comes back, one velocity is refused."""

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.viscoelastic import TorqueTrial, fit_viscoelastic


def trial(
    velocity_deg_s: float, *, stiffness: float = 1.2, viscosity: float = 0.2, inertia: float = 0.07
) -> TorqueTrial:
    """Move over 80 deg with a minimum-jerk profile, after a rest; torques in N m, of a limb with a known impedance."""
    rate_hz = 500.0
    duration_s = 1.875 * 80.0 / velocity_deg_s
    s = np.clip((np.arange(round((duration_s + 2.0) * rate_hz)) / rate_hz - 1.0) / duration_s, 0.0, 1.0)
    angle_deg = 80.0 + 80.0 * (10 * s**3 - 15 * s**4 + 6 * s**5)
    angle = np.radians(angle_deg)
    velocity = np.gradient(angle, 1.0 / rate_hz)
    acceleration = np.gradient(velocity, 1.0 / rate_hz)
    away = angle - np.radians(120.0)
    torque = 0.3 + stiffness * away + 0.5 * away**3 + viscosity * velocity + inertia * acceleration
    return TorqueTrial(rate_hz=rate_hz, angle_deg=angle_deg, torque_Nm=torque)


def test_planted_impedance_is_recovered() -> None:
    found = fit_viscoelastic([trial(v) for v in (10.0, 20.0, 40.0, 80.0)])
    assert found.elastic_Nm_per_rad[0] == pytest.approx(1.2, rel=0.02)
    assert found.elastic_Nm_per_rad[2] == pytest.approx(0.5, rel=0.1)
    assert found.viscosity_Nms_per_rad == pytest.approx(0.2, rel=0.05)
    assert found.inertia_kg_m2 == pytest.approx(0.07, rel=0.1)
    assert found.reference_deg == pytest.approx(120.0, abs=0.5)
    assert found.r_squared >= 0.99
    assert np.ptp(found.elastic_at(np.array([80.0, 160.0]))) == pytest.approx(
        2.0 * (1.2 * 0.698 + 0.5 * 0.34), rel=0.03
    )


def test_what_cannot_tell_viscosity_is_refused_by_name() -> None:
    with pytest.raises(AnalysisError, match="at least 2 trials"):
        fit_viscoelastic([trial(40.0)])
    with pytest.raises(AnalysisError, match="range of 2 to 1"):
        fit_viscoelastic([trial(40.0), trial(45.0)])
    broken = trial(40.0)
    holed = TorqueTrial(
        rate_hz=500.0, angle_deg=broken.angle_deg, torque_Nm=np.where(broken.torque_Nm > 0, np.nan, broken.torque_Nm)
    )
    with pytest.raises(AnalysisError, match="torque_Nm has missing"):
        fit_viscoelastic([holed, trial(20.0)])
