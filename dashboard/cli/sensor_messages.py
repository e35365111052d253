"""What is wrong with a sensor, said when it begins to be and not in every line."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dashboard.cli.console import complain

if TYPE_CHECKING:
    from sensors.streaming import UnitStatus

__all__ = ["MessageTeller"]


class MessageTeller:
    """Complains of each unit's message once, and again when it comes back; units alike need it once only.

    Parameters
    ----------
    said
        Messages of the units that were said already, in their order.
    """

    def __init__(self, said: Sequence[str] = ()) -> None:
        self._told = dict(enumerate(said))

    def tell(self, units: Sequence["UnitStatus"]) -> None:
        """Say what is new; a pause that may end by itself is not worth a line of its own."""
        for place, one in enumerate(units):
            if one.state == "stalled":
                continue
            known = set(self._told.values())
            self._told[place] = one.message
            if one.message and one.message not in known:
                complain(one.message if one.name in one.message else f"{one.name}: {one.message}")
