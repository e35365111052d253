"""Draw the figures of docs/methods/ from planted truths, by the code that makes the numbers.

    OMP_NUM_THREADS=1 python benchmarks/method_figures.py [--out docs/images]

SVG without any drawing library: lines, points and labels. The same seeds draw the same figures.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.assess import assess
from analysis.emg import EmgParams, find_emg_onset
from analysis.fusion import fuse_angles
from analysis.limb import limb_of
from analysis.model import EmgSignal, FloatArray, JointAngle, Recording, Sex, Side, Source, Subject, TestKind, Zero
from analysis.muscles import MUSCLES, MuscleGroup
from analysis.pendulum import measure_pendulum
from analysis.pendulum_model import swing
from analysis.simulate import ExamPlan, ReflexLaw, SeverityParams, draw_patient, simulate_exams

WIDTH, HEIGHT = 640.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 16.0, 28.0, 44.0
BLUE, ORANGE, GREY, GREEN = "#2166ac", "#d95f02", "#888888", "#1b7837"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A line, or points, with its name in the legend."""

    x: FloatArray
    y: FloatArray
    name: str
    colour: str
    points: bool = False


def figure(path: Path, curves: Sequence[Curve], *, x_name: str, y_name: str) -> None:
    """Write curves on common axes as SVG."""
    x_range = _range([curve.x for curve in curves])
    y_range = _range([curve.y for curve in curves])

    def at_x(value: float) -> float:
        return LEFT + (value - x_range[0]) / (x_range[1] - x_range[0]) * (WIDTH - LEFT - RIGHT)

    def at_y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - y_range[0]) / (y_range[1] - y_range[0]) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH:g}" height="{HEIGHT:g}" fill="white"/>',
    ]
    for value in _ticks(x_range):
        parts.append(_line(at_x(value), TOP, at_x(value), HEIGHT - BOTTOM))
        parts.append(_text(at_x(value), HEIGHT - BOTTOM + 16, f"{value:g}", "middle"))
    for value in _ticks(y_range):
        parts.append(_line(LEFT, at_y(value), WIDTH - RIGHT, at_y(value)))
        parts.append(_text(LEFT - 6, at_y(value) + 4, f"{value:g}", "end"))
    for number, curve in enumerate(curves):
        seen = np.isfinite(curve.x) & np.isfinite(curve.y)
        places = [(at_x(a), at_y(b)) for a, b in zip(curve.x[seen].tolist(), curve.y[seen].tolist(), strict=True)]
        if curve.points:
            parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4" fill="{curve.colour}"/>' for a, b in places]
        else:
            drawn = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
            parts.append(f'<polyline points="{drawn}" fill="none" stroke="{curve.colour}" stroke-width="1.5"/>')
        parts.append(f'<text x="{LEFT + 8 + 150 * number:g}" y="16" fill="{curve.colour}">{curve.name}</text>')
    parts.append(_text(0.5 * (LEFT + WIDTH - RIGHT), HEIGHT - 8, x_name, "middle"))
    parts.append(
        f'<text transform="translate(14,{0.5 * (TOP + HEIGHT - BOTTOM):g}) rotate(-90)" text-anchor="middle">{y_name}</text>'
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")


def _range(values: Sequence[FloatArray]) -> tuple[float, float]:
    every = np.concatenate(values)
    low, high = float(np.nanmin(every)), float(np.nanmax(every))
    margin = 0.04 * (high - low)
    return low - margin, high + margin


def _ticks(bounds: tuple[float, float]) -> list[float]:
    rough = (bounds[1] - bounds[0]) / 6.0
    unit = 10.0 ** np.floor(np.log10(rough))
    step = float(unit * min((1, 2, 5, 10), key=lambda factor: abs(factor * unit - rough)))
    first = np.ceil(bounds[0] / step)
    return [float(round(step * (first + i), 10)) for i in range(int(bounds[1] / step - first) + 1)]


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#dddddd"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333333">{text}</text>'


def threshold(path: Path) -> None:
    """Draw the crossings of one virtual exam, the line found, and the line planted."""
    plan = ExamPlan(slow=2, fast=0, peak_velocities_deg_s=(60.0, 110.0, 160.0, 210.0, 260.0, 310.0, 360.0, 400.0))
    spastic = SeverityParams(laws=(ReflexLaw.LENGTH_VELOCITY,))
    exam = next(
        simulate_exams([draw_patient("2", MuscleGroup.ELBOW_FLEXORS, seed=5, params=spastic)], seed=9, plan=plan)
    )
    found = assess(
        Recording(
            muscle_group=exam.patient.muscle_group,
            side=Side.LEFT,
            test=TestKind.PASSIVE_STRETCH,
            subject=exam.patient.subject,
            angle=exam.true_angle,
            emg=(exam.emg,),
        )
    ).threshold
    truth = exam.truth
    if found is None or truth.lambda0_deg is None or truth.mu_s is None:
        raise SystemExit("the planted threshold was not found")
    velocity, crossed = np.array(found.points).T
    along = np.array([0.0, float(velocity.max())])
    sign = MUSCLES[exam.patient.muscle_group].stretch_sign
    curves = [
        Curve(x=velocity, y=crossed, name="crossings", colour=BLUE, points=True),
        Curve(x=along, y=found.tsrt_deg - sign * found.mu_s * along, name="found", colour=BLUE),
        Curve(x=along, y=truth.lambda0_deg - sign * truth.mu_s * along, name="planted", colour=ORANGE),
    ]
    figure(path, curves, x_name="velocity along the stretch (°/s)", y_name="joint angle (°)")


def emg_onset(path: Path) -> None:
    """Draw a planted burst with the onset that was found."""
    rng = np.random.default_rng(3)
    time_s = np.arange(0.0, 3.0, 0.001)
    emg_uV = rng.normal(0.0, 10.0, time_s.size) * np.where(time_s >= 2.2, 4.0, 1.0)
    found = find_emg_onset(
        EmgSignal(time_s=time_s, emg_V=1e-6 * emg_uV, muscle="biceps"), start_s=2.05, end_s=2.6, params=EmgParams()
    )
    if found is None:
        raise SystemExit("the planted burst was not found")
    shown = (time_s > 1.9) & (time_s < 2.5)
    bar = np.array([-120.0, 120.0])
    curves = [
        Curve(x=time_s[shown], y=emg_uV[shown], name="EMG", colour=GREY),
        Curve(x=np.full(2, 2.2), y=bar, name="planted", colour=ORANGE),
        Curve(x=np.full(2, found.time_s), y=bar, name="found", colour=BLUE),
    ]
    figure(path, curves, x_name="time (s)", y_name="EMG (µV)")


def pendulum(path: Path) -> None:
    """Draw a planted swing, the limb that was fitted to it, and where it comes to rest."""
    group = MuscleGroup.KNEE_EXTENSORS
    limb = limb_of(group, Subject(code="V001", sex=Sex.FEMALE, body_mass_kg=60.0, height_m=1.70))
    time_s = np.arange(0.0, 8.0, 0.01)
    shapes = {"stiffness_Nm_per_rad": 4.0, "viscosity_Nms_per_rad": 0.5, "ends_deg": (5.0, 70.0)}
    flexion = swing(limb, time_s=time_s, **shapes)  # type: ignore[arg-type] - the names are those of its arguments
    seen = np.concatenate([np.full(100, 5.0), flexion]) + np.random.default_rng(1).normal(0.0, 0.6, 900)
    angle = JointAngle(
        time_s=np.arange(seen.size) / 100.0,
        angle_deg=seen,
        sd_deg=np.full(seen.size, 0.6),
        source=Source.IMU,
        zero=Zero.REFERENCE_POSE,
        bandwidth_hz=50.0,
    )
    found = measure_pendulum(angle, MUSCLES[group], limb=limb)
    if found.model is None or found.resting_deg is None or found.release_s is None:
        raise SystemExit("the planted limb was not fitted")
    fitted = swing(
        limb,
        stiffness_Nm_per_rad=found.model.stiffness_Nm_per_rad,
        viscosity_Nms_per_rad=found.model.viscosity_Nms_per_rad,
        ends_deg=(5.0, found.resting_deg),
        time_s=time_s,
    )
    curves = [
        Curve(x=angle.time_s, y=seen, name="angle", colour=GREY),
        Curve(x=time_s + found.release_s, y=fitted, name="fitted limb", colour=BLUE),
        Curve(x=np.array([0.0, 9.0]), y=np.full(2, found.resting_deg), name="resting angle", colour=GREEN),
    ]
    figure(path, curves, x_name="time (s)", y_name="knee flexion (°)")


def fusion(path: Path) -> None:
    """Draw the errors of a drifting angle and of a video, and that of both together."""
    rng = np.random.default_rng(4)
    time_s = np.arange(0.0, 60.0, 0.01)
    true_deg = 60.0 + 40.0 * np.sin(0.8 * time_s)
    lead = JointAngle(
        time_s=time_s,
        angle_deg=true_deg + 0.06 * time_s,
        sd_deg=1.0 + 0.05 * time_s,
        source=Source.IMU,
        zero=Zero.REFERENCE_POSE,
        bandwidth_hz=50.0,
    )
    film_s = np.arange(0.0, 60.0, 1.0 / 60.0)
    wander = np.interp(film_s, np.arange(0.0, 62.0), rng.normal(0.0, 1.5, 62))
    film = JointAngle(
        time_s=film_s,
        angle_deg=np.interp(film_s, time_s, true_deg) + wander,
        sd_deg=np.full(film_s.size, 2.0),
        source=Source.VIDEO,
        zero=Zero.ANATOMICAL,
        bandwidth_hz=30.0,
    )
    found = fuse_angles(lead, [film])
    thin = slice(None, None, 20)
    curves = [
        Curve(x=film_s[::10], y=wander[::10], name="video", colour=GREY),
        Curve(x=time_s[thin], y=(lead.angle_deg - true_deg)[thin], name="inertial", colour=ORANGE),
        Curve(x=time_s[thin], y=(found.angle.angle_deg - true_deg)[thin], name="together", colour=BLUE),
    ]
    figure(path, curves, x_name="time (s)", y_name="error (°)")


FIGURES = {"threshold": threshold, "emg_onset": emg_onset, "pendulum": pendulum, "fusion": fusion}


def main() -> int:
    """Draw all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    folder = parser.parse_args().out
    for name, draw in FIGURES.items():
        draw(folder / f"{name}.svg")
        print(folder / f"{name}.svg")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
