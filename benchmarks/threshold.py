"""How well the reflex threshold and its velocity sensitivity are recovered from virtual exams with a planted truth.

    OMP_NUM_THREADS=1 python benchmarks/threshold.py [--patients 84]

Virtual patients of all muscle groups and of grades 1 to 3 with a length-velocity reflex are stretched eight times at peak
velocities of 60 to 400 deg/s, after two slow stretches, by examiners who differ. The joint angle comes from the two inertial
sensors, as in any recording; the threshold from `analysis.assess`. Rows: what showed the reflex. Exams whose stretches do
not support a threshold are refused, and counted.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.assess import assess
from analysis.finding import Threshold
from analysis.model import Recording, TestKind
from analysis.muscles import MuscleGroup
from analysis.simulate import (
    ExamPlan,
    ReflexLaw,
    SeverityParams,
    VirtualExam,
    VirtualImu,
    draw_examiner,
    draw_patient,
    simulate_exams,
)
from sensors.joint_angle import angle_from_imus
from sensors.samples import ImuSamples

PLAN = ExamPlan(slow=2, fast=0, peak_velocities_deg_s=(60.0, 110.0, 160.0, 210.0, 260.0, 310.0, 360.0, 400.0))
GRADES = ("1", "1+", "2", "3")
SPASTIC = SeverityParams(laws=(ReflexLaw.LENGTH_VELOCITY,))
ANGLE_LIMIT_DEG, MU_LIMIT_S = 3.0, 0.02


@dataclass
class Row:
    """What one source recovered: errors of threshold and sensitivity, and how often the interval held the truth."""

    errors: list[tuple[float, float, bool]]
    refused: int = 0

    def add(self, found: Threshold | None, exam: VirtualExam) -> None:
        """Compare one finding with what was planted."""
        truth = exam.truth
        if found is None or truth.lambda0_deg is None or truth.mu_s is None:
            self.refused += 1
            return
        low, high = found.tsrt_ci95_deg
        self.errors.append(
            (found.tsrt_deg - truth.lambda0_deg, found.mu_s - truth.mu_s, low <= truth.lambda0_deg <= high)
        )


def samples(imu: VirtualImu) -> ImuSamples:
    """Read a virtual sensor as a real one."""
    return ImuSamples(time_s=imu.time_s, acc_m_s2=imu.acc_m_s2, gyr_rad_s=imu.gyr_rad_s)


def recorded(exam: VirtualExam) -> Recording:
    """Assemble what the sensors recorded of an exam."""
    measured = angle_from_imus(
        samples(exam.imu_proximal),
        samples(exam.imu_distal),
        stretch_sign=exam.patient.muscle.stretch_sign,
        reference_pose=exam.reference_pose,
    )
    return Recording(
        muscle_group=exam.patient.muscle_group,
        side=exam.side,
        test=TestKind.PASSIVE_STRETCH,
        subject=exam.patient.subject,
        angle=measured.angle,
        tilt=measured.tilt,
        force=exam.force,
        emg=(exam.emg,),
    )


def report(name: str, row: Row) -> str:
    """Put a row into words."""
    if not row.errors:
        return f"{name:<26}{0:>6}{row.refused:>9}"
    errors = np.array(row.errors, dtype=np.float64)
    off = np.abs(errors[:, :2])
    return (
        f"{name:<26}{len(errors):>6}{row.refused:>9}{np.median(off[:, 0]):>12.1f}{np.percentile(off[:, 0], 90):>12.1f}"
        f"{np.median(off[:, 1]):>12.4f}{np.percentile(off[:, 1], 90):>12.4f}{100 * errors[:, 2].mean():>10.0f} %"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where the medians of the first row miss their limits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=84)
    count = parser.parse_args(arguments).patients
    groups = tuple(MuscleGroup)
    patients = [
        draw_patient(GRADES[i % len(GRADES)], groups[i % len(groups)], seed=1000 + i, params=SPASTIC)
        for i in range(count)
    ]
    examiners = [draw_examiner(500 + i) for i in range(9)]
    rows = {"IMU + force + EMG": Row([]), "IMU + force": Row([]), "IMU alone": Row([])}
    for exam in simulate_exams(patients, seed=77, plan=PLAN, examiners=examiners):
        recording = recorded(exam)
        without_emg = replace(recording, emg=())
        for row, seen in zip(rows.values(), (recording, without_emg, replace(without_emg, force=None)), strict=True):
            row.add(assess(seen).threshold, exam)
    print(
        f"{'sources':<26}{'found':>6}{'refused':>9}{'TSRT median':>12}{'90 % (deg)':>12}{'mu median':>12}{'90 % (s)':>12}  CI holds"
    )
    for name, row in rows.items():
        print(report(name, row))
    errors = np.abs(np.array(rows["IMU + force + EMG"].errors, dtype=np.float64))
    return int(np.median(errors[:, 0]) > ANGLE_LIMIT_DEG or np.median(errors[:, 1]) > MU_LIMIT_S)


if __name__ == "__main__":
    raise SystemExit(main())
