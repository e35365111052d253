"""Catch, resistance and grade of a virtual cohort against its truth, by inertial units with and without force, and by video.

    OMP_NUM_THREADS=1 python benchmarks/cohort.py [--patients 120] [--seed 51] [--only force imu video]

All muscle groups and reflex laws; examiners that no grade was trained on (their seeds start at 200000, those of the training
end at 100000). The video-like angle has 60 frames/s and white noise of 3 degrees.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from analysis.assess import assess
from analysis.finding import GRADES, Assessment, VelocityClass
from analysis.model import Recording
from analysis.simulate import Examiner, ExamTruth, StretchTruth, draw_cohort, draw_examiner, simulate_exams
from analysis.training import weighted_kappa
from dashboard.services.virtual_cohort import CohortFaults, SeenExam, see_exam

UNSEEN_EXAMINERS = range(200_000, 200_040)
PLAIN = CohortFaults(
    unreferenced=0.0,
    unsized=0.0,
    video_rates_hz=(60.0,),
    video_noise_deg=(3.0, 3.0),
    video_wander_deg=(0.0, 0.0),
    video_offset_deg=0.0,
)
LIMITS = {
    "force": "catch median <= 1.5, 90 % <= 5 deg; in grade 0 <= 2 %; peak excess within 0.3 N.m or 10 %; kappa >= 0.92; sets 88-93 %, <= 1.6",
    "imu": "catch median <= 3 deg; kappa >= 0.82; sets 88-93 %",
    "video": "catch median <= 6 deg; kappa >= 0.70; sets 88-93 %",
}
AT_ONCE = 60


@dataclass
class Tally:
    """What was counted for one set of sources."""

    truth: list[int] = field(default_factory=list)
    found: list[int] = field(default_factory=list)
    held: list[bool] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    errors_deg: list[float] = field(default_factory=list)
    planted: int = 0
    healthy: int = 0
    false: int = 0
    peaks_Nm: list[tuple[float, float]] = field(default_factory=list)
    ungraded: int = 0
    recorded_s: float = 0.0
    spent_s: float = 0.0

    def add(self, truth: ExamTruth, recording: Recording) -> None:
        """Assess one exam and count."""
        started = time.process_time()
        found = assess(recording)
        self.spent_s += time.process_time() - started
        self.recorded_s += float(np.ptp(recording.angle.time_s))
        if found.grade is None:
            self.ungraded += 1
        else:
            self.truth.append(GRADES.index(truth.grade))
            self.found.append(GRADES.index(found.grade.label))
            self.held.append(truth.grade in found.grade.set90)
            self.sizes.append(len(found.grade.set90))
        for true in truth.stretches:
            if true.velocity is not VelocityClass.V1:
                self._add_stretch(true, found, healthy=truth.grade == "0")

    def _add_stretch(self, true: StretchTruth, found: Assessment, *, healthy: bool) -> None:
        """Count one stretch that was not slow."""
        seen = [one for one in found.stretches if one.stretch.start_s < true.end_s and one.stretch.end_s > true.start_s]
        stretch = max(
            seen,
            key=lambda one: min(one.stretch.end_s, true.end_s) - max(one.stretch.start_s, true.start_s),
            default=None,
        )
        if stretch is not None and stretch.resistance is not None:
            self.peaks_Nm.append((stretch.resistance.peak_excess_Nm, true.peak_excess_Nm))
        caught = None if stretch is None else stretch.catch
        if healthy:
            self.healthy += 1
            self.false += caught is not None
        elif true.catch_angle_deg is not None:
            self.planted += 1
            if caught is not None:
                self.errors_deg.append(caught.stretch_deg - abs(true.catch_angle_deg - true.start_deg))

    def report(self, name: str) -> None:
        """Print the figures beside their limits."""
        off = np.abs(self.errors_deg) if self.errors_deg else np.array([np.nan])
        truth, found = np.array(self.truth), np.array(self.found)
        print(f"{name}: {truth.size} graded, {self.ungraded} not; {self.recorded_s / self.spent_s:.0f} x real time")
        print(f"  limits: {LIMITS[name]}")
        print(
            f"  catch: median {np.median(off):.2f}, 90 % {np.percentile(off, 90):.2f} deg; found {len(self.errors_deg)} of "
            f"{self.planted}; in grade-0 exams {self.false} of {self.healthy} stretches"
        )
        if self.peaks_Nm:
            self._report_peaks()
        print(
            f"  weighted kappa {weighted_kappa(truth, found):.3f}; sets hold {np.mean(self.held):.1%}, "
            f"{np.mean(self.sizes):.2f} grades on average"
        )
        for row, label in enumerate(GRADES):
            counts = np.bincount(found[truth == row], minlength=len(GRADES))
            print(f"    {label:>2} {' '.join(f'{count:4d}' for count in counts)}")

    def _report_peaks(self) -> None:
        """Print how far the peak excess is off."""
        seen, true = np.array(self.peaks_Nm).T
        off = np.abs(seen - true)
        near = np.mean(off <= np.maximum(0.3, 0.1 * true))
        print(
            f"  peak excess: off by {np.median(off):.2f} N.m (median), by {np.median(off / np.maximum(true, 1e-9)):.1%} of "
            f"the true one; within 0.3 N.m or 10 % in {near:.1%} of stretches"
        )


def views(exam: SeenExam) -> dict[str, Recording]:
    """Return what each set of sources recorded; without EMG."""
    seen = {"video": exam.video}
    if exam.inertial is not None:
        seen["force"] = replace(exam.inertial, emg=())
        seen["imu"] = replace(exam.inertial, emg=(), force=None)
    return seen


def main() -> None:
    """Draw the cohort, assess it from each set of sources, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=120)
    parser.add_argument("--seed", type=int, default=51)
    parser.add_argument("--only", nargs="+", choices=list(LIMITS), default=list(LIMITS))
    args = parser.parse_args()
    tallies = {name: Tally() for name in args.only}
    patients = draw_cohort(args.patients, seed=args.seed)
    examiners = [draw_examiner(seed) for seed in UNSEEN_EXAMINERS]
    for first, last in pairwise([*range(0, len(patients), AT_ONCE), len(patients)]):
        exams = simulate_exams(patients[first:last], seed=args.seed * 7 + first, examiners=_turned(examiners, first))
        for place, exam in enumerate(exams):
            seen = views(see_exam(exam, rng=np.random.default_rng([args.seed, first + place, 5]), faults=PLAIN))
            for name in tallies.keys() & seen.keys():
                tallies[name].add(exam.truth, seen[name])
    for name, tally in tallies.items():
        tally.report(name)


def _turned(items: Sequence[Examiner], by: int) -> list[Examiner]:
    return [*items[by % len(items) :], *items[: by % len(items)]]


if __name__ == "__main__":
    main()
