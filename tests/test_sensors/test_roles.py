"""Who is for what: by what was told, by what is left, by shaking; never by a guess."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from records.errors import RecordError
from records.sensor_roles import load_roles, save_roles
from sensors.packets import Channel, ClockQuality, Role, UnitInfo
from sensors.roles import RoleMap, assign_roles, find_shaken

A, B, FORCE, EMG = Channel.IMU_A, Channel.IMU_B, Channel.FORCE, Channel.EMG


def unit(unit_id: str, *channels: Channel) -> UnitInfo:
    return UnitInfo(
        kind="dot", unit_id=unit_id, name=unit_id, channels=channels, rate_hz=60.0, clock=ClockQuality.ONE_WAY
    )


def resting(seconds: float = 1.5, seed: int = 0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    values = rng.normal(scale=0.05, size=(round(seconds * 200), 6))
    values[:, 2] += 9.81
    return values


def shaken(acc_m_s2: float = 12.0, seed: int = 1) -> NDArray[np.float64]:
    values = resting(seed=seed)
    values[:, 0] += acc_m_s2 * np.sin(np.arange(len(values)) / 200 * 2 * np.pi * 5)
    return values


def tapped() -> NDArray[np.float64]:
    values = resting()
    values[40:300:60, 2] += 60.0
    return values


def test_a_goniometer_needs_not_be_told() -> None:
    assert assign_roles([unit("g", A, B, FORCE, EMG)]) == {
        ("g", A): Role.PROXIMAL,
        ("g", B): Role.DISTAL,
        ("g", FORCE): Role.FORCE,
        ("g", EMG): Role.EMG,
    }


def test_a_goniometer_strapped_on_the_other_way_round_is_told_once() -> None:
    told = RoleMap().told(("g", A), Role.DISTAL, [("g", A), ("g", B)])
    assert assign_roles([unit("g", A, B)], told) == {("g", A): Role.DISTAL, ("g", B): Role.PROXIMAL}


def test_two_alike_are_not_guessed() -> None:
    assert assign_roles([unit("l", A), unit("r", A), unit("p", FORCE)]) == {("p", FORCE): Role.FORCE}


def test_one_told_of_two_settles_both() -> None:
    told = RoleMap().told(("l", A), Role.DISTAL, [("l", A), ("r", A)])
    assert assign_roles([unit("l", A), unit("r", A)], told) == {("l", A): Role.DISTAL, ("r", A): Role.PROXIMAL}


def test_two_that_claim_the_same_get_nothing() -> None:
    told = RoleMap(roles={("l", A): Role.DISTAL, ("r", A): Role.DISTAL})
    assert assign_roles([unit("l", A), unit("r", A)], told) == {}


def test_telling_takes_the_role_from_those_present_only() -> None:
    before = RoleMap(roles={("l", A): Role.DISTAL, ("home", A): Role.DISTAL})
    after = before.told(("r", A), Role.DISTAL, [("l", A), ("r", A)])
    assert after.roles == {("r", A): Role.DISTAL, ("home", A): Role.DISTAL}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(list(Channel)), st.sampled_from(list(Role)))))
def test_no_role_is_given_twice(told: list[tuple[str, Channel, Role]]) -> None:
    units = [unit("a", A), unit("b", A, B, FORCE), unit("c", EMG, FORCE)]
    given_roles = list(assign_roles(units, RoleMap(roles={(who, what): role for who, what, role in told})).values())
    assert len(given_roles) == len(set(given_roles))


@pytest.mark.parametrize("moved", [shaken(), tapped()])
def test_the_one_that_is_shaken_or_tapped_is_told(moved: NDArray[np.float64]) -> None:
    assert find_shaken({("l", A): resting(), ("r", A): moved, ("p", FORCE): np.zeros((100, 1))}) == ("r", A)


def test_a_pushed_force_sensor_is_told() -> None:
    pushes = 20 * (np.sin(np.arange(120) / 80 * 2 * np.pi * 2) > 0)[:, np.newaxis]
    assert find_shaken({("l", A): resting(), ("p", FORCE): pushes}) == ("p", FORCE)


@pytest.mark.parametrize(
    "recent",
    [
        {},
        {("l", A): resting(), ("r", A): resting(seed=5)},
        {("l", A): shaken(), ("r", A): shaken(seed=3)},
        {("l", A): shaken()[:5], ("r", A): resting()},
        {("l", EMG): np.random.default_rng(0).normal(size=(300, 1))},
    ],
)
def test_none_or_several_are_nobody(recent: dict[tuple[str, Channel], NDArray[np.float64]]) -> None:
    assert find_shaken(recent) is None


def test_roles_are_remembered_on_this_machine(tmp_path: Path) -> None:
    assert load_roles(tmp_path) == RoleMap()
    told = RoleMap(roles={("l", A): Role.DISTAL, ("p", FORCE): Role.FORCE})
    save_roles(tmp_path, told)
    assert load_roles(tmp_path) == told


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "x", "version": 1, "roles": []}', '{"roles": [{}]}'])
def test_a_damaged_memory_is_told_with_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "sensor_roles.json").write_text(text, encoding="utf-8")
    with pytest.raises(RecordError, match="delete it"):
        load_roles(tmp_path)
