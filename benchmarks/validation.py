"""Measure an installed catchangle on every recording with known truth, and write docs/validation.md.

    python benchmarks/validation.py --data ../shared/data [--out docs/validation.md] [--only clips kuleuven …]

Everything goes through the command line, as a user would do it: recordings are written as the folders that docs/formats.md
describes, `catchangle analyze --json` reads them, and its answer is held against what is known. Exits 1 where a figure misses
its limit. Recordings that may not be redistributed are looked for in --data; a part whose recordings are absent says so.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy import io as matlab_files

GRADES = ("0", "1", "1+", "2", "3", "4")
STANDARD_GRAVITY_M_S2 = 9.80665
IMU_HEADER = "time_s,acc_x_m_s2,acc_y_m_s2,acc_z_m_s2,gyr_x_rad_s,gyr_y_rad_s,gyr_z_rad_s"
Finding = dict[str, Any]


@dataclass
class Part:
    """One section of the report: what was asked, a table, and what missed."""

    title: str
    text: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    misses: int = 0

    def add(self, *cells: object, met: bool) -> None:
        """Add a row and its verdict."""
        self.misses += not met
        self.rows.append((*(str(cell) for cell in cells), "yes" if met else "**no**"))

    def markdown(self) -> str:
        """Render the section."""
        head = (*self.columns, "met")
        lines = [f"## {self.title}", "", self.text, ""]
        if self.rows:
            lines += [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
            lines += [f"| {' | '.join(row)} |" for row in self.rows]
        else:
            lines.append("*The recordings of this part were not there when the report was made.*")
        return "\n".join([*lines, ""])


def analyze(paths: Sequence[Path], *options: str) -> list[Finding]:
    """Run `catchangle analyze --json` on recordings; fail loudly, with what it said."""
    command = ["catchangle", "analyze", *map(str, paths), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        sys.exit(f"catchangle analyze failed on {paths[0].name}: {done.stderr.strip()}")
    recordings: list[Finding] = json.loads(done.stdout)["recordings"]
    return recordings


def write_folder(
    folder: Path, group: str, side: str, streams: dict[str, tuple[Finding, str, np.ndarray]], **manifest: object
) -> Path:
    """Write a recording folder; streams: file stem -> (manifest entry, CSV header, values)."""
    folder.mkdir(parents=True)
    entries = []
    for stem, (entry, header, values) in streams.items():
        np.savetxt(folder / f"{stem}.csv", values, delimiter=",", fmt="%.6g", comments="", header=header)
        entries.append({**entry, "file": f"{stem}.csv"})
    content = {
        "format": "catchangle-recording",
        "version": 1,
        "muscle_group": group,
        "side": side,
        "test": "passive_stretch",
        "started_at": "2026-01-01T00:00:00+00:00",
        "subject": {"code": "V001", "sex": "female", "body_mass_kg": 60.0, "height_m": 1.70},
        "streams": entries,
        **manifest,
    }
    (folder / "recording.json").write_text(json.dumps(content))
    return folder


def angle_stream(time_s: np.ndarray, angle_deg: np.ndarray) -> dict[str, tuple[Finding, str, np.ndarray]]:
    """Describe a ready angle as the only stream of a folder."""
    return {"angle": ({"kind": "angle"}, "time_s,angle_deg", np.c_[time_s, angle_deg])}


def read_angles(path: Path, time_s: np.ndarray) -> np.ndarray:
    """Read the angle that `--angles` wrote at other times."""
    table = np.genfromtxt(path, delimiter=",", names=True)
    seen = np.isfinite(table["angle_deg"])
    return np.interp(time_s, table["time_s"][seen], table["angle_deg"][seen])


def table(path: Path) -> Any:  # noqa: ANN401 - a structured array
    """Read a CSV with a header."""
    return np.genfromtxt(path, delimiter=",", names=True)


CLIPS = (
    ("elbow_a", "elbow_flexors", "left"),
    ("elbow_b", "elbow_flexors", "right"),
    ("knee_a", "knee_flexors", "left"),
    ("knee_b", "knee_flexors", "right"),
)


def signed_deg(truth: Any) -> np.ndarray:  # noqa: ANN401 - a structured array
    """Give the true angle, which is unsigned, the sign that the joints' centres in the picture show past straight."""
    proximal, joint, distal = (
        np.stack([truth[f"{name}_x_px"], truth[f"{name}_y_px"]], axis=1) for name in ("proximal", "joint", "distal")
    )
    (x, y), (u, v) = (proximal - joint).T, (distal - joint).T
    bent = x * v - y * u
    return np.where(np.sign(bent) == np.sign(np.median(bent)), 1.0, -1.0) * truth["flexion_deg"]


