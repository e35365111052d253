"""What is told of a stream while it runs: delays, refused notifications, and the angle of two sensors."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sensors.inbox import Inbox
from sensors.lateness import Lateness
from sensors.live_joint import LiveJoint
from sensors.packets import Arrival, Channel, ClockQuality, Role, SampleBlock, UnitInfo
from sensors.samples import ImuSamples


def block(stamp: int | None) -> SampleBlock:
    return SampleBlock(
        channel=Channel.IMU_A,
        values=np.zeros((8, 6)),
        interval_s=0.005,
        stamp=stamp,
        stamp_modulo=2**32 if stamp else 0,
    )


@pytest.mark.parametrize("has_stamps", [True, False])
def test_the_delay_over_the_best_packet_is_told(has_stamps: bool) -> None:
    rng = np.random.default_rng(0)
    lateness = Lateness()
    delays_ms = np.where(rng.random(500) < 0.05, 40.0, rng.uniform(0, 10, 500))
    for number, delay_ms in enumerate(delays_ms):
        stamp = (2**32 - 2_000_000 + number * 40_000) % 2**32 if has_stamps else None
        lateness.observe(round((number * 0.04 + delay_ms * 1e-3) * 1e9), block(stamp))
    assert lateness.late_ms() == pytest.approx(40.0 - delays_ms.min(), abs=0.5)


def test_a_clock_that_was_set_is_no_delay() -> None:
    lateness = Lateness()
    for number in range(200):
        jumped = 30_000_000 if number > 100 else 0
        lateness.observe(number * 40_000_000, block(50_000_000 + number * 40_000 + jumped))
    assert lateness.late_ms() == pytest.approx(0.0, abs=1e-3)


def test_before_the_first_packet_nothing_is_known() -> None:
    assert np.isnan(Lateness().late_ms())


def test_an_inbox_keeps_the_first_and_counts_the_rest() -> None:
    async def main() -> None:
        ticks = iter(range(100))
        inbox = Inbox(3, lambda: next(ticks))
        for number in range(5):
            inbox.notified("data", bytearray([number]))
        assert inbox.overflowed == 2
        assert [(one.arrival_ns, one.data) for one in inbox.take()] == [(0, b"\x00"), (1, b"\x01"), (2, b"\x02")]
        assert inbox.take() == []
        await inbox.wait(0.001)
        inbox.lost()
        await inbox.wait(1000.0)
        assert inbox.is_lost

    asyncio.run(main())


def test_an_inbox_copies_what_the_radio_may_reuse() -> None:
    async def main() -> None:
        inbox, data = Inbox(3, lambda: 0), bytearray(b"ab")
        inbox.notified("data", data)
        data[0] = 0
        assert inbox.take()[0].data == b"ab"

    asyncio.run(main())


def info(unit_id: str) -> UnitInfo:
    return UnitInfo(
        kind="capture2go",
        unit_id=unit_id,
        name=unit_id,
        channels=(Channel.IMU_A,),
        rate_hz=200.0,
        clock=ClockQuality.ONE_WAY,
    )


def sent(samples: ImuSamples, unit: UnitInfo, boot_s: float) -> list[tuple[float, UnitInfo, SampleBlock]]:
    """Cut even samples into blocks of eight with the unit's own stamps, each arriving 10 ms after its last."""
    values = np.concatenate([samples.acc_m_s2, samples.gyr_rad_s], axis=1)
    return [
        (
            float(samples.time_s[start + 7]) + 0.01,
            unit,
            SampleBlock(
                channel=Channel.IMU_A,
                values=values[start : start + 8],
                interval_s=0.005,
                stamp=round((samples.time_s[start] - boot_s) * 1e6),
            ),
        )
        for start in range(0, len(values) - 8, 8)
    ]


def test_two_sensors_with_clocks_of_their_own_give_the_joints_angle(plant: Callable[..., Any]) -> None:
    planted = plant(loss=0.0, movements=((70.0, 4.0), (-70.0, 2.0), (70.0, 2.0), (-70.0, 2.0)))
    roles = {("p", Channel.IMU_A): Role.PROXIMAL, ("d", Channel.IMU_A): Role.DISTAL}
    joint = LiveJoint(roles.get)
    packets = sent(planted.proximal, info("p"), -100.0) + sent(planted.distal, info("d"), -2000.0)
    told = []
    for arrival_s, unit, packet in sorted(packets, key=lambda one: one[0]):
        arrival = Arrival(
            unit_id=unit.unit_id, segment=0, characteristic="tx", arrival_ns=round(arrival_s * 1e9), data=b""
        )
        joint(unit, arrival, [packet])
        if joint.latest is not None and joint.latest.angle_deg.size:
            told.append((joint.latest.time_s[-1], joint.latest.angle_deg[-1]))
    time_s, angle_deg = np.array([one for one in told if np.isfinite(one[1])]).T
    assert time_s.size > 100
    # One-way clocks are late by the shortest delay, and the zero is relative.
    error = angle_deg - planted.truth(time_s - 0.01)
    assert np.std(error) < 3.0


def test_channels_without_an_angular_role_are_left_alone() -> None:
    joint = LiveJoint(lambda _key: None)
    arrival = Arrival(unit_id="p", segment=0, characteristic="tx", arrival_ns=0, data=b"")
    joint(info("p"), arrival, [block(1)])
    assert joint.latest is None
