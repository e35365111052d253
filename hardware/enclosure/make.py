"""Write STEP and STL of every printed part; with --check only tell which are stale.

Needs the `hardware` extra (build123d, about 1 GB). Example: python hardware/enclosure/make.py --check
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from build123d import Part, export_step, export_stl

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from enclosure import shapes  # noqa: E402 (the folder beside this one has to be found first)
from enclosure.sizes import BOXES  # noqa: E402

__all__ = ["parts"]

FACET_MM = 0.02
FACET_RAD = 0.2
SAME_VOLUME = 0.005
"""Facets are not placed alike by every version of the kernel: a part is stale if its volume differs by this share."""
HEADER_BYTES = 84
FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def parts() -> dict[str, Part]:
    """Return every printed part by the name of its files."""
    made = {f"{name}_tray": shapes.tray(box) for name, box in BOXES.items()}
    made |= {f"{name}_lid": shapes.lid(box) for name, box in BOXES.items()}
    return made | {
        "handle_grip": shapes.grip(),
        "handle_lid": shapes.grip_lid(),
        "handle_pad": shapes.pad(),
        "jig_base": shapes.jig_base(),
        "jig_arm": shapes.jig_arm(),
    }


def volume_mm3(stl: Path) -> float:
    """Return the volume within the facets of a binary STL file."""
    corners = np.frombuffer(stl.read_bytes()[HEADER_BYTES:], FACET)["corners"].astype(np.float64)
    return float(np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6)


def stale(made: dict[str, Part]) -> list[str]:
    """Name the parts whose committed files are not what the source makes."""
    files = {name: HERE / "stl" / f"{name}.stl" for name in made}
    return [
        name
        for name, part in made.items()
        if not files[name].is_file() or abs(volume_mm3(files[name]) / part.volume - 1) > SAME_VOLUME
    ]


def main() -> int:
    """Write the files into ``step`` and ``stl``, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file is stale")
    made = parts()
    if parser.parse_args().check:
        old = stale(made)
        for name in old:
            sys.stderr.write(f"{name} is stale: run python hardware/enclosure/make.py\n")
        return 1 if old else 0
    for folder in ("step", "stl"):
        (HERE / folder).mkdir(exist_ok=True)
    for name, part in made.items():
        export_step(part, str(HERE / "step" / f"{name}.step"))
        export_stl(part, str(HERE / "stl" / f"{name}.stl"), tolerance=FACET_MM, angular_tolerance=FACET_RAD)
    return 0


if __name__ == "__main__":
    sys.exit(main())