def clips(data: Path, work: Path) -> Part:
    """Hold the angle of rendered two-person exams, and what is read off it, against the truth."""
    part = Part(
        "Video: rendered two-person exams",
        "No hint but muscle group and side. Limits: two stretches, V1 and V3; mean absolute error (MAE) of the angle ≤ 5°, ≤ 3.5° "
        "without each clip's constant offset, 95th percentile of that ≤ 10°; the difference of the two stretches' ends, and the range, "
        "within 3° of the same reading of the true angle; peak velocity within 15 % on the clips of 60 frames/s. The true angle is "
        "unsigned; past straight it has the sign that the joints' centres in the picture show. Altered copies: "
        "[validation/video_altered.md](validation/video_altered.md).",
        (
            "clip",
            "stretches",
            "MAE",
            "without offset",
            "95 %",
            "end difference, true",
            "range, true",
            "peak velocity, true",
        ),
    )
    for name, group, side in CLIPS:
        source = data / "clips" / f"{name}.mp4"
        if not source.is_file():
            return part
        found = analyze([source], "--muscle-group", group, "--side", side, "--angles", str(work))[0]
        truth = table(data / "clips" / f"{name}_truth.csv")
        true_deg = signed_deg(truth)
        known = analyze([write_folder(work / name, group, side, angle_stream(truth["t_s"], true_deg))])[0]
        angle_deg = read_angles(work / f"{name}.csv", truth["t_s"])
        error = angle_deg - true_deg
        free = np.abs(error - np.median(error))
        classes = [stretch["velocity"] for stretch in found["stretches"]]
        ends = [_end_difference_deg(finding) for finding in (found, known)]
        spans = [float(np.ptp(np.percentile(x, (0.5, 99.5)))) for x in (angle_deg, true_deg)]
        peaks = [max(s["peak_velocity_deg_s"] for s in finding["stretches"]) for finding in (found, known)]
        met = (
            classes == ["V1", "V3"]
            and np.abs(error).mean() <= 5
            and free.mean() <= 3.5
            and np.percentile(free, 95) <= 10
            and abs(ends[0] - ends[1]) <= 3
            and abs(spans[0] - spans[1]) <= 3
            and (truth["t_s"].size < 300 or abs(peaks[0] / peaks[1] - 1) <= 0.15)
        )
        part.add(
            name,
            ", ".join(classes),
            f"{np.abs(error).mean():.1f}°",
            f"{free.mean():.1f}°",
            f"{np.percentile(free, 95):.1f}°",
            f"{ends[0]:.1f}°, {ends[1]:.1f}°",
            f"{spans[0]:.1f}°, {spans[1]:.1f}°",
            f"{peaks[0]:.0f}, {peaks[1]:.0f} °/s",
            met=bool(met),
        )
    return part


def _end_difference_deg(finding: Finding) -> float:
    ends = [stretch["end_deg"] for stretch in finding["stretches"]]
    return ends[0] - ends[-1]


def kuleuven(data: Path, work: Path) -> Part:
    """Find stretches and catches in manual exams of a person with cerebral palsy."""
    part = Part(
        "Angle: manual stretches of a person with cerebral palsy (KU Leuven, right leg)",
        "Each trial as a folder with its angle alone. Limits: one stretch; no catch in slow trials; in each fast plantarflexor trial a "
        "catch with R1 between −14° and −5°; the slow plantarflexor ends (R2) +4.3 ± 1.6°.",
        ("trial", "stretches", "end", "catch"),
    )
    source = data / "kuleuven_cp"
    if not source.is_dir():
        return part
    slow_ends = []
    for trial in json.loads((source / "trials.json").read_text()):
        values = table(source / f"{trial['trial']}.csv")
        ankle, slow = trial["joint"] == "ankle", trial["speed"] == "slow"
        subject = {
            "code": "V001",
            "sex": "male",
            "body_mass_kg": trial["body_mass_kg"],
            "height_m": trial["body_height_m"],
        }
        folder = write_folder(
            work / trial["trial"],
            "plantarflexors" if ankle else "knee_flexors",
            "right",
            angle_stream(values["time_s"], values["angle_deg"]),
            subject=subject,
        )
        stretches = analyze([folder])[0]["stretches"]
        catches = [stretch["catch"]["angle_deg"] for stretch in stretches if stretch["catch"]]
        if ankle and slow:
            slow_ends += [stretch["end_deg"] for stretch in stretches]
        as_known = not catches if slow else not ankle or (len(catches) == 1 and -14 <= catches[0] <= -5)
        part.add(
            trial["trial"],
            len(stretches),
            ", ".join(f"{stretch['end_deg']:.1f}°" for stretch in stretches),
            ", ".join(f"{catch:.1f}°" for catch in catches) or "none",
            met=len(stretches) == 1 and as_known,
        )
    mean, sd = np.mean(slow_ends), np.std(slow_ends, ddof=1)
    part.add("R2 of plantarflexors", len(slow_ends), f"{mean:+.1f} ± {sd:.1f}°", "", met=abs(mean - 4.3) <= 1.6)
    return part


