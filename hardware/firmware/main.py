"""What the board runs when it is switched on."""

from goniometer import Goniometer

unit = Goniometer()
while True:
    unit.step()
