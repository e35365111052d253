"""Runs inside the virtual machine: virtual goniometers under the kernel's Bluetooth, and our radio over BlueZ.

The first process starts the bus and the daemons, and the emulated air as a child of its own; then it streams as
`catchangle sensors stream` does, with nothing of the emulator in it.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

UNITS = 2
SECONDS = 15.0
# /run is memory of the guest; /tmp is the host's below a layer, where the environment and the clone may lie
READY, SENT = Path("/run/air_ready"), Path("/run/air_sent.json")
BEGINS, ENDS = "<<<guest", "guest>>>"


def wait_for(path: Path, seconds: float) -> None:
    """Wait until a file is there."""
    until = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > until:
            raise TimeoutError(f"{path} did not come")
        time.sleep(0.2)


def start_services() -> list[subprocess.Popen[bytes]]:
    """Start the system bus, the air on the kernel's controller, and BlueZ."""
    Path("/run/dbus").mkdir(parents=True, exist_ok=True)
    Path("/etc/machine-id").write_text("0" * 31 + "1\n", encoding="ascii")
    subprocess.run(["dbus-daemon", "--system", "--fork"], check=True)
    air = subprocess.Popen([sys.executable, __file__, sys.argv[1], "air"])
    wait_for(READY, 120.0)
    bluez = subprocess.Popen(["/usr/libexec/bluetooth/bluetoothd", "-n"])
    time.sleep(3.0)
    subprocess.run(["bluetoothctl", "--timeout", "10", "power", "on"], check=False, stdout=subprocess.DEVNULL)
    return [air, bluez]


async def air() -> None:
    """Put goniometers on an emulated air whose adapter is the kernel's virtual controller."""
    from bumble.transport import open_transport  # noqa: PLC0415 - the client does without

    from sensors.emulator.controller import UnitController  # noqa: PLC0415
    from sensors.emulator.goniometer import VirtualGoniometer  # noqa: PLC0415
    from sensors.emulator.movement import Movement, Still  # noqa: PLC0415
    from sensors.emulator.radio_link import RadioLink  # noqa: PLC0415
    from sensors.emulator.radio_model import RadioParams  # noqa: PLC0415
    from sensors.emulator.unit import UnitPlan  # noqa: PLC0415
    from sensors.packets import Channel  # noqa: PLC0415

    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    link = RadioLink(RadioParams(connection_interval_s=0.03, loss=0.02), seed=1)
    signals = {
        Channel.IMU_A: Still(values=(0.0, 0.0, 9.81, 0.0, 0.0, 0.0)),
        Channel.IMU_B: Still(values=(0.0, 9.81, 0.0, 0.0, 0.0, 0.0)),
    }
    units = [
        VirtualGoniometer(
            link,
            UnitPlan(address=f"F0:00:00:00:00:0{number}", unit_id=f"{number:012x}", tag=str(number), seed=number),
            Movement(signals=signals),
        )
        for number in range(1, UNITS + 1)
    ]
    transport = await open_transport("vhci")
    UnitController(
        "kernel",
        host_source=transport.source,
        host_sink=transport.sink,
        link=link,
        public_address="00:11:22:33:44:55",
    )
    for unit in units:
        await unit.power_on()
    READY.touch()
    await ended.wait()
    sent = {
        unit.plan.unit_id: sum(ledger.measured[Channel.IMU_A] for ledger in unit.ledgers if ledger.measured)
        for unit in units
    }
    partial = SENT.with_suffix(".partial")
    partial.write_text(json.dumps(sent), encoding="ascii")
    partial.rename(SENT)


async def stream() -> dict[str, object]:
    """Scan, connect and stream through BlueZ with the default backend."""
    from sensors.engine import Engine  # noqa: PLC0415 - started after the daemons
    from sensors.packets import Channel  # noqa: PLC0415
    from sensors.radio import Radio  # noqa: PLC0415
    from sensors.streaming import UnitState  # noqa: PLC0415

    engine = Engine([Radio()], lambda _record: None)
    heard = {}
    for _ in range(6):
        heard |= {unit.address: unit for unit in await engine.scan(8.0)}
        if len(heard) == UNITS:
            break
    for unit in heard.values():
        engine.add(unit)
    running = asyncio.ensure_future(engine.run())
    for _ in range(600):
        if all(status.state is UnitState.STREAMING for status in engine.status()) or running.done():
            break
        await asyncio.sleep(0.2)
    await asyncio.sleep(SECONDS)
    engine.stop()
    await running
    return {
        status.unit_id: {
            "name": status.name,
            "received": status.received.get(Channel.IMU_A, 0),
            "lost": status.lost.get(Channel.IMU_A, 0),
            "connections": status.segment + 1,
            "battery": status.battery_percent,
            "message": status.message,
        }
        for status in engine.status()
    }


def main() -> None:
    """Run the machine's life; whatever fails is said in the answer."""
    said: dict[str, object] = {}
    try:
        services = start_services()
        said["units"] = asyncio.run(stream())
        services[0].terminate()
        wait_for(SENT, 30.0)
        said["sent"] = json.loads(SENT.read_text(encoding="ascii"))
    except Exception as error:  # noqa: BLE001 - the console is the only way to tell
        said["error"] = f"{type(error).__name__}: {error}"
    sys.stdout.write(f"\n{BEGINS} {json.dumps(said)} {ENDS}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os.environ.setdefault("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    sys.path.insert(0, sys.argv[1])
    if sys.argv[2:] == ["air"]:
        asyncio.run(air())
    else:
        main()
