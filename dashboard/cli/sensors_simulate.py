"""``catchangle sensors simulate``: a virtual patient's exam through virtual sensors into a recording folder."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.muscles import MuscleGroup
from dashboard.cli.arguments import JsonOption
from dashboard.cli.console import progress_board, say
from dashboard.errors import UsageError

if TYPE_CHECKING:
    from dashboard.services.virtual_streaming import Streamed, StreamedUnit

__all__ = ["simulate"]


def simulate(  # noqa: PLR0917 (typer takes an argument per option)
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Recording folder to make.")],
    sensors: Annotated[
        str,
        typer.Option(
            "--sensors", metavar="SET", help="Which virtual sensors: goniometer, witmotion, dot or capture2go."
        ),
    ] = "goniometer",
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed streams the same exam.")] = 1,
    muscle_group: Annotated[
        MuscleGroup, typer.Option("--muscle-group", help="Tested muscle group.")
    ] = MuscleGroup.ELBOW_FLEXORS,
    grade: Annotated[
        str, typer.Option("--grade", help="Grade that the patient is drawn around: 0, 1, 1+, 2, 3 or 4.")
    ] = "2",
    interval_ms: Annotated[
        float, typer.Option("--interval", min=7.5, max=4000.0, help="Connection interval of the radio, ms.")
    ] = 30.0,
    loss: Annotated[
        float, typer.Option("--loss", min=0.0, max=0.9, help="Share of radio packets that must be sent again.")
    ] = 0.02,
    faults: Annotated[
        int, typer.Option("--faults", min=0, max=100, help="Things that go wrong meanwhile: lost links, stalls, …")
    ] = 0,
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Take as long as the exam does; else time is skipped.")
    ] = False,
    code: Annotated[str, typer.Option("--code", help="The virtual patient's code.")] = "V001",
    as_json: JsonOption = False,
) -> int:
    """Stream a virtual patient's exam from virtual sensors over a virtual radio, and record it.

    The sensors are emulated down to the radio packets; all from there on is what real sensors go through. DIR can be
    analysed; its truth.json says what was planted.

    Example: catchangle sensors simulate --out virtual_exam --seed 2
    """
    if out.exists():
        raise UsageError(f"--out {out}: is there already; name another folder or remove it")
    streaming = _load()
    if sensors not in streaming.RIGS:
        raise UsageError(f"--sensors: expected one of {', '.join(streaming.RIGS)}; got '{sensors}'")
    scenario = streaming.Scenario(
        rig=sensors,
        muscle_group=muscle_group,
        grade=grade,
        seed=seed,
        radio=streaming.RadioParams(connection_interval_s=interval_ms / 1000.0, loss=loss),
        faults=faults,
        real_time=real_time,
        code=code,
        started_at=datetime.now().astimezone(),
    )
    with progress_board() as board, board.step("streaming a virtual exam") as on_progress:
        streamed = streaming.stream_exam(scenario, out, on_progress=on_progress)
    if as_json:
        sys.stdout.write(json.dumps(_described(streamed), ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _told(streamed))
    return 0


def _load() -> Any:  # noqa: ANN401 (a module)
    try:
        from dashboard.services import virtual_streaming  # noqa: PLC0415 (needs an extra)
    except ImportError as error:
        if error.name is None or error.name.split(".")[0] != "bumble":
            raise
        raise UsageError("the virtual sensors need an extra: pip install 'catchangle[emulator]'") from error
    return virtual_streaming


def _described(streamed: "Streamed") -> dict[str, Any]:
    return {
        "recording": str(streamed.folder),
        "seconds": round(streamed.seconds, 3),
        "units": [_unit(one) for one in streamed.units],
        "faults": [{"kind": fault.kind.value, "at_s": round(fault.at_s, 3)} for fault in streamed.faults],
        "quality": list(streamed.quality),
    }


def _unit(one: "StreamedUnit") -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.kind,
        "unit_id": one.unit_id,
        "channels": [
            {
                "channel": channel.value,
                "sent": sent,
                "received": one.received.get(channel, 0),
                "lost": one.lost.get(channel),
            }
            for channel, sent in one.sent.items()
        ],
        "duplicated": one.duplicated,
        "rejected": one.rejected,
        "connections": one.connections,
        "clock": None if one.clock is None else one.clock.value,
        "clock_error_ms": _ms(one.clock_error_s),
        "clock_residual_ms": _ms(one.clock_residual_s),
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1e3 * seconds, 3)


def _told(streamed: "Streamed") -> list[str]:
    """Put the accounts into lines; what is wrong with the recording goes to stderr."""
    for sentence in streamed.quality:
        say(f"quality: {sentence}")
    lines = [f"{streamed.folder} ({streamed.seconds:.1f} s)"]
    for unit in (_unit(one) for one in streamed.units):
        for one in unit["channels"]:
            lost = "cannot tell its losses" if one["lost"] is None else f"{one['lost']} lost"
            lines.append(f"  {unit['name']} {one['channel']}: {one['sent']} sent, {one['received']} received, {lost}")
        residual = unit["clock_residual_ms"]
        true = "" if residual is None else f", in truth {residual:.1f} ms"
        within = "no clock" if unit["clock_error_ms"] is None else f"within {unit['clock_error_ms']:.1f} ms"
        lines.append(
            f"  {unit['name']} clock: {unit['clock']}, {within}{true}; {unit['connections']} connection"
            + ("" if unit["connections"] == 1 else "s")
        )
    return lines
