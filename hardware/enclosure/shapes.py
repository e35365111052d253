"""The printed parts as solids."""

import math

from build123d import Align, Axis, Box, Cylinder, Part, Pos, Rot, chamfer, fillet

from enclosure.sizes import HANDLE, JIG, PRINT
from enclosure.sizes import Box as Case

__all__ = ["grip", "grip_lid", "jig_arm", "jig_base", "lid", "pad", "tray"]

LOW = (Align.MIN, Align.MIN, Align.MIN)
FLAT = (Align.CENTER, Align.CENTER, Align.MIN)
ROUND = 3.0
LIP = 2.0
OVERLAP = 0.2  # posts and lugs reach into the wall: solids that only touch are no solid
LUG = 9.0
LUG_THICK = 4.0
SLOT = 4.0
USB = (9.6, 3.8)


def _outer(case: Case) -> tuple[float, float, float]:
    x, y, z = case.inside
    return x + 2 * PRINT.wall, y + 2 * PRINT.wall, z + PRINT.wall


def _posts(case: Case) -> list[tuple[float, float]]:
    x, y, _ = case.inside
    near = PRINT.wall + PRINT.post / 2 - OVERLAP
    return [(a, b) for a in (near, x + 2 * PRINT.wall - near) for b in (near, y + 2 * PRINT.wall - near)]


def tray(case: Case) -> Part:
    """Return the lower half: cavity, screw posts, lugs for the strap, openings for cables and socket."""
    x, y, z = _outer(case)
    body = fillet(Box(x, y, z, align=LOW).edges().filter_by(Axis.Z), ROUND)
    body -= Pos(PRINT.wall, PRINT.wall, PRINT.wall) * Box(*case.inside, align=LOW)
    for a, b in _posts(case):
        post = Cylinder(PRINT.post / 2, z - PRINT.wall - LIP, align=FLAT)
        body += Pos(a, b, PRINT.wall) * post
        body -= Pos(a, b, z - LIP - 8.0) * Cylinder(PRINT.pilot / 2, 8.0, align=FLAT)
    for side in (-LUG + OVERLAP, y - OVERLAP):
        body += _lug(case, side)
    for place, cable in enumerate(case.cables):
        middle = y * (place + 1) / (len(case.cables) + 1)
        hole = Rot(0, 90, 0) * Cylinder(cable / 2, 4 * PRINT.wall)
        body -= Pos(0, middle, PRINT.wall + 0.5 * case.inside[2]) * hole
    if case.usb is not None:
        board = case.holds["board"]
        middle = PRINT.wall + board.at[1] + board.size[1] / 2
        body -= Pos(x, middle, PRINT.wall + case.usb) * Box(4 * PRINT.wall, *USB)
    return body


def _lug(case: Case, at_y: float) -> Part:
    x, _, _ = _outer(case)
    length = case.strap + 2 * SLOT
    lug = Box(length, LUG, LUG_THICK, align=LOW) - Pos(SLOT, (LUG - SLOT) / 2, 0) * Box(
        case.strap, SLOT, LUG_THICK, align=LOW
    )
    return Pos((x - length) / 2, at_y, 0) * lug


def lid(case: Case) -> Part:
    """Return the upper half: a plate with a lip that fits into the tray, and holes for the screws."""
    x, y, _ = _outer(case)
    plate = fillet(Box(x, y, PRINT.wall, align=LOW).edges().filter_by(Axis.Z), ROUND)
    inset = PRINT.wall + PRINT.fit
    room = Box(x - 2 * inset, y - 2 * inset, LIP - PRINT.fit, align=LOW)
    lip = room - Pos(PRINT.wall, PRINT.wall, 0) * Box(
        x - 2 * inset - 2 * PRINT.wall, y - 2 * inset - 2 * PRINT.wall, LIP, align=LOW
    )
    plate += Pos(inset, inset, PRINT.wall) * lip
    for a, b in _posts(case):
        foot = Pos(a, b, PRINT.wall) * Cylinder(PRINT.post / 2 - PRINT.fit, LIP - PRINT.fit, align=FLAT)
        plate += foot & (Pos(inset, inset, PRINT.wall) * room)
        plate -= Pos(a, b, 0) * Cylinder(PRINT.screw / 2, 4 * PRINT.wall)
    if case.switch is not None:
        plate -= Pos(x / 2, y / 2, 0) * Box(*case.switch, 4 * PRINT.wall)
    return plate


