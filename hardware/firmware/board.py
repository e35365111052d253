"""Generated from hardware/electronics/nets.yaml, which explains it. Do not edit."""

from micropython import const

BOARD = "XIAO ESP32-C3"
PIN_SDA = const(6)
PIN_SCL = const(7)
PIN_LIGHT = const(10)
PIN_BATTERY_SENSE = const(4)
PIN_USB_SENSE = const(3)
BUS_RATE_HZ = const(400000)
ADDRESS_IMU_A = const(0x6B)
ADDRESS_IMU_B = const(0x6A)
ADDRESS_FORCE = const(0x2A)
DIVIDER_BATTERY_SENSE = 2
DIVIDER_USB_SENSE = 2
