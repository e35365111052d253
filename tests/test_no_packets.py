"""Video of patients stays on the machine: nothing that the program does sends a packet off it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TRAP = Path(__file__).with_name("packet_trap.py")
OUTLET = Path(__file__).with_name("emg_outlet.py")
CLIP = Path(__file__).resolve().parents[1] / "dashboard" / "samples" / "clips" / "elbow_a.mp4"
NAMESPACE = ("unshare", "--user", "--map-root-user", "--net")


def packets_of(*command: str) -> int:
    trapped = subprocess.run([*NAMESPACE, sys.executable, TRAP, *command], capture_output=True, text=True, check=False)
    assert trapped.returncode == 0, trapped.stderr
    return int(trapped.stdout)


@pytest.fixture(scope="module")
def catchangle() -> str:
    """Find the installed command, on a machine that lets a test have a network namespace of its own."""
    if not (shutil.which("unshare") and shutil.which("ip")):
        pytest.skip("needs unshare (util-linux) and ip (iproute2)")
    if subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine allows no unprivileged network namespaces")
    return str(Path(sys.executable).with_name("catchangle"))


def test_the_trap_sees_a_packet(catchangle: str) -> None:
    del catchangle
    send = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))"
    assert packets_of(sys.executable, "-c", send) > 0


@pytest.mark.slow
def test_analyze_sends_nothing(catchangle: str) -> None:
    options = ("--muscle-group", "elbow_flexors", "--side", "left", "--json")
    assert packets_of(catchangle, "analyze", str(CLIP), *options) == 0


@pytest.mark.slow
def test_pose_sends_nothing(catchangle: str, tmp_path: Path) -> None:
    options = ("--muscle-group", "elbow_flexors", "--side", "left", "--out", str(tmp_path / "pose.csv"))
    assert packets_of(catchangle, "pose", str(CLIP), *options) == 0


@pytest.mark.slow
def test_record_sends_nothing(catchangle: str, tmp_path: Path) -> None:
    camera = ("--camera", "test-pattern", "--width", "160", "--height", "120", "--rate", "30", "--seconds", "2")
    exam = ("--muscle-group", "elbow_flexors", "--side", "left", "--out", str(tmp_path / "exam"))
    assert packets_of(catchangle, "record", *camera, *exam, "--preview") == 0
    assert (tmp_path / "exam" / "video.mp4").stat().st_size > 0


@pytest.mark.slow
def test_recording_an_emg_of_this_machine_sends_nothing(catchangle: str, tmp_path: Path) -> None:
    exam = f"--no-camera --muscle-group elbow_flexors --side left --out {tmp_path / 'exam'} --seconds 2"
    sensors = "--emulator goniometer --sensor emg=Planted --muscle biceps"
    outlet = f"{sys.executable} {OUTLET} Planted 120 & outlet=$!"
    both = f"{outlet}; {catchangle} record {exam} {sensors}; code=$?; kill $outlet; exit $code"
    assert packets_of("sh", "-c", both) == 0
    assert (tmp_path / "exam" / "emg.parquet").exists()
