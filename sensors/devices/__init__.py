"""One module per kind of sensor: bytes to samples, and the few writes that set it up."""

from collections.abc import Mapping

from sensors.devices.capture2go import Capture2GoDriver
from sensors.devices.dot import DotDriver
from sensors.devices.goniometer import GoniometerDriver
from sensors.devices.lsl import LslDriver
from sensors.devices.progressor import ProgressorDriver
from sensors.devices.witmotion import WitMotionDriver
from sensors.driver import Driver

__all__ = ["BLUETOOTH_DRIVERS", "DRIVERS"]

_ALL: tuple[Driver, ...] = (
    GoniometerDriver(),
    WitMotionDriver(),
    DotDriver(),
    Capture2GoDriver(),
    ProgressorDriver(),
)
BLUETOOTH_DRIVERS: Mapping[str, Driver] = {driver.kind: driver for driver in _ALL}
"""Drivers of what is found by Bluetooth, by kind."""
DRIVERS: Mapping[str, Driver] = {**BLUETOOTH_DRIVERS, LslDriver.kind: LslDriver()}
"""All drivers, by kind: who reads a journal again finds its decoders here."""
