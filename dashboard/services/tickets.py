"""Short-lived tickets for videos: a link works for whoever holds it, so it must not work for long."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Tickets"]


@dataclass(frozen=True, slots=True)
class Tickets:
    """Signs and checks links to one recording's video.

    Attributes
    ----------
    lifetime_s
        How long a ticket is good for, in seconds (chosen by us: two hours, longer than anyone looks at one exam).
    clock
        Seconds since the epoch.
    """

    lifetime_s: float = 7200.0
    clock: Callable[[], float] = time.time
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def issue(self, subject: str) -> str:
        """Return a ticket for the subject, good from now on for the lifetime."""
        expires = str(int(self.clock() + self.lifetime_s))
        return f"{expires}.{self._sign(subject, expires)}"

    def admits(self, subject: str, ticket: str) -> bool:
        """Tell whether the ticket is ours, for this subject, and still good."""
        expires, _, signature = ticket.partition(".")
        if not expires.isascii() or not expires.isdigit():
            return False
        genuine = hmac.compare_digest(signature.encode(), self._sign(subject, expires).encode())
        return genuine and int(expires) > self.clock()

    def _sign(self, subject: str, expires: str) -> str:
        return hmac.new(self._secret, f"{subject}\n{expires}".encode(), hashlib.sha256).hexdigest()
