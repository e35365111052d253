"""Check the netlist and write every generated file of the hardware; with --check only tell which are stale.

Example: python hardware/generate.py --check
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import generate_gatt
import generate_gatt_page
from electronics.bill import render_csv, render_markdown
from electronics.board import render_board
from electronics.harness import render_harness
from electronics.netlist import Netlist, read_netlist
from electronics.rules import broken_rules
from electronics.schematic import render_schematic

HERE = Path(__file__).resolve().parent
ELECTRONICS = HERE / "electronics"
WIRING = ELECTRONICS / "harness.svg"
RENDERED: dict[Path, Callable[[Netlist], str]] = {
    HERE / "firmware" / "board.py": render_board,
    ELECTRONICS / "harness.yml": render_harness,
    ELECTRONICS / "schematic.svg": render_schematic,
    ELECTRONICS / "bom.csv": render_csv,
    ELECTRONICS / "bom.md": render_markdown,
}


def wanted_texts() -> dict[Path, str]:
    """Return what each generated text file should hold."""
    netlist = read_netlist(ELECTRONICS / "nets.yaml")
    profile = generate_gatt.load_profile()
    return {path: render(netlist) for path, render in RENDERED.items()} | {
        generate_gatt.HOST: generate_gatt.render_host(profile),
        generate_gatt.FIRMWARE: generate_gatt.render_firmware(profile),
        HERE / "gatt.md": generate_gatt_page.render_page(profile),
    }


def stamp_of(harness: str) -> str:
    """Return the comment by which the wiring diagram says what it was drawn from.

    Graphviz places a drawing a little differently in each version: the drawing's source is compared, not its pixels.
    """
    return f"<!-- drawn from harness.yml, SHA-256 {hashlib.sha256(harness.encode()).hexdigest()} -->\n"


def stale_files() -> list[Path]:
    """Name the generated files that are not what their sources say."""
    wanted = wanted_texts()
    old = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    stamp = stamp_of(wanted[ELECTRONICS / "harness.yml"])
    if not WIRING.is_file() or not WIRING.read_text(encoding="utf-8").endswith(stamp):
        old.append(WIRING)
    return old


def draw_wiring(harness: Path) -> str:
    """Draw the cables with WireViz and Graphviz."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(  # noqa: S603 (our own file, by our own interpreter)
            [sys.executable, "-m", "wireviz.wv_cli", "-f", "s", "-o", folder, "-O", "harness", str(harness)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        drawing = (Path(folder) / "harness.svg").read_text(encoding="utf-8")
    return drawing.rstrip("\n") + "\n" + stamp_of(harness.read_text(encoding="utf-8"))


def write_all() -> None:
    """Write every generated file."""
    for path, text in wanted_texts().items():
        path.write_text(text, encoding="utf-8")
    WIRING.write_text(draw_wiring(ELECTRONICS / "harness.yml"), encoding="utf-8")


def main() -> int:
    """Run the electrical rule check, then write or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file is stale")
    check = parser.parse_args().check
    broken = broken_rules(read_netlist(ELECTRONICS / "nets.yaml"))
    for said in broken:
        sys.stderr.write(f"nets.yaml: {said}\n")
    if broken:
        return 1
    if not check:
        write_all()
        return 0
    old = stale_files()
    for path in old:
        sys.stderr.write(f"{path.relative_to(HERE.parent)} is stale: run python hardware/generate.py\n")
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
