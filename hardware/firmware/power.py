"""Battery and USB, through the dividers of nets.yaml."""

from machine import ADC, Pin

import board

USB_V = 4.0
SAMPLES = 16  # the radio makes spikes on the converter
# State of charge of a resting lithium-polymer cell (V, percent); typical, differs by some 10 % from cell to cell
CHARGE = ((4.15, 100), (4.0, 85), (3.9, 70), (3.8, 50), (3.75, 35), (3.7, 20), (3.6, 8), (3.5, 3), (3.4, 0))
LOW_PERCENT = 8


class Power:
    """Reads the cell and the plug."""

    def __init__(self):
        self._battery = ADC(Pin(board.PIN_BATTERY_SENSE), atten=ADC.ATTN_11DB)
        self._usb = ADC(Pin(board.PIN_USB_SENSE), atten=ADC.ATTN_11DB)

    def plugged(self):
        """Tell whether a USB cable supplies the unit: it must not stream while it can be worn and charged."""
        return volts(self._usb, 1) * board.DIVIDER_USB_SENSE > USB_V

    def percent(self):
        """Return the state of charge."""
        measured = volts(self._battery, SAMPLES) * board.DIVIDER_BATTERY_SENSE
        above = CHARGE[0]
        for point in CHARGE:
            if measured >= point[0]:
                if point is above:
                    return 100
                return round(point[1] + (above[1] - point[1]) * (measured - point[0]) / (above[0] - point[0]))
            above = point
        return 0


def volts(adc, samples):
    """Return the mean voltage at a pin."""
    return sum(adc.read_uv() for _ in range(samples)) / samples / 1e6
