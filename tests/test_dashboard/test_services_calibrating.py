"""A person is led through the steps; the errors planted into a virtual unit come back, and it keeps them."""

import asyncio
import re

import numpy as np
import pytest
from numpy.typing import NDArray

from dashboard.errors import UsageError
from dashboard.services.calibrating import FACES, CalibrationPlan, Certificate, calibrate
from dashboard.services.certificate import render_certificate
from dashboard.services.sensing import Room, introduce
from sensors.devices.goniometer_frames import encode_calibration
from sensors.emulator.backend import client_backend, scanner_backend
from sensors.emulator.goniometer import VirtualGoniometer
from sensors.emulator.movement import Movement, Replay, Signal, Still
from sensors.emulator.unit import UnitPlan
from sensors.emulator.virtual_time import run_virtual
from sensors.emulator.world import World, emulated_world
from sensors.errors import SensorError
from sensors.packets import Channel
from sensors.radio import Radio

G = 9.80665
Array = NDArray[np.float64]


class Person:
    """Does what the prompts say to a unit whose sensors have planted errors."""

    def __init__(self, movement: Movement, *, lazy: bool = False) -> None:
        rng = np.random.default_rng(11)
        self.movement, self.lazy, self.now_s = movement, lazy, lambda: 0.0
        self.inverse = {channel: np.eye(3) + rng.uniform(-0.02, 0.02, (3, 3)) for channel in "aAbB"}
        self.offset = {"a": 0.3 * np.ones(3), "A": 0.01 * np.ones(3), "b": np.zeros(3), "B": -0.02 * np.ones(3)}
        self.scale = 1.03
        self.show(np.array([[0.0, 0.0, 0.0]]), np.zeros((1, 3)))

    def show(self, acc: Array, gyr: Array, time_s: Array | None = None, force_N: float = 0.0) -> None:
        signals: dict[Channel, Signal] = {}
        for channel, letter in ((Channel.IMU_A, "a"), (Channel.IMU_B, "b")):
            big = letter.upper()
            values = np.hstack(
                [
                    np.broadcast_to(acc, gyr.shape) @ self.inverse[letter].T + self.offset[letter],
                    gyr @ self.inverse[big].T + self.offset[big],
                ]
            )
            signals[channel] = (
                Still(values=tuple(values[0])) if time_s is None else Replay(time_s=time_s, values=values)
            )
        signals[Channel.FORCE] = Still(values=(force_N * self.scale + 2.0,))
        self.movement.signals = signals
        self.movement.begins_s = self.now_s()

    async def __call__(self, prompt: str) -> None:
        still = np.zeros((1, 3))
        for place, face in enumerate(FACES):
            if f"their {face} side" in prompt and not self.lazy:
                self.show(np.array([np.vstack([np.eye(3), -np.eye(3)])[place] * G]), still)
        for axis, name in enumerate("xyz"):
            if f"their {name} axis" in prompt:
                self.turn(axis, -1.0 if "back" in prompt else 1.0)
        if stop := re.search(r"pin it at ([0-9.]+) degrees", prompt):
            angle = np.radians(float(stop[1]))
            self.show(np.array([[np.sin(angle), 0.0, np.cos(angle)]]) * G, still)
        if "force handle" in prompt:
            hung = re.search(r"hang ([0-9.]+) kg", prompt)
            kg = float(hung[1]) if hung else 0.0
            self.show(np.array([[0.0, 0.0, G]]), still, force_N=kg * G)

    def turn(self, axis: int, sign: float) -> None:
        time_s = np.arange(0.0, 8.0, 0.005)
        speed = np.where((time_s > 1) & (time_s < 7), 1 - np.cos(2 * np.pi * (time_s - 1) / 6.0), 0.0) * 2 * np.pi / 6
        gyr = np.zeros((time_s.size, 3))
        gyr[:, axis] = sign * speed
        self.show(np.eye(3)[axis : axis + 1] * G, gyr, time_s)


def certify(plan: CalibrationPlan, *, lazy: bool = False) -> tuple[Certificate, Person, VirtualGoniometer]:
    movement = Movement()
    person = Person(movement, lazy=lazy)
    units: list[VirtualGoniometer] = []

    def furnish(link):  # noqa: ANN001, ANN202 (the emulator's)
        units.append(VirtualGoniometer(link, UnitPlan(address="F0:CA:7C:12:34:01"), movement))
        return units

    async def main() -> Certificate:
        async with emulated_world(furnish, seed=2) as world:
            person.now_s = asyncio.get_running_loop().time
            room = room_of(world)
            (one,) = await introduce(room, 2.0)
            made = await calibrate(room, one, plan, person)
            (after,) = await introduce(room, 2.0)
            assert after.info is not None
            if made.written:
                assert after.info.details["calibration"] == encode_calibration(made.calibration).hex()
            return made

    return run_virtual(main()), person, units[0]


def room_of(world: World) -> Room:
    radio = Radio(client_backend=client_backend(world.adapter), scanner_backend=scanner_backend(world.adapter))
    return Room(airs=(radio,), begin=lambda: None)


def test_planted_errors_come_back_and_the_unit_keeps_them() -> None:
    made, person, _ = certify(CalibrationPlan(weights_kg=(1.0, 2.0, 5.0)))
    for channel, letter in ((Channel.IMU_A, "a"), (Channel.IMU_B, "b")):
        np.testing.assert_allclose(made.acc[channel].matrix @ person.inverse[letter], np.eye(3), atol=0.002)
        np.testing.assert_allclose(made.gyr[channel].matrix @ person.inverse[letter.upper()], np.eye(3), atol=0.002)
        np.testing.assert_allclose(made.acc[channel].offset, person.offset[letter], atol=0.005)
        np.testing.assert_allclose(made.gyr[channel].offset, person.offset[letter.upper()], atol=0.001)
    assert made.force is not None
    # the virtual converter counts 2000 to the newton
    assert made.force.scale_N == pytest.approx(1 / 2000 / person.scale, rel=0.002)


def test_force_alone_leaves_the_inertial_sensors_as_they_are() -> None:
    made, _, _ = certify(CalibrationPlan(inertial=False, weights_kg=(0.5, 2.0)))
    assert made.acc == {}
    assert made.calibration.acc_a == (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def test_the_jig_checks_the_angle_that_was_calibrated() -> None:
    calibrated, _, _ = certify(CalibrationPlan(jig=True))
    raw, _, _ = certify(CalibrationPlan(inertial=False, jig=True))
    assert calibrated.hinge is not None
    assert raw.hinge is not None
    assert calibrated.hinge.gain == pytest.approx(1.0, abs=0.002)
    assert calibrated.hinge.largest_deg < 0.1 < raw.hinge.largest_deg
    assert not raw.written
    assert "hinge jig" in render_certificate(calibrated)


def test_a_person_who_does_not_turn_the_box_is_told() -> None:
    with pytest.raises(SensorError, match="between two faces"):
        certify(CalibrationPlan(), lazy=True)


def test_nothing_to_do_is_said() -> None:
    with pytest.raises(UsageError, match="nothing to calibrate"):
        certify(CalibrationPlan(inertial=False))
