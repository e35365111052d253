"""How much faster than real time virtual exams are simulated, on one core.

Run with ``OMP_NUM_THREADS=1 python benchmarks/simulate.py``; figures are of processor time, so that other work on the
machine counts less.
"""

import argparse
import time

from analysis.muscles import MuscleGroup
from analysis.simulate import draw_patient, exam_truths, simulate_exam, simulate_exams

GRADES = ("0", "1", "1+", "2", "3", "4")


def main() -> None:
    """Time the movement alone, whole exams with their sensors, and one exam by itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=400)
    count = parser.parse_args().patients
    groups = tuple(MuscleGroup)
    patients = [draw_patient(GRADES[i % 6], groups[i % len(groups)], seed=i) for i in range(count)]
    started = time.process_time()
    exam_truths(patients, seed=1)
    moved_s = time.process_time() - started
    started = time.process_time()
    simulated_s = sum(exam.true_angle.time_s[-1] for exam in simulate_exams(patients, seed=1))
    whole_s = time.process_time() - started
    started = time.process_time()
    alone = simulate_exam(patients[0], seed=1)
    alone_s = time.process_time() - started
    print(f"{count} exams, {simulated_s:.0f} s of recording")
    print(f"movement and truth: {moved_s:.1f} s, {simulated_s / moved_s:.0f} x real time")
    print(f"with all sensors:   {whole_s:.1f} s, {simulated_s / whole_s:.0f} x real time")
    print(f"one exam alone:     {alone_s:.2f} s, {alone.true_angle.time_s[-1] / alone_s:.0f} x real time")


if __name__ == "__main__":
    main()
