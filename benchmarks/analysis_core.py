"""Measure the analysis core on measured recordings: torque, EMG onset, repeatability, and the elbow that a robot moved.

    python benchmarks/analysis_core.py --data ../shared/data

Prints one table; exits 1 where a figure misses its limit. What `benchmarks/validation.py` measures through the command line
is not repeated here. The recordings may not be redistributed; where they are absent, the table is empty.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from analysis.assess import assess
from analysis.emg import EmgMethod, EmgParams, find_emg_onset
from analysis.finding import Assessment, VelocityClass
from analysis.limb import limb_of
from analysis.load import measure_load
from analysis.model import (
    EmgSignal,
    FloatArray,
    ForceSignal,
    JointAngle,
    Recording,
    SegmentTilt,
    Sex,
    Side,
    Source,
    Subject,
    TestKind,
    Zero,
)
from analysis.motion import track_motion
from analysis.muscles import MUSCLES, MuscleGroup
from analysis.pendulum import measure_pendulum
from analysis.stretch import describe_legs, find_legs
from analysis.viscoelastic import TorqueTrial, ViscoelasticParams, fit_viscoelastic

ANTAGONISTS = ("tia",)
GROUPS = {"ankle": MuscleGroup.PLANTARFLEXORS, "knee": MuscleGroup.KNEE_FLEXORS}
Trial = dict[str, Any]


@dataclass
class Table:
    """Rows of figures with their limits."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    misses: int = 0

    def add(self, what: str, found: str, limit: str, *, met: bool | None) -> None:
        """Add a row; ``None`` where there is no limit."""
        self.misses += met is False
        self.rows.append((what, found, limit, {True: "yes", False: "**no**", None: ""}[met]))

    def markdown(self) -> str:
        """Render the table."""
        head = ["| figure | found | limit | met |", "|---|---|---|---|"]
        return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in self.rows)])


def trials(data: Path) -> Iterator[tuple[Trial, Any]]:
    """Read the trials of the right leg with their tables."""
    folder = data / "kuleuven_cp"
    if folder.is_dir():
        for trial in json.loads((folder / "trials.json").read_text(encoding="utf-8")):
            yield trial, np.genfromtxt(folder / f"{trial['trial']}.csv", delimiter=",", names=True)


def angle(time_s: FloatArray, angle_deg: FloatArray) -> JointAngle:
    """Take a measured angle as the joint's."""
    return JointAngle(
        time_s=time_s,
        angle_deg=angle_deg,
        sd_deg=np.full(time_s.size, np.nan),
        source=Source.ANGLE,
        zero=Zero.ANATOMICAL,
        bandwidth_hz=0.5 / float(np.median(np.diff(time_s))),
    )


def recording(trial: Trial, values: Any, *, with_torque: bool) -> Recording:  # noqa: ANN401 - a structured array
    """Put one trial together; the load cell's torque by the axes that the data's README found, positive along the stretch."""
    time_s = values["time_s"]
    force = tilt = None
    if with_torque:
        across_Nm = values["force_z_N"] * trial["load_cell"]["ankle_perpendicular_m"] - values["moment_y_Nm"]
        force = ForceSignal(
            time_s=time_s,
            force_N=-values["force_y_N"],
            moment_Nm=-across_Nm,
            lever_m=trial["load_cell"]["ankle_along_m"],
        )
        tilt = SegmentTilt(time_s=time_s, tilt_deg=values["segment_angle_to_horizontal_deg"], in_plane=1.0)
    return Recording(
        muscle_group=GROUPS[trial["joint"]],
        side=Side.RIGHT,
        test=TestKind.PASSIVE_STRETCH,
        subject=Subject(code="V001", sex=Sex.MALE, body_mass_kg=trial["body_mass_kg"], height_m=trial["body_height_m"]),
        angle=angle(time_s, values["angle_deg"]),
        force=force,
        tilt=tilt,
        emg=tuple(
            EmgSignal(time_s=time_s, emg_V=values[f"emg_{name}_V"], muscle=name)
            for name in trial["emg_onset_by_authors_s"]
        ),
    )


