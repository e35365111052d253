"""Boots a small virtual machine on this machine's own files, with a kernel that has Bluetooth.

The host needs no Bluetooth, no KVM and no network: QEMU emulates the processor, the guest's root is the host's own,
read-only with a layer in memory above it, and ``hci_vhci`` gives its kernel a Bluetooth controller made of software.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["missing", "run_guest"]

MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay", "hci_vhci")
TOOLS = ("qemu-system-x86_64", "busybox", "cpio", "modprobe", "bluetoothctl", "dbus-daemon")
DAEMON = Path("/usr/libexec/bluetooth/bluetoothd")
GUEST = Path(__file__).with_name("guest.py")
MEMORY_MB = 1024
GUEST_TIMEOUT_S = 600
BEGINS, ENDS = "<<<guest", "guest>>>"

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /host /layer /root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in $(cat /modules/order); do insmod /modules/$module || echo "no $module"; done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144,cache=loose host /host
mount -t tmpfs tmpfs /layer
mkdir /layer/upper /layer/work
mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work overlay /root
mount --move /proc /root/proc
mount --move /sys /root/sys
mount --move /dev /root/dev
mount -t tmpfs tmpfs /root/run
chroot /root {python} {guest} {project}
sync
poweroff -f
"""


def kernels() -> list[tuple[Path, str]]:
    """Return kernels whose modules have a virtual Bluetooth controller, the newest last."""
    found = []
    for image in sorted(Path("/boot").glob("vmlinuz-*")):
        release = image.name.removeprefix("vmlinuz-")
        if list(Path(f"/lib/modules/{release}/kernel/drivers/bluetooth").glob("hci_vhci.ko*")):
            found.append((image, release))
    return found


def missing() -> str:
    """Say what of the host's packages is missing, empty if nothing is."""
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    if not DAEMON.exists():
        lacking.append(str(DAEMON))
    if not kernels():
        lacking.append("a kernel with hci_vhci in /boot and /lib/modules")
    return ", ".join(lacking)


def run_guest(project: Path) -> tuple[str, str]:
    """Boot, run the guest's part, and return what it says, and all that the console showed.

    Raises
    ------
    subprocess.TimeoutExpired
        If the machine does not switch itself off; it is gone then.
    """
    image, release = kernels()[-1]
    with tempfile.TemporaryDirectory() as folder:
        initrd = _initrd(Path(folder), release, project)
        command = [
            "qemu-system-x86_64",
            *("-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", str(MEMORY_MB)),
            *("-nographic", "-no-reboot", "-nic", "none"),
            *("-kernel", str(image), "-initrd", str(initrd)),
            *("-append", "console=ttyS0 quiet panic=-1 rdinit=/init"),
            *("-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"),
        ]
        shown = Path(folder) / "console"
        with shown.open("wb") as console_file:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=console_file,
                stderr=subprocess.STDOUT,
                timeout=GUEST_TIMEOUT_S,
                check=False,
            )
        console = shown.read_text(encoding="utf-8", errors="replace")
    said = console.partition(BEGINS)[2].partition(ENDS)[0].strip()
    return said, console


def _initrd(folder: Path, release: str, project: Path) -> Path:
    """Pack a first root: busybox, the modules in their order, and what mounts the rest."""
    root = folder / "root"
    (root / "bin").mkdir(parents=True)
    (root / "modules").mkdir()
    shutil.copy(shutil.which("busybox") or "busybox", root / "bin" / "busybox")
    order = list(dict.fromkeys(path for module in MODULES for path in _needed(module, release)))
    for path in order:
        shutil.copy(path, root / "modules" / path.name)
    (root / "modules" / "order").write_text("\n".join(path.name for path in order) + "\n", encoding="ascii")
    init = root / "init"
    init.write_text(INIT.format(python=sys.executable, guest=GUEST, project=project), encoding="ascii")
    init.chmod(0o755)
    names = subprocess.run(["find", "."], cwd=root, capture_output=True, check=True).stdout
    packed = subprocess.run(
        ["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names, capture_output=True, check=True
    )
    initrd = folder / "initrd"
    initrd.write_bytes(packed.stdout)
    return initrd


def _needed(module: str, release: str) -> list[Path]:
    """Return a module's file after those that it needs; what is built in needs none."""
    shown = subprocess.run(
        ["modprobe", "-S", release, "--show-depends", module], capture_output=True, text=True, check=True
    )
    return [Path(line.split()[1]) for line in shown.stdout.splitlines() if line.startswith("insmod")]
