"""Take the error of the peak excess torque apart: what each measured torque contributes, all others being true.

    OMP_NUM_THREADS=1 python benchmarks/peak_excess.py [--patients 120] [--seed 777]

Virtual patients, examiners and sensors are those of `benchmarks/cohort.py` with inertial units and force. "Alone": only this
torque is measured. "Without": only this one is true. "Filter": all are true, and smoothed as measured ones are.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from cohort import AT_ONCE, PLAIN, UNSEEN_EXAMINERS, views

from analysis.exam import examine
from analysis.filters import low_pass
from analysis.finding import VelocityClass
from analysis.model import FloatArray, Recording
from analysis.simulate import VirtualExam, draw_cohort, draw_examiner, simulate_exams
from dashboard.services.virtual_cohort import see_exam

PARTS = ("push", "inertia", "weight", "healthy")
SIGNS = dict(zip(PARTS, (1.0, -1.0, -1.0, -1.0), strict=True))
NAMES = {
    "push": "push: force, lever, clocks",
    "inertia": "inertia: acceleration",
    "weight": "weight: its fit",
    "healthy": "healthy limb: place along the range",
}


def true_parts(exam: VirtualExam, time_s: FloatArray) -> dict[str, FloatArray]:
    """Read the true torques at some times."""
    series, at_s = exam.true_series, exam.true_angle.time_s
    weight, resistance = -series.gravity_Nm, series.resistance_Nm
    parts = (series.push_Nm, series.push_Nm - weight - resistance, weight, series.healthy_Nm)
    return {name: np.interp(time_s, at_s, part) for name, part in zip(PARTS, parts, strict=True)}


def peaks(exam: VirtualExam, recording: Recording) -> Iterator[tuple[float, dict[str, float]]]:
    """Compute each stretch's peak excess from torques that are partly true; yields the true peak, and the others."""
    seen = examine(recording)
    load, motion = seen.load, seen.motion
    if load is None:
        return
    measured = dict(zip(PARTS, (load.push_Nm, load.inertial_Nm, load.weight_Nm, load.healthy_Nm), strict=True))
    true = {
        name: low_pass(part, rate_hz=motion.rate_hz, cutoff_hz=load.cutoff_hz)
        for name, part in true_parts(exam, motion.time_s).items()
    }
    mixtures = {"all": measured, "filter": true}
    mixtures |= {f"alone {name}": {**true, name: measured[name]} for name in PARTS}
    mixtures |= {f"without {name}": {**measured, name: true[name]} for name in PARTS}
    excess = {name: sum(SIGNS[part] * mixture[part] for part in PARTS) for name, mixture in mixtures.items()}
    for stretch in exam.truth.stretches:
        legs = [
            leg
            for leg, one in zip(seen.legs, seen.stretches, strict=True)
            if one.start_s < stretch.end_s and one.end_s > stretch.start_s
        ]
        if stretch.velocity is VelocityClass.V1 or not legs:
            continue
        span = slice(legs[0].start, legs[0].end + 1)
        found = {name: max(0.0, float(values[span].max())) for name, values in excess.items()}
        if np.isfinite(list(found.values())).all():
            yield stretch.peak_excess_Nm, found


def main() -> None:
    """Draw the cohort, and print how far the peak is off with each mixture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=120)
    parser.add_argument("--seed", type=int, default=777)
    args = parser.parse_args()
    patients = draw_cohort(args.patients, seed=args.seed)
    examiners = [draw_examiner(seed) for seed in UNSEEN_EXAMINERS]
    true: list[float] = []
    found: dict[str, list[float]] = defaultdict(list)
    for first in range(0, len(patients), AT_ONCE):
        exams = simulate_exams(patients[first : first + AT_ONCE], seed=args.seed * 7 + first, examiners=examiners)
        for place, exam in enumerate(exams):
            seen = see_exam(exam, rng=np.random.default_rng([args.seed, first + place, 5]), faults=PLAIN)
            recording = views(seen).get("force")
            for peak, mixtures in peaks(exam, recording) if recording is not None else ():
                true.append(peak)
                for name, value in mixtures.items():
                    found[name].append(value)
    report(np.array(true), {name: np.array(values) for name, values in found.items()})


def report(true: FloatArray, found: dict[str, FloatArray]) -> None:
    """Print the table."""
    print(f"{true.size} stretches\n")
    print("| torque | alone: median off (N·m) | of the true peak | within 0.3 N·m or 10 % | without: within |")
    print("|---|---|---|---|---|")
    for part in PARTS:
        alone, without = figures(true, found[f"alone {part}"]), figures(true, found[f"without {part}"])
        print(f"| {NAMES[part]} | {alone[0]:.2f} | {alone[1]:.1%} | {alone[2]:.1%} | {without[2]:.1%} |")
    for name, label in (("filter", "filter and bounds of the stretch"), ("all", "all as measured")):
        row = figures(true, found[name])
        print(f"| {label} | {row[0]:.2f} | {row[1]:.1%} | {row[2]:.1%} | |")


def figures(true: FloatArray, found: FloatArray) -> tuple[float, float, float]:
    """Work out the median error, its share of the true peak, and how many stretches are within the limit."""
    off = np.abs(found - true)
    near = off <= np.maximum(0.3, 0.1 * true)
    return float(np.median(off)), float(np.median(off / np.maximum(true, 1e-9))), float(near.mean())


if __name__ == "__main__":
    main()
