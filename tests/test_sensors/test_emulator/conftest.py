"""Rooms with known units, for the tests of this folder."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice

from sensors.emulator.backend import client_backend, scanner_backend
from sensors.emulator.goniometer import VirtualGoniometer
from sensors.emulator.movement import Movement, Signal, Values
from sensors.emulator.radio_link import RadioLink
from sensors.emulator.radio_model import RadioParams
from sensors.emulator.rig import Rig, build_rig
from sensors.emulator.unit import UnitPlan
from sensors.emulator.world import World, emulated_world
from sensors.packets import Channel, Role
from sensors.radio import Radio

PLAN = UnitPlan(address="F0:00:00:00:00:01")


@dataclass(frozen=True)
class Known:
    """A signal that tells its own time: every value is a known function of it."""

    columns: int
    scale: float = 1.0

    def read(self, time_s: Values) -> Values:
        phases = np.arange(self.columns)[np.newaxis, :]
        return self.scale * np.sin(2 * np.pi * 0.5 * time_s[:, np.newaxis] + phases)


KNOWN = {Role.PROXIMAL: Known(6), Role.DISTAL: Known(6, 2.0), Role.FORCE: Known(1, 20.0)}


@dataclass
class Room:
    world: World
    rig: Rig | None = None
    known: Mapping[Role, Signal] = field(default_factory=lambda: KNOWN)
    gone: list[str] = field(default_factory=list)

    def radio(self) -> Radio:
        adapter = self.world.adapter
        return Radio(client_backend=client_backend(adapter), scanner_backend=scanner_backend(adapter))

    async def find(self, address: str) -> BLEDevice:
        found = await BleakScanner.find_device_by_address(
            address, timeout=5.0, backend=scanner_backend(self.world.adapter)
        )
        assert found is not None
        return found

    def client(self, device: BLEDevice | str, **kwargs: float) -> BleakClient:
        return BleakClient(
            device,
            disconnected_callback=lambda client: self.gone.append(client.address),
            backend=client_backend(self.world.adapter),
            **kwargs,
        )


@asynccontextmanager
async def goniometer_room(
    plans: Sequence[UnitPlan] = (PLAN,), radio: RadioParams | None = None, *, seed: int = 0
) -> AsyncIterator[Room]:
    """Open a room with goniometers whose two inertial units stand still."""
    signals = {Channel.IMU_A: Known(6), Channel.IMU_B: Known(6, 2.0), Channel.FORCE: Known(1, 20.0)}

    def furnish(link: RadioLink) -> list[VirtualGoniometer]:
        return [VirtualGoniometer(link, plan, Movement(signals=signals, begins_s=0.0)) for plan in plans]

    async with emulated_world(furnish, radio=radio, seed=seed) as world:
        yield Room(world)


@asynccontextmanager
async def rig_room(kind: str, radio: RadioParams | None = None, *, seed: int = 0) -> AsyncIterator[Room]:
    """Open a room with one set of units that measure known signals since the world's time 0."""
    rigs: list[Rig] = []

    def furnish(link: RadioLink) -> Sequence[object]:
        rigs.append(build_rig(link, kind, KNOWN, seed=seed))
        rigs[0].begin(0.0)
        return rigs[0].units

    async with emulated_world(furnish, radio=radio, seed=seed) as world:
        yield Room(world, rigs[0])


@pytest.fixture
def open_goniometers() -> Callable[..., AbstractAsyncContextManager[Room]]:
    """Open a room with goniometers: plans, radio, seed."""
    return goniometer_room


@pytest.fixture
def open_rig() -> Callable[..., AbstractAsyncContextManager[Room]]:
    """Open a room with one set of units: kind, radio, seed."""
    return rig_room