PENDULUMS = {
    "pendulum_cp1_right": {"a0_deg": 44.3, "a1_deg": 53.7, "relaxation_index": 1.21, "r2n": 0.76},
    "pendulum_cp2_right": {"a0_deg": 54.4, "a1_deg": 87.8, "relaxation_index": 1.61, "r2n": 1.01},
}


def pendulums(data: Path, work: Path) -> Part:
    """Read Wartenberg's test of two people with cerebral palsy."""
    part = Part(
        "Angle: pendulum tests (KU Leuven)",
        "Limits: A0, A1, relaxation index and R2n within 2 % of the figures read off the recordings; no stretches.",
        ("recording", "figure", "found", "known"),
    )
    for name, known in PENDULUMS.items():
        path = data / "kuleuven_cp" / f"{name}.csv"
        if not path.is_file():
            return part
        values = table(path)
        streams = angle_stream(values["time_s"], -values["knee_angle_deg"])
        found = analyze([write_folder(work / name, "knee_extensors", "right", streams, test="pendulum")])[0]
        for key, value in known.items():
            got = found["pendulum"][key]
            part.add(name, key, f"{got:.2f}", value, met=abs(got - value) <= 0.02 * value + 0.005)
        part.add(name, "stretches", len(found["stretches"]), 0, met=not found["stretches"])
    return part


def passive_elbow(data: Path, work: Path) -> Part:
    """Find no catch in a healthy arm moved by a robot."""
    part = Part(
        "Angle: a healthy arm extended by a robot at 10 to 80 °/s",
        "Limit: no catch.",
        ("trial", "stretches", "catches"),
    )
    for path in sorted((data / "passive_elbow").glob("v*.csv")):
        values = table(path)
        streams = angle_stream(values["time_s"] - values["time_s"][0], 180 - values["elbow_angle_deg"])
        stretches = analyze([write_folder(work / path.stem, "elbow_flexors", "left", streams)])[0]["stretches"]
        catches = [stretch for stretch in stretches if stretch["catch"]]
        part.add(path.stem, len(stretches), len(catches) or "none", met=not catches)
    return part


def imu_encoder(data: Path, work: Path) -> Part:
    """Hold the angle of two inertial sensors on a motorised hinge against its encoder."""
    part = Part(
        "IMU: two sensors on a motorised hinge against its encoder",
        "Root mean square error (RMSE) after one constant offset and one constant lag within ±20 ms. Limits: the first minute as a "
        "recording of its own ≤ 4°, and over all 25 minutes ≤ 2° for the horizontal axes (roll, pitch), ≤ 6° for the axis along gravity "
        "(yaw).",
        ("trial", "first minute alone", "first of 25 minutes", "25 minutes", "last five minutes"),
    )
    for path in sorted((data / "imu_encoder").glob("*.mat")):
        time_s, streams, encoder_deg = encoder_trial(path)
        early = time_s < 60
        minute = {stem: (entry, header, values[early]) for stem, (entry, header, values) in streams.items()}
        folders = [
            write_folder(work / name, "elbow_extensors", "left", part_streams)
            for name, part_streams in ((path.stem, streams), (f"{path.stem}_minute", minute))
        ]
        analyze(folders, "--angles", str(work / "angles"))
        whole, alone = (table(work / "angles" / f"{folder.name}.csv") for folder in folders)
        errors = [
            _best_rms_deg(alone, time_s[early], encoder_deg[early], early[early]),
            _best_rms_deg(whole, time_s, encoder_deg, early),
            _best_rms_deg(whole, time_s, encoder_deg, time_s >= 0),
            _best_rms_deg(whole, time_s, encoder_deg, time_s > time_s[-1] - 300),
        ]
        limit_deg = 6.0 if "yaw" in path.stem else 2.0
        part.add(path.stem, *(f"{error:.2f}°" for error in errors), met=errors[0] <= 4 and errors[2] <= limit_deg)
    return part


