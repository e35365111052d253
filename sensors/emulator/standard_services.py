"""The Bluetooth SIG's device information and battery services, as virtual units offer them."""

from typing import TYPE_CHECKING

from bumble.gatt import Service

from sensors.devices import gatt

if TYPE_CHECKING:
    from sensors.emulator.unit import VirtualUnit

__all__ = ["standard_services"]


def standard_services(unit: "VirtualUnit", *, model: str) -> list[Service]:
    """Return the services that tell who a unit is and how full its battery."""
    identity = {
        gatt.MODEL_NUMBER: model,
        gatt.SERIAL_NUMBER: unit.plan.unit_id,
        gatt.FIRMWARE_REVISION: unit.plan.firmware,
        gatt.HARDWARE_REVISION: "virtual",
    }
    return [
        Service(
            gatt.DEVICE_INFORMATION_SERVICE,
            [
                unit.characteristic(uuid, "READ", read=lambda text=text: text.encode())  # type: ignore[misc]
                for uuid, text in identity.items()
            ],
        ),
        Service(
            gatt.BATTERY_SERVICE,
            [
                unit.characteristic(
                    gatt.BATTERY_LEVEL, "READ", "NOTIFY", read=lambda: bytes([unit.plan.battery_percent])
                )
            ],
        ),
    ]