def torque(data: Path, table: Table) -> None:
    """Hold the resistance of one slow trial against the joint moment that the authors' inverse dynamics gave."""
    known = data / "kuleuven_cp" / "opensim_inverse_dynamics_pf_r_1_slow.csv"
    for trial, values in trials(data):
        if trial["trial"] != "pf_r_1_slow":
            continue
        authors = np.genfromtxt(known, delimiter=",", names=True)
        for with_tilt in (True, False):
            one = recording(trial, values, with_torque=True)
            found = one if with_tilt else Recording(**{**_fields(one), "tilt": None})
            motion = track_motion(found.angle, stretch_sign=1)
            legs = find_legs(motion, found.muscle)
            classes = [stretch.velocity for stretch in describe_legs(motion, legs)]
            load = measure_load(
                found,
                motion,
                limb_of(found.muscle_group, found.subject),
                legs={v: [leg for leg, c in zip(legs, classes, strict=True) if c is v] for v in VelocityClass},
            )
            ours = np.interp(authors["time_s"], motion.time_s, load.resistance_Nm)
            apart = ours + authors["joint_moment_Nm"]
            how = "with the segment's tilt" if with_tilt else "from the joint angle alone"
            table.add(
                f"resistance of pf_r_1_slow {how}, SD about the authors' moment",
                f"{apart.std():.2f} N·m",
                "≤ 0.3 N·m",
                met=bool(apart.std() <= 0.3),
            )


def _fields(one: Recording) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}


def emg(data: Path, table: Table) -> None:
    """Hold onsets against the authors' marks, by both detectors and through the whole pipeline."""
    fast = [(trial, values) for trial, values in trials(data) if trial["speed"] == "fast"]
    if not fast:
        return
    for method in EmgMethod:
        near: dict[bool, list[bool]] = {False: [], True: []}
        for trial, values in fast:
            motion = track_motion(angle(values["time_s"], values["angle_deg"]), stretch_sign=_sign(trial))
            (leg,) = find_legs(motion, MUSCLES[GROUPS[trial["joint"]]])
            start_s, end_s = float(motion.time_s[leg.start]), float(motion.time_s[leg.end]) + 0.2
            for name, marked_s in trial["emg_onset_by_authors_s"].items():
                if marked_s is None:
                    continue
                signal = EmgSignal(time_s=values["time_s"], emg_V=values[f"emg_{name}_V"], muscle=name)
                found = find_emg_onset(signal, start_s=start_s, end_s=end_s, params=EmgParams(method=method))
                near[name in ANTAGONISTS].append(found is not None and abs(found.time_s - marked_s) <= 0.02 + 1e-9)
        stretched = np.mean(near[False])
        table.add(
            f"EMG onset of the stretched muscles within 20 ms of the authors' marks, fast trials ({method})",
            f"{100 * stretched:.0f} % of {len(near[False])}",
            "≥ 80 %",
            met=bool(stretched >= 0.8),
        )
        table.add(
            f"the same, antagonist ({method})", f"{100 * np.mean(near[True]):.0f} % of {len(near[True])}", "", met=None
        )
    told = [
        (assess(recording(trial, values, with_torque=False)), trial["emg_onset_by_authors_s"]) for trial, values in fast
    ]
    hits = [hit for found, marks in told for hit in _hits(found, marks)]
    table.add(
        "EMG onset in what `analyze` prints, stretched muscles",
        f"{100 * np.mean(hits):.0f} % of {len(hits)}",
        "≥ 80 %",
        met=bool(np.mean(hits) >= 0.8),
    )


def _hits(found: Assessment, marks: dict[str, float | None]) -> Iterator[bool]:
    onsets = {one.muscle: one.time_s for stretch in found.stretches for one in stretch.emg}
    for name, marked_s in marks.items():
        if marked_s is not None and name not in ANTAGONISTS:
            yield name in onsets and abs(onsets[name] - marked_s) <= 0.02 + 1e-9


def _sign(trial: Trial) -> int:
    return MUSCLES[GROUPS[trial["joint"]]].stretch_sign


def repeatability(data: Path, table: Table) -> None:
    """Tell how far R1, R2 and the spasticity angle scatter over the repetitions of one leg."""
    ends: dict[tuple[str, str], list[float]] = {}
    for trial, values in trials(data):
        found = assess(recording(trial, values, with_torque=False))
        for one in found.stretches:
            if trial["speed"] == "slow":
                ends.setdefault((trial["joint"], "R2"), []).append(one.stretch.end_deg)
            elif one.catch is not None:
                ends.setdefault((trial["joint"], "R1"), []).append(one.catch.angle_deg)
        caught = [one for one in found.stretches if one.catch is not None]
        if trial["speed"] == "slow":
            table.add(f"catches in {trial['trial']}", str(len(caught)), "0", met=not caught)
    for (joint, measure), values_deg in sorted(ends.items()):
        if len(values_deg) < 2:
            table.add(f"{measure} of the {joint}", f"seen in {len(values_deg)} repetition: none is given", "", met=None)
            continue
        sd = float(np.std(values_deg, ddof=1))
        table.add(
            f"{measure} of the {joint} over {len(values_deg)} repetitions",
            f"{np.mean(values_deg):+.1f} ± {sd:.1f}°",
            "SD ≤ 2.5°",
            met=sd <= 2.5,
        )
    for joint in GROUPS:
        if min(len(ends.get((joint, measure), ())) for measure in ("R1", "R2")) > 1:
            apart = float(np.mean(ends[joint, "R2"])) - np.array(ends[joint, "R1"])
            sd = float(np.std(apart, ddof=1))
            table.add(
                f"spasticity angle of the {joint} (each R1 against the mean R2)",
                f"{abs(np.mean(apart)):.1f} ± {sd:.1f}°",
                "SD ≤ 2.5°",
                met=sd <= 2.5,
            )