def encoder_trial(path: Path) -> tuple[np.ndarray, dict[str, tuple[Finding, str, np.ndarray]], np.ndarray]:
    """Read a trial: times, both sensors' streams as a folder takes them, and the encoder's angle (deg)."""
    raw = matlab_files.loadmat(path)
    columns = {key: value.ravel().astype(float) for key, value in raw.items() if key.startswith("all_")}
    n = min(column.size for column in columns.values())
    columns = {key: column[:n] for key, column in columns.items()}
    stamp = columns["all_time"]
    keep = np.isfinite(stamp) & np.r_[True, np.diff(stamp) > 1e-6]
    time_s = stamp[keep] - stamp[keep][0]
    streams = {}
    for segment, sensor in (("proximal", 1), ("distal", 2)):
        acc = np.stack([columns[f"all_accel_{sensor}_{axis}"][keep] * STANDARD_GRAVITY_M_S2 for axis in "xyz"], 1)
        gyr = np.deg2rad(np.stack([columns[f"all_gyro_{sensor}_{axis}"][keep] for axis in "xyz"], 1))
        streams[f"imu_{segment}"] = ({"kind": "imu", "segment": segment}, IMU_HEADER, np.c_[time_s, acc, gyr])
    return time_s, streams, columns["all_encoder"][keep]


def _best_rms_deg(angles: Any, time_s: np.ndarray, encoder_deg: np.ndarray, where: np.ndarray) -> float:  # noqa: ANN401
    """Error of the best sign and lag: the encoder's sign and its 6 to 14 ms against the sensors are not ours."""
    seen = np.isfinite(angles["angle_deg"])
    best = np.inf
    for sign in (1, -1):
        for lag_s in np.arange(-0.02, 0.0201, 0.002):
            angle_deg = np.interp(time_s + lag_s, angles["time_s"][seen], angles["angle_deg"][seen])
            error = sign * angle_deg - encoder_deg
            error = error - np.median(error[time_s < 3])
            best = min(best, float(np.sqrt(np.mean(error[where] ** 2))))
    return best


def virtual(_: Path, work: Path) -> Part:
    """Grade sixty virtual patients by inertial sensors and a force sensor."""
    part = Part(
        "IMU + force: 60 virtual patients",
        "Made by `catchangle simulate` (seed 2026; all muscle groups; sensor noise, unknown mounting, 1 % of the packets lost), truth as "
        "`docs/methods/mas.md` defines it. Limits: catch angle within 3° (median), no catch in ≥ 95 % of the grade-0 limbs, quadratic "
        "weighted κ of the grade ≥ 0.8. A virtual patient is not a patient: no rated clinical recordings were available.",
        ("figure", "value"),
    )
    command = ["catchangle", "simulate", "--out", str(work / "cohort"), "--patients", "60", "--seed", "2026"]
    subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - our own command
    folders = sorted((work / "cohort").glob("*_baseline"))
    truths = [json.loads((folder / "truth.json").read_text()) for folder in folders]
    findings = analyze(folders)
    errors = _catch_errors_deg(truths, findings)
    healthy = [finding for truth, finding in zip(truths, findings, strict=True) if truth["mas"] == "0"]
    silent = np.mean([not any(s["catch"] for s in finding["stretches"]) for finding in healthy])
    pairs = [(t["mas"], f["mas"]["grade"]) for t, f in zip(truths, findings, strict=True) if f["mas"]]
    kappa = quadratic_kappa(pairs)
    covered = np.mean([t["mas"] in f["mas"]["set90"] for t, f in zip(truths, findings, strict=True) if f["mas"]])
    part.add("virtual patients, graded", f"{len(folders)}, {len(pairs)}", met=len(folders) >= 60)
    part.add(
        "catch angle, median absolute error",
        f"{np.median(errors):.1f}° (n = {len(errors)})",
        met=np.median(errors) <= 3,
    )
    caught = sum(truth["r1_deg"] is not None for truth in truths)
    part.add("catches found, of those planted (no limit yet)", f"{len(errors)} of {caught}", met=True)
    part.add("grade-0 limbs without a catch", f"{100 * silent:.0f} % of {len(healthy)}", met=silent >= 0.95)
    part.add("quadratic weighted κ of the grade", f"{kappa:.2f}", met=kappa >= 0.8)
    part.add("true grade inside the 90 % set (no limit yet)", f"{100 * covered:.0f} %", met=True)
    return part


