"""What the enclosures must hold, and the sizes that follow from it; millimetres throughout."""

from dataclasses import dataclass

__all__ = ["BOARDS", "BOXES", "HANDLE", "JIG", "PRINT", "Board", "Box", "Handle", "Jig", "Print"]

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A thing inside a box: its outline with everything that stands off it."""

    size: Vector
    at: Vector
    """Lowest corner, from the inner corner of the box's floor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """What a 0.4 mm nozzle and PETG hold; chosen by us.

    Attributes
    ----------
    wall
        Of all boxes: five lines.
    clearance
        Between a part that is bought and a wall.
    fit
        Between a lid's lip and its tray, all round.
    post
        Diameter of a screw post.
    pilot
        Hole for a self-tapping M2.5 screw.
    screw
        Hole that the same screw passes.
    thinnest
        No wall may be thinner.
    """

    wall: float = 2.0
    clearance: float = 0.5
    fit: float = 0.15
    post: float = 6.0
    pilot: float = 2.1
    screw: float = 2.8
    thinnest: float = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A tray with a lid.

    Attributes
    ----------
    inside
        Size of the cavity.
    holds
        What lies in it.
    strap
        Width of the strap, whose lugs stand at both long sides.
    cables
        Diameters of the cables that leave at the end x = 0.
    usb
        Height of the USB socket's middle above the floor, at the end x = max; ``None`` without one.
    switch
        Size of the switch's opening in the lid; ``None`` without one.
    """

    inside: Vector
    holds: dict[str, Board]
    strap: float = 38.0
    cables: tuple[float, ...] = (4.0,)
    usb: float | None = None
    switch: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """A grip and a pad with the load cell between them: nothing else joins them.

    Attributes
    ----------
    cell
        Bar of the load cell.
    cell_holes
        Distances of its four holes from one end; two at each end.
    cell_screw
        Hole that its screws pass (M4).
    grip, pad
        Outer sizes.
    gap
        Play between cell and plastic outside the screwed ends, and the overload stop's.
    chamber
        Cavity for the converter in the grip.
    """

    cell: Vector = (55.25, 12.7, 12.7)
    cell_holes: tuple[float, float, float, float] = (5.0, 20.0, 35.25, 50.25)
    cell_screw: float = 4.4
    grip: Vector = (110.0, 34.0, 30.0)
    pad: Vector = (80.0, 50.0, 8.0)
    gap: float = 1.5
    chamber: Vector = (34.0, 24.0, 12.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jig:
    """Two arms on an axle that a pin holds at known angles.

    Attributes
    ----------
    arm
        Size of either arm; a node is strapped onto it.
    axle, pin
        Diameters of axle and pin holes.
    radius
        From the axle to the pin holes: 0.1 mm there are 0.2 degrees.
    angles_deg
        Where the pin holes are.
    """

    arm: Vector = (140.0, 44.0, 6.0)
    axle: float = 6.0
    pin: float = 4.0
    radius: float = 28.0
    angles_deg: tuple[float, ...] = (0.0, 45.0, 90.0, 135.0)


PRINT = Print()
HANDLE = Handle()
JIG = Jig()

BOARDS: dict[str, Vector] = {
    "XIAO ESP32-C3, its socket at the wall": (22.5, 18.0, 8.0),
    "LSM6DSOX breakout with plug": (32.0, 18.0, 8.0),
    "cell 400 mAh": (38.0, 26.0, 6.0),
    "perforated board with R1 to R8, fuse and switch": (30.0, 12.0, 9.5),
}

BOXES: dict[str, Box] = {
    "proximal": Box(
        inside=(72.0, 42.0, 18.0),
        holds={
            "cell": Board(size=BOARDS["cell 400 mAh"], at=(7.5, 8.0, 0.5)),
            "imu": Board(size=BOARDS["LSM6DSOX breakout with plug"], at=(10.0, 22.5, 7.2)),
            "board": Board(size=BOARDS["XIAO ESP32-C3, its socket at the wall"], at=(49.0, 12.0, 1.0)),
            "resistors": Board(size=BOARDS["perforated board with R1 to R8, fuse and switch"], at=(10.0, 8.5, 7.2)),
        },
        cables=(4.0, 4.0),
        usb=5.0,
        switch=(8.0, 4.0),
    ),
    "distal": Box(
        inside=(48.0, 26.0, 10.0),
        holds={"imu": Board(size=BOARDS["LSM6DSOX breakout with plug"], at=(8.0, 4.0, 0.5))},
    ),
}
