"""Virtual sensors on a virtual patient, in the place of real ones: a whole exam on a laptop without hardware."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

from analysis.muscles import MuscleGroup
from analysis.simulate import draw_cohort
from dashboard.services.sensor_session import SensorChoice, SensorPlan
from sensors.emulator.backend import client_backend, scanner_backend
from sensors.emulator.patient import replayable_exam, signals_of
from sensors.emulator.radio_link import RadioLink
from sensors.emulator.rig import RIGS, Rig, build_rig
from sensors.emulator.unit import VirtualUnit
from sensors.emulator.world import emulated_world
from sensors.radio import Radio
from sensors.streaming import Air

__all__ = ["RIGS", "virtual_plan"]

_SCAN_S = 2.0
"""Virtual units advertise many times in so long (chosen by us)."""
_LEAD_S = 2.0
"""From the recording's start to the movement's (chosen by us)."""


def virtual_plan(
    rig: str,
    muscle_group: MuscleGroup,
    *,
    seed: int,
    beside: Sequence[SensorChoice] = (),
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> SensorPlan:
    """Plan a recording of virtual units, which are strapped on as they should be.

    Parameters
    ----------
    rig
        One of `sensors.emulator.rig.RIGS`.
    muscle_group
        What is examined.
    seed
        Source of all chance: the patient, the examiner, the radio.
    beside
        Streams of the Lab Streaming Layer that are recorded with them.
    settings
        What those streams' keys need besides.

    Raises
    ------
    DataError
        If there is no such set of sensors.
    """
    (patient,) = draw_cohort(1, seed=seed, muscle_groups=(muscle_group,))
    exam = replayable_exam(patient, seed=seed)
    rigs: list[Rig] = []
    choices: list[SensorChoice] = [*beside]

    def furnish(link: RadioLink) -> Sequence[VirtualUnit]:
        rigs.append(build_rig(link, rig, signals_of(exam), seed=seed, rest_s=exam.reference_pose.time_s))
        for address, channels in rigs[0].roles.items():
            choices.extend(SensorChoice(role=role, unit=address, channel=channel) for channel, role in channels.items())
        return rigs[0].units

    @asynccontextmanager
    async def airs() -> AsyncIterator[Sequence[Air]]:
        async with emulated_world(furnish, seed=seed) as world:
            radio = Radio(client_backend=client_backend(world.adapter), scanner_backend=scanner_backend(world.adapter))
            yield (radio, *_streams_of_the_network()) if beside else (radio,)

    return SensorPlan(
        airs=airs,
        choices=choices,
        settings={"lever_m": round(exam.force.lever_m, 5), **settings},
        scan_s=_SCAN_S,
        begin=lambda: rigs[0].begin(time.monotonic() + _LEAD_S),
    )


def _streams_of_the_network() -> tuple[Air]:
    from sensors.lsl import LslAir  # noqa: PLC0415 (an optional extra)

    return (LslAir(),)