def _catch_errors_deg(truths: list[Finding], findings: list[Finding]) -> list[float]:
    return [
        abs(finding["tardieu"]["r1_deg"] - truth["r1_deg"])
        for truth, finding in zip(truths, findings, strict=True)
        if truth["r1_deg"] is not None and finding["tardieu"]["r1_deg"] is not None
    ]


def quadratic_kappa(pairs: Sequence[tuple[str, str]]) -> float:
    """Cohen's kappa with quadratic weights over the ranks 0 to 5 of the six labels (Cohen 1968, doi:10.1037/h0026256)."""
    table = np.zeros((len(GRADES), len(GRADES)))
    for truth, found in pairs:
        table[GRADES.index(truth), GRADES.index(found)] += 1
    rank = np.arange(len(GRADES))
    weight = np.subtract.outer(rank, rank) ** 2
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    return float(1 - (weight * table).sum() / (weight * expected).sum())


PARTS: dict[str, Callable[[Path, Path], Part]] = {
    "clips": clips,
    "kuleuven": kuleuven,
    "pendulums": pendulums,
    "elbow": passive_elbow,
    "imu": imu_encoder,
    "virtual": virtual,
}

HEAD = """# Validation

Written by `python benchmarks/validation.py --data ../shared/data` with catchangle {version}; run it again to check. Every figure was
taken through the command line (`catchangle analyze --json`) on recordings with a known truth. What the recordings are, and whose, stands
at the end.

"""

TAIL = """## Further figures

Each page is the output of the command that stands in it.

| page | figures |
|---|---|
| [validation/video_altered.md](validation/video_altered.md) | the rendered exams mirrored, turned, small, dark, compressed, cut |
| [validation/imu_angle.md](validation/imu_angle.md) | the inertial angle on virtual patients, live and offline, and its cost beside VQF |
| [validation/streaming.md](validation/streaming.md) | cost of streaming four times 200 Hz, every sample accounted for |
| [validation/cohort.md](validation/cohort.md) | catch, resistance and grade of a virtual cohort, by source |
| [methods/threshold.md](methods/threshold.md) | reflex threshold and its velocity sensitivity (`benchmarks/threshold.py`) |
| [validation/analysis_core.md](validation/analysis_core.md) | torque, EMG onset and repeatability on measured recordings |
| [validation/catch_detectors.md](validation/catch_detectors.md) | other detectors of the catch with force, and the parts of resistance |
| [validation/firmware.md](validation/firmware.md) | the open goniometer's firmware, from chip registers to the catch |
| [speed.md](speed.md), [memory.md](memory.md) | the `pose` command beside a bare loop, and an hour of video |

## The recordings

| part | source | licence |
|---|---|---|
| rendered exams | made for this project | CC0 |
| manual stretches, pendulum tests | KULeuvenNeuromechanics/PredSim-workshop-bcn-2024 | MIT |
| robot-moved arm | myo-manipulation/SpasticMyoElbow | Apache-2.0 |
| IMU hinge | ssong47/compute_relative_angle_between_two_IMUs; Song, Pei, Hsiao-Wecksler 2022 | MIT |
| virtual patients | `catchangle simulate` | made by the command |

One person with cerebral palsy, one healthy arm, rendered and simulated exams: these figures show that the chain measures what it should
on such recordings, not that it grades patients as a rater would.
"""


def main() -> int:
    """Measure the parts asked for and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("docs/validation.md"))
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    parts = []
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as work:
            parts.append(PARTS[name](arguments.data, Path(work)))
        print(parts[-1].markdown())
    report = HEAD.format(version=version("catchangle")) + "\n".join(part.markdown() for part in parts) + "\n" + TAIL
    arguments.out.write_text(report, encoding="utf-8")
    return int(any(part.misses for part in parts))


if __name__ == "__main__":
    sys.exit(main())
