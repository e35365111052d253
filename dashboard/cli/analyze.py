"""``catchangle analyze``: recordings to findings."""

import json
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from analysis.errors import CatchangleError
from dashboard.cli.arguments import (
    HomeOption,
    JsonOption,
    LensOption,
    MuscleGroupOption,
    PatientBoxOption,
    SideOption,
    parse_box,
)
from dashboard.cli.console import complain, debugging, internal_fault, native_noise_silenced, progress_board
from dashboard.errors import UsageError
from records.rows import Phase

__all__ = ["analyze"]

UNUSABLE = 2
INTERNAL_FAULT = 1


def analyze(  # noqa: PLR0917 (typer takes an argument per option)
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="Recording folders, or bare videos or angle CSVs.")
    ],
    muscle_group: MuscleGroupOption = None,
    side: SideOption = None,
    as_json: JsonOption = False,
    angles: Annotated[
        Path | None,
        typer.Option("--angles", metavar="DIR", help="Write the joint angle of each recording to DIR/NAME.csv."),
    ] = None,
    patient_box: PatientBoxOption = None,
    lens: LensOption = None,
    keep: Annotated[bool, typer.Option("--store", help="Keep recordings and findings in the database.")] = False,
    patient: Annotated[str | None, typer.Option("--patient", help="With --store: the patient's code.")] = None,
    phase: Annotated[Phase | None, typer.Option("--phase", help="With --store: when in the treatment.")] = None,
    home: HomeOption = None,
) -> int:
    """Analyse recordings: stretches, catch, R1 and R2, resistance and a modified Ashworth grade.

    A recording is a folder with a recording.json, or a bare video or CSV with --muscle-group and --side.
    One bad recording does not stop the others; the exit code is then 2.

    Example: catchangle analyze elbow.mp4 --muscle-group elbow_flexors --side left --json --angles out
    """
    box = parse_box(patient_box)
    _refuse_same_names(paths, angles)
    if (patient is not None or phase is not None) and not keep:
        raise UsageError("--patient and --phase say where to keep a recording: add --store")
    with native_noise_silenced():
        from dashboard.services.intake import Shelf  # noqa: PLC0415 (loaded when it is needed)
        from dashboard.services.pipeline import analyse_path  # noqa: PLC0415 (loaded when it is needed)
        from records.lens_file import read_lens  # noqa: PLC0415 (loaded when it is needed)

        calibration = None if lens is None else read_lens(lens)
        shelf = Shelf.open(home, patient, phase) if keep else None
        batch = Batch()

        def work(path: Path, on_progress: Callable[[float], None]) -> Mapping[str, Any]:
            analysed = analyse_path(
                path, muscle_group, side, patient_box=box, lens=calibration, on_progress=on_progress
            )
            finding = analysed.finding(path, angles)
            if shelf is not None:
                shelf.keep(analysed)
            return finding

        batch.run(paths, work)
    _print(batch.findings, as_json=as_json)
    return batch.exit_code


def _refuse_same_names(paths: Sequence[Path], angles: Path | None) -> None:
    """Two recordings of one name would write their angles over each other."""
    if angles is None:
        return
    seen: dict[str, Path] = {}
    for path in paths:
        name = path.stem if path.is_file() else path.name
        if name in seen:
            raise UsageError(f"--angles: {seen[name]} and {path} would both write {name}.csv; analyse them one by one")
        seen[name] = path


@dataclass(slots=True)
class Batch:
    """Findings so far, and the worst that happened."""

    findings: list[Mapping[str, Any]] = field(default_factory=list)
    exit_code: int = 0

    def run(self, paths: Sequence[Path], work: Callable[[Path, Callable[[float], None]], Mapping[str, Any]]) -> None:
        """Do the work on each path; what one recording breaks does not reach the others."""
        with progress_board() as board:
            for path in paths:
                with board.step(path.name) as on_progress:
                    self._one(path, on_progress, work)

    def _one(
        self,
        path: Path,
        on_progress: Callable[[float], None],
        work: Callable[[Path, Callable[[float], None]], Mapping[str, Any]],
    ) -> None:
        try:
            self.findings.append(work(path, on_progress))
        except (CatchangleError, OSError) as error:
            self.exit_code = self.exit_code or UNUSABLE
            _show_trace()
            complain(_naming(path, error))
        except Exception as error:  # noqa: BLE001 - a fault of ours in one recording must not cost the others
            self.exit_code = INTERNAL_FAULT
            _show_trace()
            internal_fault(error, str(path))


def _show_trace() -> None:
    if debugging():
        traceback.print_exc()


def _naming(path: Path, error: Exception) -> str:
    message = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    place = str(getattr(error, "filename", None) or path)
    return message if place in message else f"{place}: {message}"


def _print(findings: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    if not findings:
        return
    if as_json:
        sys.stdout.write(json.dumps({"recordings": findings}, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
        return
    from dashboard.cli.report import print_findings  # noqa: PLC0415 (loaded when it is needed)

    print_findings(findings)
