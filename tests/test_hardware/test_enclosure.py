"""The committed STL files can be printed, and hold what they are to hold."""

from pathlib import Path

import numpy as np
import pytest
import trimesh

from enclosure.sizes import BOXES, HANDLE, JIG, PRINT

STL = Path(__file__).resolve().parents[2] / "hardware" / "enclosure" / "stl"
NAMES = sorted(path.stem for path in STL.glob("*.stl"))
VOLUMES_CM3 = {
    "distal_lid": (2, 6),
    "distal_tray": (6, 14),
    "handle_grip": (70, 110),
    "handle_lid": (2, 5),
    "handle_pad": (25, 36),
    "jig_arm": (30, 42),
    "jig_base": (40, 55),
    "proximal_lid": (5, 12),
    "proximal_tray": (14, 28),
}
ATOL_MM = 0.05


def solid(name: str) -> trimesh.Trimesh:
    mesh = trimesh.load_mesh(STL / f"{name}.stl")
    assert isinstance(mesh, trimesh.Trimesh)
    return mesh


def block(low: tuple[float, ...], size: tuple[float, ...], grown: float = 0.0) -> trimesh.Trimesh:
    made = trimesh.creation.box(extents=np.asarray(size) + 2 * grown)
    made.apply_translation(np.asarray(low) + np.asarray(size) / 2)
    return made


def overlap_mm3(first: trimesh.Trimesh, second: trimesh.Trimesh) -> float:
    with np.errstate(all="ignore"):  # an empty result has no centre of mass
        shared = trimesh.boolean.intersection([first, second], engine="manifold")
        return 0.0 if shared.is_empty else float(shared.volume)


def closed_lid(name: str) -> trimesh.Trimesh:
    """Turn a box's lid over and put it onto its tray."""
    lid = solid(f"{name}_lid")
    lid.apply_transform(trimesh.transformations.rotation_matrix(np.pi, [1, 0, 0]))
    lid.apply_translation([0.0, -lid.bounds[0][1], BOXES[name].inside[2] + 2 * PRINT.wall])
    return lid


def test_every_part_has_its_files() -> None:
    assert set(NAMES) == set(VOLUMES_CM3)
    assert {path.stem for path in (STL.parent / "step").glob("*.step")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_part_is_one_closed_solid_of_a_sensible_volume(name: str) -> None:
    mesh = solid(name)
    assert mesh.is_watertight
    assert mesh.body_count == 1
    low, high = VOLUMES_CM3[name]
    assert low <= mesh.volume / 1000 <= high


@pytest.mark.parametrize("name", NAMES)
def test_no_wall_is_thinner_than_the_printer_holds(name: str) -> None:
    mesh = solid(name)
    points, faces = trimesh.sample.sample_surface(mesh, 1500, seed=7)
    inwards = -mesh.face_normals[faces]
    hits, rays, _ = mesh.ray.intersects_location(points + 1e-4 * inwards, inwards, multiple_hits=False)
    thick_mm = np.linalg.norm(hits - points[rays], axis=1)
    assert np.quantile(thick_mm, 0.01) >= PRINT.thinnest


@pytest.mark.parametrize("name", list(BOXES))
def test_a_box_holds_its_boards_with_room_around_each(name: str) -> None:
    tray, box = solid(f"{name}_tray"), BOXES[name]
    corner = np.full(3, PRINT.wall)
    held = {what: block(tuple(corner + board.at), board.size) for what, board in box.holds.items()}
    for what, board in box.holds.items():
        # the socket sits in its opening: only there may a board come closer to a wall
        grown = 0.0 if box.usb is not None and what == "board" else PRINT.clearance - ATOL_MM
        room = block(tuple(corner + board.at), board.size, grown)
        assert overlap_mm3(tray, room) < 1.0, what
        assert overlap_mm3(closed_lid(name), room) < 1.0, f"{what} meets the lid"
        for other, its in held.items():
            assert other == what or overlap_mm3(held[what], its) < 1.0, (what, other)


@pytest.mark.parametrize("name", list(BOXES))
def test_a_lid_fits_into_its_tray(name: str) -> None:
    assert overlap_mm3(solid(f"{name}_tray"), closed_lid(name)) < 1.0


def test_screws_bite_and_do_not_come_through() -> None:
    for name, box in BOXES.items():
        tray = solid(f"{name}_tray")
        length_mm, plate_mm = 8.0, PRINT.wall
        bottom = box.inside[2] + PRINT.wall - (length_mm - plate_mm)
        assert bottom > 0.5
        assert tray.bounds[0][2] == pytest.approx(0.0, abs=ATOL_MM)


def test_the_load_cell_moves_freely_in_the_grip() -> None:
    grip = solid("handle_grip")
    x, y, z = HANDLE.cell
    start = HANDLE.grip[0] - 20.0 - x - HANDLE.gap
    low = (start + x / 2 + 2.0, (HANDLE.grip[1] - y) / 2, HANDLE.grip[2] - z + 4.0)
    free = block(low, (x / 2 - 2.0, y, z), HANDLE.gap - ATOL_MM)
    assert overlap_mm3(grip, free) < 1.0


def test_the_jig_stops_at_its_angles() -> None:
    base = solid("jig_base")
    for angle in np.radians(JIG.angles_deg):
        pin = trimesh.creation.cylinder(radius=JIG.pin / 2 - ATOL_MM, height=40.0)
        pin.apply_translation([JIG.radius * np.cos(angle), JIG.radius * np.sin(angle), 0.0])
        assert overlap_mm3(base, pin) < 1.0
    wrong = trimesh.creation.cylinder(radius=JIG.pin / 2, height=40.0)
    wrong.apply_translation([JIG.radius * np.cos(1.2), JIG.radius * np.sin(1.2), 0.0])
    assert overlap_mm3(base, wrong) > 30.0
