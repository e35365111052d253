"""``catchangle recover``: recordings that were cut short, made into recordings."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from analysis.errors import CatchangleError
from dashboard.cli.arguments import JsonOption
from dashboard.cli.console import complain, native_noise_silenced, say

__all__ = ["recover"]

UNUSABLE = 2


def recover(
    places: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR]…", help="Unfinished recordings, or folders that hold some.")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Save recordings that were cut short: by a crash, a full disk, a dead battery.

    What the journal and the video hold becomes a recording folder; what is lost is said. Nothing is deleted.

    Example: catchangle recover recordings/
    """
    with native_noise_silenced():
        from records.recovery import find_unfinished, recover_folder  # noqa: PLC0415 (loads FFmpeg)

        found = [folder for place in places or [Path()] for folder in find_unfinished(place)]
        saved, failed = [], 0
        for folder in dict.fromkeys(found):
            try:
                saved.append(recover_folder(folder))
            except CatchangleError as error:
                complain(str(error))
                failed += 1
    if as_json:
        said = [{**asdict(one), "folder": str(one.folder), "seconds": round(one.seconds, 3)} for one in saved]
        sys.stdout.write(json.dumps({"recovered": said}, indent=2) + "\n")
    for one in saved:
        if not as_json:
            sys.stdout.write(f"{one.folder}\n")
        say(f"{one.folder}: saved {', '.join(one.streams)}; {one.seconds:.1f} s of sensors, {one.received} samples")
        for sentence in one.quality:
            complain(sentence)
    if not found:
        say("no unfinished recording was found")
    return UNUSABLE if failed else 0
