"""Whatever is dropped, repeated or reordered on the way: received plus reported lost is what was sent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.loss import ChannelLedger, Verdict
from sensors.packets import Channel, SampleBlock

N = 8
MODULO = 2**16
SMALL_MODULO = 2**8
"""Wraps soon enough for a drawn stream to wrap."""


def numbered(sequence: int, n: int = N, lost: int = 0, modulo: int = MODULO) -> SampleBlock:
    return SampleBlock(
        channel=Channel.IMU_A,
        values=np.zeros((n, 6)),
        interval_s=0.005,
        sequence=sequence % modulo,
        sequence_modulo=modulo,
        lost=lost,
    )


def stamped(sample: int, n: int = N, modulo: int = 2**32, start: int = 0) -> SampleBlock:
    stamp = start + sample * 5000
    return SampleBlock(
        channel=Channel.IMU_A,
        values=np.zeros((n, 6)),
        interval_s=0.005,
        stamp=stamp % modulo if modulo else stamp,
        stamp_modulo=modulo,
    )


@given(
    kept=st.lists(st.booleans(), min_size=2, max_size=60),
    twice=st.lists(st.integers(0, 59)),
    swapped=st.lists(st.integers(0, 58)),
    start=st.sampled_from([0, SMALL_MODULO - 20]),
)
def test_numbers_account_for_every_sample(kept: list[bool], twice: list[int], swapped: list[int], start: int) -> None:
    order = list(range(len(kept)))
    for at in swapped:
        if at + 1 < len(order):
            order[at], order[at + 1] = order[at + 1], order[at]
    came = [number for number in order if kept[number]]
    came += [number for number in twice if number in came]
    last = len(kept) - 1
    ledger = ChannelLedger()
    # Frames before those that are drawn bring the count to where it wraps.
    for number in range(start):
        ledger.observe(numbered(number, modulo=SMALL_MODULO))
    for number in [*came, last + 1]:
        ledger.observe(numbered(start + number, modulo=SMALL_MODULO))
    assert ledger.received == (start + len(set(came)) + 1) * N
    assert ledger.lost is not None
    assert ledger.received + ledger.lost == (start + last + 2) * N


def test_frames_lost_before_the_first_are_lost() -> None:
    ledger = ChannelLedger()
    ledger.observe(numbered(3))
    assert (ledger.received, ledger.lost) == (N, 3 * N)


def test_samples_that_the_unit_missed_are_lost_too() -> None:
    ledger = ChannelLedger()
    for number, missed in enumerate((0, 2, 0, 5)):
        ledger.observe(numbered(number, lost=missed))
    assert (ledger.received, ledger.lost) == (4 * N, 7)


def test_a_short_last_frame_counts_what_it_holds() -> None:
    ledger = ChannelLedger()
    ledger.observe(numbered(0))
    ledger.observe(numbered(2, n=3))
    assert (ledger.received, ledger.lost) == (N + 3, N)


def test_a_unit_that_counts_anew_is_noticed_and_loses_nothing_by_it() -> None:
    ledger = ChannelLedger()
    for number in range(5000):
        ledger.observe(numbered(number))
    assert ledger.observe(numbered(0)) is Verdict.RESTART
    assert ledger.observe(numbered(1)) is Verdict.NEW
    assert (ledger.received, ledger.lost, ledger.restarts) == (5002 * N, 0, 1)


@given(kept=st.lists(st.booleans(), min_size=2, max_size=60), start=st.sampled_from([0, 2**32 - 100_000]))
def test_stamps_account_for_every_sample(kept: list[bool], start: int) -> None:
    ledger = ChannelLedger()
    shown = [0, *[number for number, is_kept in enumerate(kept, start=1) if is_kept], len(kept) + 1]
    for number in shown:
        assert ledger.observe(stamped(number * N, start=start)) is Verdict.NEW
        assert ledger.observe(stamped(number * N, start=start)) is Verdict.DUPLICATE
    assert ledger.lost is not None
    assert ledger.received == len(shown) * N
    assert ledger.received + ledger.lost == (len(kept) + 2) * N
    assert ledger.duplicated == len(shown)


def test_a_late_stamp_is_taken_off_the_losses() -> None:
    ledger = ChannelLedger()
    verdicts = [ledger.observe(stamped(number * N)) for number in (0, 2, 1, 3)]
    assert verdicts == [Verdict.NEW, Verdict.NEW, Verdict.LATE, Verdict.NEW]
    assert (ledger.received, ledger.lost) == (4 * N, 0)


@pytest.mark.parametrize("jump", [10_000_000, -10_000_000])
def test_a_clock_that_was_set_is_no_gap(jump: int) -> None:
    ledger = ChannelLedger()
    ledger.observe(stamped(0, modulo=0, start=50_000_000))
    assert ledger.observe(stamped(N, modulo=0, start=50_000_000 + jump)) is Verdict.RESTART
    assert ledger.observe(stamped(2 * N, modulo=0, start=50_000_000 + jump)) is Verdict.NEW
    assert (ledger.received, ledger.lost) == (3 * N, 0)


def test_without_number_and_stamp_loss_is_not_known_rather_than_none() -> None:
    ledger = ChannelLedger()
    ledger.observe(SampleBlock(channel=Channel.IMU_A, values=np.zeros((4, 6)), interval_s=0.005))
    assert ledger.received == 4
    assert ledger.lost is None