def elbow(data: Path, table: Table) -> None:
    """Tell elastic from viscous torque of the arm that a robot moved at six velocities."""
    moved = []
    for path in sorted((data / "passive_elbow").glob("v*.csv")):
        values = np.genfromtxt(path, delimiter=",", names=True)
        rate_hz = 1.0 / float(np.median(np.diff(values["time_s"])))
        moved.append(TorqueTrial(rate_hz=rate_hz, angle_deg=values["elbow_angle_deg"], torque_Nm=values["torque_Nm"]))
    if not moved:
        return
    found = fit_viscoelastic(moved)
    clocks = [(scale, lag_s) for scale in CLOCK_SCALES for lag_s in CLOCK_LAGS_S]
    (scale, lag_s), held = max(
        ((clock, fit_viscoelastic([_reclocked(one, *clock) for one in moved])) for clock in clocks),
        key=lambda fitted: fitted[1].r_squared,
    )
    bare = fit_viscoelastic(moved, ViscoelasticParams(with_inertia=False))
    table.add(
        f"elbow torque over {len(moved)} velocities: elastic, viscous and inertial, the torque's clock at {scale:.2f} of "
        f"the angle's and {1e3 * lag_s:.0f} ms on (one rate and one lag fitted to all), R²",
        f"{held.r_squared:.3f}",
        "≥ 0.9",
        met=held.r_squared >= 0.9,
    )
    table.add("the same on the files' common clock, R²", f"{found.r_squared:.2f}", "", met=None)
    table.add("the same without inertia, R²", f"{bare.r_squared:.2f}", "", met=None)
    table.add(
        "its parts (SD): elastic, viscous, inertial",
        f"{held.elastic_sd_Nm:.3f}, {held.viscous_sd_Nm:.3f}, {held.inertial_sd_Nm:.3f} N·m",
        "",
        met=None,
    )
    table.add("its inertia", f"{held.inertia_kg_m2:.3f} kg·m²", "", met=None)


CLOCK_SCALES = np.arange(0.90, 1.05, 0.01)
CLOCK_LAGS_S = np.arange(-0.05, 0.06, 0.01)
"""Torque's time over the angle's, and its lag, as tried: in these files the torque of the stop comes up to half a second
before the stop, the torque of the start with the start, so that both columns hardly had one clock."""


def _reclocked(trial: TorqueTrial, scale: float, lag_s: float) -> TorqueTrial:
    """Read the torque on a clock that runs at another rate and is off."""
    samples = np.arange(trial.torque_Nm.size, dtype=np.float64)
    torque = np.interp(samples * scale + lag_s * trial.rate_hz, samples, trial.torque_Nm)
    return TorqueTrial(rate_hz=trial.rate_hz, angle_deg=trial.angle_deg, torque_Nm=torque)


def pendulum(data: Path, table: Table) -> None:
    """Fit the limb behind both pendulum tests; the figures themselves are in benchmarks/validation.py."""
    for path in sorted((data / "kuleuven_cp").glob("pendulum_*.csv")):
        values = np.genfromtxt(path, delimiter=",", names=True)
        limb = limb_of(MuscleGroup.KNEE_EXTENSORS, Subject(code="V001", sex=Sex.MALE, body_mass_kg=50.0, height_m=1.6))
        found = measure_pendulum(
            angle(values["time_s"], -values["knee_angle_deg"]), MUSCLES[MuscleGroup.KNEE_EXTENSORS], limb=limb
        )
        if found.model is not None:
            table.add(
                f"{path.stem}: limb fitted (weight assumed), stiffness, viscosity, RMSE",
                f"{found.model.stiffness_Nm_per_rad:.1f} N·m/rad, {found.model.viscosity_Nms_per_rad:.2f} N·m·s/rad, "
                f"{found.model.rmse_deg:.1f}°",
                "RMSE ≤ 4°",
                met=found.model.rmse_deg <= 4.0,
            )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    table = Table()
    for part in (torque, emg, repeatability, elbow, pendulum):
        part(data, table)
    print(table.markdown())
    return int(table.misses > 0)


if __name__ == "__main__":
    raise SystemExit(main())
