"""What every kind of sensor must be able to do: a pure decoder, and a few writes over a link held by somebody else."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from sensors.packets import Arrival, Packet, UnitInfo

__all__ = ["Decoder", "Driver", "Link"]

Answer = TypeVar("Answer")


class Link(Protocol):
    """An open connection to one unit; its errors are `sensors.errors.LinkError`."""

    async def read(self, characteristic: str) -> bytes:
        """Read a characteristic by its UUID."""

    async def write(self, characteristic: str, data: bytes, *, response: bool) -> None:
        """Write a characteristic by its UUID."""

    async def ask(
        self, characteristic: str, data: bytes, *, answers_on: str, understand: Callable[[bytes], Answer | None]
    ) -> Answer:
        """Write with response, and return the first notification of `answers_on` that `understand` makes sense of.

        Raises `LinkError` where no such notification comes in time.
        """

    def forget(self) -> None:
        """Drop the notifications that came so far: they belong to the setting before."""


class Decoder(Protocol):
    """Bytes to packets: no I/O, no clock; keeps what a notification left unfinished."""

    def feed(self, arrival: Arrival) -> list[Packet]:
        """Decode one notification; bytes that are no message come back as `sensors.packets.Rejected`."""


class Driver(Protocol):
    """One kind of sensor."""

    @property
    def kind(self) -> str:
        """Name as in `UnitInfo.kind`."""

    @property
    def services(self) -> tuple[str, ...]:
        """Advertised service UUIDs that tell this kind."""

    @property
    def name_prefixes(self) -> tuple[str, ...]:
        """Beginnings of the advertised name that tell it where no service is advertised."""

    @property
    def notifies(self) -> tuple[str, ...]:
        """Characteristics to subscribe to before `identify`."""

    @property
    def rates_hz(self) -> tuple[float, ...]:
        """Rates that it streams at, ascending."""

    async def identify(self, link: Link, name: str, address: str) -> UnitInfo:
        """Ask the unit what it is; raises `LinkError` for a firmware that this driver does not know."""

    async def start(self, link: Link, info: UnitInfo, rate_hz: float) -> UnitInfo:
        """Set the rate and start streaming; returns the info as it now holds."""

    async def stop(self, link: Link) -> None:
        """Stop streaming."""

    async def ping(self, link: Link, now_ns: int) -> None:
        """Ask for the device's clock, where it can be asked; the answer arrives as `Pong`."""

    async def inquire(self, link: Link) -> None:
        """Ask for what changes slowly (the battery) where the unit does not tell by itself; the answer is a packet."""

    def decoder(self, info: UnitInfo) -> Decoder:
        """Return a fresh decoder; one per connection."""
