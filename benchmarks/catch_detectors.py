"""Measure where the detectors of the catch with force lie from the true catch of virtual patients, and what viscosity they show.

    OMP_NUM_THREADS=1 python benchmarks/catch_detectors.py [--patients 60] [--seed 61] [--data ../shared/data]

All muscle groups and reflex laws, inertial sensors with a reference pose, and force. A positive bias is a catch that is seen
too late along the stretch. The reported catch of `assess` is not among them: it needs the grade. With --data also the leg
of one adolescent with cerebral palsy that was measured; its files are read one after another.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from analysis_core import recording, trials

from analysis.detectors import minimum_power_catch, torque_rate_catch
from analysis.errors import AnalysisError
from analysis.finding import GRADES, ResistanceParts, Stretch, VelocityClass
from analysis.limb import Limb, limb_of
from analysis.load import LimbLoad, measure_load
from analysis.model import FloatArray, Recording, TestKind
from analysis.motion import Motion, track_motion
from analysis.resistance import force_catch
from analysis.simulate import StretchTruth, VirtualExam, VirtualImu, draw_cohort, draw_examiner, simulate_exams
from analysis.stretch import Leg, describe_legs, find_legs
from analysis.velocity_dependence import separate_resistance
from sensors.joint_angle import angle_from_imus
from sensors.samples import ImuSamples

DETECTORS = {"excess reached": force_catch, "torque rate": torque_rate_catch, "minimum power": minimum_power_catch}


def samples(imu: VirtualImu) -> ImuSamples:
    """Read a virtual sensor as a real one."""
    return ImuSamples(time_s=imu.time_s, acc_m_s2=imu.acc_m_s2, gyr_rad_s=imu.gyr_rad_s)


def recorded(exam: VirtualExam) -> Recording:
    """Assemble what the sensors recorded of an exam."""
    sign = exam.patient.muscle.stretch_sign
    proximal, distal = samples(exam.imu_proximal), samples(exam.imu_distal)
    measured = angle_from_imus(proximal, distal, stretch_sign=sign, reference_pose=exam.reference_pose)
    return Recording(
        muscle_group=exam.patient.muscle_group,
        side=exam.side,
        test=TestKind.PASSIVE_STRETCH,
        subject=exam.patient.subject,
        angle=measured.angle,
        tilt=measured.tilt,
        force=exam.force,
    )


@dataclass(frozen=True)
class Seen:
    """A recording with its stretches, torques and their parts."""

    motion: Motion
    legs: tuple[Leg, ...]
    stretches: tuple[Stretch, ...]
    limb: Limb
    load: LimbLoad
    parts: tuple[ResistanceParts | None, ...]

    @property
    def fast(self) -> list[int]:
        """List the fast stretches."""
        return [i for i, one in enumerate(self.stretches) if one.velocity is VelocityClass.V3]


def examine(exam: Recording) -> Seen:
    """Find the stretches of a recording, their torques and what these are made of."""
    muscle, limb = exam.muscle, limb_of(exam.muscle_group, exam.subject)
    motion = track_motion(exam.angle, stretch_sign=muscle.stretch_sign)
    legs = find_legs(motion, muscle)
    stretches = describe_legs(motion, legs)
    of = {v: [i for i, one in enumerate(stretches) if one.velocity is v] for v in VelocityClass}
    load = measure_load(exam, motion, limb, legs={v: [legs[i] for i in some] for v, some in of.items()})
    parts = separate_resistance(
        motion,
        legs,
        load,
        slow=of[VelocityClass.V1],
        fast=of[VelocityClass.V3],
        healthy_range_deg=muscle.healthy_range_deg,
    )
    return Seen(motion, legs, stretches, limb, load, parts)


def main() -> None:
    """Draw the cohort, look for every catch, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=60)
    parser.add_argument("--seed", type=int, default=61)
    parser.add_argument("--data", type=Path)
    args = parser.parse_args()
    errors: dict[tuple[str, str], list[float]] = defaultdict(list)
    seen: dict[tuple[str, str], list[bool]] = defaultdict(list)
    parts: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    patients = draw_cohort(args.patients, seed=args.seed)
    examiners = [draw_examiner(300_000 + i) for i in range(20)]
    for exam in simulate_exams(patients, seed=args.seed * 7, examiners=examiners):
        for name, true, found in look(exam, parts[exam.truth.grade]):
            grade = exam.truth.grade
            if grade == "0" or true.catch_angle_deg is not None:
                seen[name, grade].append(found is not None)
            if found is not None and true.catch_angle_deg is not None:
                errors[name, grade].append(exam.patient.muscle.stretch_sign * (found - true.catch_angle_deg))
    report(errors, seen, parts)
    if args.data is not None:
        report_measured(args.data)


def look(exam: VirtualExam, parts: list[tuple[float, ...]]) -> Iterator[tuple[str, StretchTruth, float | None]]:
    """Run each detector on each fast stretch, and compare the parts of resistance with the patient's."""
    seen = examine(recorded(exam))
    limb, stretches = seen.limb, seen.stretches
    for i in seen.fast:
        true = max(exam.truth.stretches, key=lambda one, i=i: overlap_s(one, stretches[i]))  # type: ignore[misc]
        one = seen.parts[i]
        if one is not None and one.at_s is not None:
            velocity = float(np.interp(one.at_s, exam.true_angle.time_s, exam.true_series.velocity_deg_s))
            scale = limb.noticeable_Nm
            viscous = exam.patient.b_p_Nms_per_rad * np.radians(velocity)
            deltas = [np.nan if d is None else d / scale for d in (one.delta_torque_Nm, one.delta_work_J)]
            lost = [np.nan if d is None else d / scale for d in (one.hysteresis_J, true_loss(exam, stretches, i))]
            stiff = np.nan if one.end_stiffness_Nm_per_rad is None else one.end_stiffness_Nm_per_rad / scale
            parts.append((one.viscous_Nm / scale, viscous / scale, one.reflex_Nm / scale, *deltas, *lost, stiff))
        for name, detect in DETECTORS.items():
            found = detect(seen.motion, seen.legs[i], seen.load, limb=limb)
            yield name, true, None if found is None else found.angle_deg


