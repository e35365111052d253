"""Counters with planted wraps, losses, repeats and jumps."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.ticks import BlockStamp, Counted, count_blocks, sequence_step, unwrap_near

WRAP = 2**32


def blocks(count: int = 200, *, start: int = WRAP - 1_000_000, number: int = 65_500, seed: int = 0) -> list[BlockStamp]:
    """Blocks of 8 samples at 200 Hz whose clock and numbers both wrap; arrivals wait up to 60 ms."""
    rng = np.random.default_rng(seed)
    return [
        BlockStamp(
            arrival_ns=int(1e9 + i * 40e6 + rng.uniform(0, 60e6)),
            stamp=(start + i * 40_000) % WRAP,
            sequence=(number + i) % 65_536,
            samples=8,
            interval_s=0.005,
        )
        for i in range(count)
    ]


def counted(given_blocks: list[BlockStamp]) -> Counted:
    return count_blocks(given_blocks, modulo=WRAP, sequence_modulo=65_536, tick_s=1e-6)


def test_wraps_are_no_jumps() -> None:
    found = counted(blocks())
    assert found.epoch.max() == 0
    assert np.diff(found.stamp_s) == pytest.approx(0.04)
    assert (found.lost_before.sum(), found.repeated, found.doubtful) == (0, 0, ())


@given(st.sets(st.integers(1, 198), max_size=30), st.integers(0, 2**32 - 1), st.integers(0, 65_535))
def test_every_lost_block_is_counted(missing: set[int], start: int, number: int) -> None:
    sent = blocks(start=start, number=number)
    found = counted([block for i, block in enumerate(sent) if i not in missing])
    assert found.lost_before[1:].sum() == 8 * len(missing)
    assert found.epoch.max() == 0
    assert found.stamp_s[-1] - found.stamp_s[0] == pytest.approx(199 * 0.04)


def test_first_blocks_that_never_came_are_counted_where_numbers_start_at_zero() -> None:
    assert counted(blocks(number=0)[3:]).lost_before[0] == 24


def test_repeats_are_dropped_and_late_ones_put_back() -> None:
    sent = blocks()
    mixed = [*sent[:50], sent[49], *sent[50:80], sent[81], sent[80], *sent[82:], sent[190]]
    found = counted(mixed)
    assert (len(found.order), found.repeated, found.lost_before.sum()) == (200, 2, 0)
    assert (np.diff(found.stamp_s) > 0).all()


@pytest.mark.parametrize("by_s", [-5.0, -0.2, 0.2, 5.0, 1000.0])
def test_a_jump_of_the_clock_starts_an_epoch(by_s: float) -> None:
    sent = [replace(b, stamp=(b.stamp + round(by_s * 1e6)) % WRAP) if i >= 100 else b for i, b in enumerate(blocks())]
    found = counted(sent)
    assert found.epoch.tolist() == [0] * 100 + [1] * 100
    assert found.lost_before.sum() == 0


def test_a_rest_of_the_sensor_is_no_jump() -> None:
    sent = [
        replace(b, stamp=(b.stamp + 2_000_000) % WRAP, arrival_ns=b.arrival_ns + 2_000_000_000) if i >= 100 else b
        for i, b in enumerate(blocks())
    ]
    found = counted(sent)
    assert found.epoch.max() == 0
    assert found.stamp_s[100] - found.stamp_s[99] == pytest.approx(2.04)


@pytest.mark.parametrize("field", ["stamp", "sequence"])
def test_one_damaged_counter_costs_one_block(field: str) -> None:
    sent = blocks()
    sent[100] = replace(sent[100], **{field: (getattr(sent[100], field) + 9000 * 1000) % 65_536})
    found = counted(sent)
    assert found.doubtful == (100,)
    assert (found.epoch.max(), found.lost_before.sum()) == (0, 8)


def test_a_device_that_starts_anew_loses_nothing() -> None:
    sent = [replace(b, sequence=i - 100, stamp=(i - 100) * 40_000) if i >= 100 else b for i, b in enumerate(blocks())]
    found = counted(sent)
    assert len(found.order) == 200
    assert (found.epoch[:100] == 0).all()
    assert (found.epoch[100:] > 0).all()


def test_without_numbers_a_host_that_was_busy_is_no_jump() -> None:
    sent = [replace(block, sequence=None) for block in blocks(start=1_000_000)]
    held = [replace(b, arrival_ns=max(b.arrival_ns, int(5.4e9))) if 50 <= i < 110 else b for i, b in enumerate(sent)]
    found = counted(held)
    assert found.epoch.max() == 0
    assert found.lost_before.sum() == 0


def test_without_numbers_stamps_tell_losses_and_repeats() -> None:
    sent = [replace(b, sequence=None) for b in blocks()]
    found = counted([*sent[:50], sent[49], *sent[53:]])
    assert (found.lost_before.sum(), found.repeated, found.epoch.max()) == (24, 1, 0)


@given(st.integers(-(2**40), 2**40), st.floats(-1e9, 1e9), st.integers(1, 2**33))
def test_unwrapping_is_the_nearest_that_wraps_to_it(stamp: int, expected: float, modulo: int) -> None:
    value = unwrap_near(stamp, expected, modulo)
    assert (value - stamp) % modulo == 0
    assert abs(value - expected) <= 0.5 * modulo + 1e-3 * modulo
    assert abs(sequence_step(stamp, stamp + 1, 256)) == 1


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 65_535)), max_size=40))
def test_nonsense_never_raises_and_loses_no_index(pairs: list[tuple[int, int]]) -> None:
    nonsense = [
        BlockStamp(arrival_ns=i * 40_000_000, stamp=stamp, sequence=number, samples=8, interval_s=0.005)
        for i, (stamp, number) in enumerate(pairs)
    ]
    found = counted(nonsense)
    assert len(found.order) + len(found.doubtful) + found.repeated == len(nonsense)
    for epoch in np.unique(found.epoch):
        assert (np.diff(found.stamp_s[found.epoch == epoch]) > 0).all()