def grip() -> Part:
    """Return the part that the examiner holds: the load cell's fixed end in a channel, the converter beside it."""
    x, y, z = HANDLE.grip
    body = Box(x, y, z, align=LOW)
    body = chamfer(body.edges().filter_by(Axis.X), 5.0)
    cell_x, cell_y, cell_z = HANDLE.cell
    channel = (cell_x + 2 * HANDLE.gap, cell_y + 2 * HANDLE.gap, cell_z - 4.0)
    start = ((x - 20.0 - channel[0]), (y - channel[1]) / 2)
    body -= Pos(*start, z - channel[2]) * Box(*channel, align=LOW)
    # the free end bends into this play; the fixed end lies on the channel's floor
    body -= Pos(start[0] + channel[0] / 2, start[1], z - channel[2] - HANDLE.gap) * Box(
        channel[0] / 2, channel[1], HANDLE.gap, align=LOW
    )
    for hole in HANDLE.cell_holes[:2]:
        body -= Pos(start[0] + HANDLE.gap + hole, y / 2, 0) * Cylinder(HANDLE.cell_screw / 2, 2 * z)
        body -= Pos(start[0] + HANDLE.gap + hole, y / 2, 0) * Cylinder(4.0, 4.0, align=FLAT)
    chamber = Pos(PRINT.wall + 1.0, (y - HANDLE.chamber[1]) / 2, 0) * Box(
        HANDLE.chamber[0] - 8.0, HANDLE.chamber[1], HANDLE.chamber[2], align=LOW
    )
    body -= chamber
    body -= Pos(0, y / 2, HANDLE.chamber[2] / 2) * (Rot(0, 90, 0) * Cylinder(2.0, 8 * PRINT.wall))
    way = Pos(HANDLE.chamber[0] - 6.0, y / 2, 0) * Box(
        start[0] - HANDLE.chamber[0] + 10.0, 4.0, HANDLE.chamber[2] + 10.0
    )
    return body - way


def grip_lid() -> Part:
    """Return the lid over the converter's chamber, held by friction."""
    length, width = HANDLE.chamber[0] - 8.0, HANDLE.chamber[1]
    plate = Box(length + 4.0, width + 4.0, PRINT.wall, align=LOW)
    return plate + Pos(2.0 + PRINT.fit, 2.0 + PRINT.fit, PRINT.wall) * Box(
        length - 2 * PRINT.fit, width - 2 * PRINT.fit, LIP, align=LOW
    )


def pad() -> Part:
    """Return the part that touches the limb, screwed to the load cell's free end."""
    x, y, z = HANDLE.pad
    plate = fillet(Box(x, y, z, align=LOW).edges().filter_by(Axis.Z), 8.0)
    plate = fillet(plate.faces().sort_by(Axis.Z)[0].edges(), 2.0)
    for hole in (HANDLE.cell_holes[2], HANDLE.cell_holes[3]):
        at = x / 2 + hole - (HANDLE.cell_holes[2] + HANDLE.cell_holes[3]) / 2
        plate -= Pos(at, y / 2, 0) * Cylinder(HANDLE.cell_screw / 2, 4 * z)
        plate -= Pos(at, y / 2, 0) * Cylinder(4.0, 4.0, align=FLAT)
    return plate


def _arm() -> Part:
    x, y, z = JIG.arm
    plate = Pos(-y / 2, -y / 2, 0) * Box(x, y, z, align=LOW)
    plate = fillet(plate.edges().filter_by(Axis.Z), 6.0)
    return plate - Cylinder(JIG.axle / 2, 4 * z)


def jig_base() -> Part:
    """Return the jig's fixed arm on a round plate with one pin hole for each angle."""
    z = JIG.arm[2]
    body = _arm() + Cylinder(JIG.radius + 8.0, z, align=FLAT)
    body -= Cylinder(JIG.axle / 2, 4 * z)
    holes = [Pos(*_polar(angle), 0) for angle in JIG.angles_deg]
    return body - [at * Cylinder(JIG.pin / 2, 4 * z) for at in holes]


def jig_arm() -> Part:
    """Return the jig's moving arm with its one pin hole."""
    return _arm() - Pos(*_polar(0.0), 0) * Cylinder(JIG.pin / 2, 4 * JIG.arm[2])


def _polar(angle_deg: float) -> tuple[float, float]:
    angle = math.radians(angle_deg)
    return JIG.radius * math.cos(angle), JIG.radius * math.sin(angle)
