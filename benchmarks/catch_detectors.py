"""Measure where the detectors of the catch with force lie from the true catch of virtual patients, and what viscosity they show.

    OMP_NUM_THREADS=1 python benchmarks/catch_detectors.py [--patients 60] [--seed 61]

All muscle groups and reflex laws, inertial sensors with a reference pose, and force. A positive bias is a catch that is seen
too late along the stretch. The reported catch of `assess` is not among them: it needs the grade.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from analysis.detectors import minimum_power_catch, torque_rate_catch
from analysis.finding import GRADES, VelocityClass
from analysis.limb import limb_of
from analysis.load import measure_load
from analysis.model import Recording, TestKind
from analysis.motion import track_motion
from analysis.resistance import force_catch
from analysis.simulate import StretchTruth, VirtualExam, VirtualImu, draw_cohort, draw_examiner, simulate_exams
from analysis.stretch import describe_legs, find_legs
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


def main() -> None:
    """Draw the cohort, look for every catch, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=60)
    parser.add_argument("--seed", type=int, default=61)
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


def look(exam: VirtualExam, parts: list[tuple[float, ...]]) -> Iterator[tuple[str, StretchTruth, float | None]]:
    """Run each detector on each fast stretch, and compare the parts of resistance with the patient's."""
    recording = recorded(exam)
    muscle, limb = recording.muscle, limb_of(recording.muscle_group, recording.subject)
    motion = track_motion(recording.angle, stretch_sign=muscle.stretch_sign)
    legs = find_legs(motion, muscle)
    stretches = describe_legs(motion, legs)
    of = {v: [i for i, one in enumerate(stretches) if one.velocity is v] for v in VelocityClass}
    by_class = {v: [legs[i] for i in some] for v, some in of.items()}
    load = measure_load(recording, motion, limb, legs=by_class)
    split = separate_resistance(
        motion,
        legs,
        load,
        slow=of[VelocityClass.V1],
        fast=of[VelocityClass.V3],
        healthy_range_deg=muscle.healthy_range_deg,
    )
    for i in of[VelocityClass.V3]:
        true = max(exam.truth.stretches, key=lambda one, i=i: overlap_s(one, stretches[i]))  # type: ignore[misc]
        one = split[i]
        if one is not None and one.at_s is not None:
            velocity = float(np.interp(one.at_s, exam.true_angle.time_s, exam.true_series.velocity_deg_s))
            scale = limb.noticeable_Nm
            viscous = exam.patient.b_p_Nms_per_rad * np.radians(velocity)
            deltas = [np.nan if d is None else d / scale for d in (one.delta_torque_Nm, one.delta_work_J)]
            parts.append((one.viscous_Nm / scale, viscous / scale, one.reflex_Nm / scale, *deltas))
        for name, detect in DETECTORS.items():
            found = detect(motion, legs[i], load, limb=limb)
            yield name, true, None if found is None else found.angle_deg


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
    print(
        "\nFast stretches, medians over noticeable torques: viscous found, viscous true, |their difference|, reflex, delta T, delta W"
    )
    for grade in GRADES:
        rows = np.array(parts.get(grade, []))
        if rows.size:
            middle = [
                np.median(column[np.isfinite(column)]) if np.isfinite(column).any() else np.nan for column in rows.T
            ]
            off = np.median(np.abs(rows[:, 0] - rows[:, 1]))
            print(
                f"{grade:>2} {len(rows):4d} {middle[0]:.2f} {middle[1]:.2f} {off:.2f} {middle[2]:.2f} {middle[3]:.2f} {middle[4]:.2f}"
            )


if __name__ == "__main__":
    main()
