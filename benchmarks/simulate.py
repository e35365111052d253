"""How much faster than real time virtual exams are simulated, on one core.

Run with ``OMP_NUM_THREADS=1 python benchmarks/simulate.py [--out docs/speed.md]``; figures are of processor time, so that
other work on the machine counts less. They are medians of several runs, after one that is not timed.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from analysis.muscles import MuscleGroup
from analysis.simulate import VirtualPatient, draw_patient, exam_truths, simulate_exam, simulate_exams

GRADES = ("0", "1", "1+", "2", "3", "4")
HEADING = "# Speed of the virtual patients"


def main() -> None:
    """Time the movement alone, whole exams with their sensors, and one exam by itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="replace this benchmark's section in this file, too")
    given = parser.parse_args()
    groups = tuple(MuscleGroup)
    patients = [draw_patient(GRADES[i % 6], groups[i % len(groups)], seed=i) for i in range(given.patients)]
    simulated_s = recorded_s(patients)
    alone_s = recorded_s(patients[:1])
    times = {
        "movement and truth": (simulated_s, taken(lambda: exam_truths(patients, seed=1), given.repeats)),
        "with all sensors": (simulated_s, taken(lambda: recorded_s(patients), given.repeats)),
        "one exam alone": (alone_s, taken(lambda: simulate_exam(patients[0], seed=1), given.repeats)),
    }
    text = section(given.patients, simulated_s, given.repeats, times)
    print(text)
    if given.out:
        before = given.out.read_text(encoding="utf-8").split(HEADING)[0].rstrip() if given.out.exists() else ""
        given.out.write_text(f"{before}\n\n{text}".lstrip(), encoding="utf-8")


def recorded_s(patients: list[VirtualPatient]) -> float:
    """Simulate exams with all sensors and add up their durations."""
    return float(sum(exam.true_angle.time_s[-1] for exam in simulate_exams(patients, seed=1)))


def taken(run: Callable[[], object], repeats: int) -> float:
    """Median processor time of some runs (s)."""
    times = []
    for _ in range(repeats):
        started = time.process_time()
        run()
        times.append(time.process_time() - started)
    return statistics.median(times)


def section(count: int, simulated_s: float, repeats: int, times: dict[str, tuple[float, float]]) -> str:
    """Write the figures as Markdown."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    rows = "\n".join(f"| {name} | {took_s:.2f} | {real_s / took_s:.0f} |" for name, (real_s, took_s) in times.items())
    return (
        f"{HEADING}\n\n"
        f"Written by `benchmarks/simulate.py`: {count} exams of {simulated_s:.0f} s together, on one core; processor time, "
        f"medians of {repeats} runs; the process held {peak_mb:.0f} MB at most.\n\n"
        "| what | processor time, s | times real time |\n|---|---|---|\n"
        f"{rows}\n"
    )


if __name__ == "__main__":
    main()