def true_loss(exam: VirtualExam, stretches: Sequence[Stretch], index: int) -> float:
    """Integrate the true resistance over the true angle until the next stretch begins."""
    time_s = exam.true_angle.time_s
    until_s = stretches[index + 1].start_s if index + 1 < len(stretches) else time_s[-1]
    loop = (time_s >= stretches[index].start_s) & (time_s <= until_s)
    power = exam.true_series.resistance_Nm[loop] * np.radians(exam.true_series.velocity_deg_s[loop])
    return float(np.trapezoid(power, time_s[loop]))


def joined(recordings: Sequence[Recording]) -> Recording:
    """Put recordings of one limb one after another, a second apart."""
    first = recordings[0]
    lengths = [float(one.angle.time_s[-1] - one.angle.time_s[0]) + 1.0 for one in recordings]
    begins = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    time_s = np.concatenate(
        [one.angle.time_s - one.angle.time_s[0] + t for one, t in zip(recordings, begins, strict=True)]
    )

    def column(stream: str, name: str) -> FloatArray:
        return np.concatenate([getattr(getattr(one, stream), name) for one in recordings])

    angle = replace(
        first.angle, time_s=time_s, angle_deg=column("angle", "angle_deg"), sd_deg=column("angle", "sd_deg")
    )
    force = replace(
        first.force, time_s=time_s, force_N=column("force", "force_N"), moment_Nm=column("force", "moment_Nm")
    )
    tilt = replace(first.tilt, time_s=time_s, tilt_deg=column("tilt", "tilt_deg"))
    return replace(first, angle=angle, force=force, tilt=tilt, emg=())


def report_measured(data: Path) -> None:
    """Print what the detectors and the parts say of the measured leg."""
    for joint in ("ankle", "knee"):
        print(f"\nThe measured {joint}, fast stretches (deg; N·m):\n")
        try:
            seen = examine(joined([recording(*one, with_torque=True) for one in of_joint(data, joint)]))
        except AnalysisError as error:
            print(f"- not read: {error}")
            continue
        for name, detect in DETECTORS.items():
            found = [detect(seen.motion, seen.legs[i], seen.load, limb=seen.limb) for i in seen.fast]
            angles = np.array([np.nan if one is None else one.angle_deg for one in found])
            print(f"- {name}: {', '.join(f'{one:.1f}' for one in angles)}; SD {np.nanstd(angles, ddof=1):.1f}")
        for name in ("elastic_Nm", "viscous_Nm", "reflex_Nm", "delta_torque_Nm"):
            print(f"- {name}: {', '.join(f'{getattr(seen.parts[i], name):.1f}' for i in seen.fast)}")


def of_joint(data: Path, joint: str) -> Iterator[tuple[dict[str, Any], Any]]:
    """List the trials of a joint, the place of the load cell named as the ankle's."""
    for trial, values in trials(data):
        if trial["joint"] == joint:
            places = {name.replace(joint, "ankle"): place for name, place in trial["load_cell"].items()}
            yield {**trial, "load_cell": places}, values


def overlap_s(true: StretchTruth, found: object) -> float:
    """Work out how long two stretches overlap."""
    return min(found.end_s, true.end_s) - max(found.start_s, true.start_s)  # type: ignore[attr-defined]


def report(
    errors: dict[tuple[str, str], list[float]],
    seen: dict[tuple[str, str], list[bool]],
    parts: dict[str, list[tuple[float, ...]]],
) -> None:
    """Print the figures by detector and true grade."""
    print("| detector | grade | found | of | median bias (deg) | median off | spread (half of 16 to 84 %) |")
    print("|---|---|---|---|---|---|---|")
    for name in DETECTORS:
        for grade in (*GRADES, "all"):
            off = np.array([e for (n, g), some in errors.items() if n == name and grade in (g, "all") for e in some])
            hits = [
                h
                for (n, g), some in seen.items()
                if n == name and (g == grade or (grade == "all" and g != "0"))
                for h in some
            ]
            if not hits:
                continue
            figures = "| | | |"
            if off.size:
                spread = (np.percentile(off, 84) - np.percentile(off, 16)) / 2
                figures = f"| {np.median(off):+.1f} | {np.median(np.abs(off)):.1f} | {spread:.1f} |"
            print(f"| {name} | {grade} | {sum(hits)} | {len(hits)} {figures}")
    print("\nFast stretches, medians, N·m and J over the limb's noticeable torque (N·m):\n")
    print(
        "| grade | stretches | viscous | true | off | reflex | delta T | delta W | loss | true | off | end stiffness |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for grade in GRADES:
        if parts.get(grade):
            viscous, true, reflex, torque, work, loss, true_loss, stiff = np.array(parts[grade]).T
            off, off_loss = np.abs(viscous - true), np.abs(loss - true_loss)
            row = (viscous, true, off, reflex, torque, work, loss, true_loss, off_loss, stiff)
            print(f"| {grade} | {viscous.size} | " + " | ".join(middle(column) for column in row) + " |")


def middle(values: FloatArray) -> str:
    """Take the median of what is there, and say how much is missing."""
    there = values[np.isfinite(values)]
    missing = "" if there.size == values.size else f" ({values.size - there.size} without)"
    return (f"{np.median(there):.2f}" if there.size else "") + missing


if __name__ == "__main__":
    main()
