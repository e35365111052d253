"""Where the dashboard listens: this machine's own addresses only, as long as there is no sign-in."""

import http.client
import ipaddress
import socket
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from dashboard.errors import DashboardError

__all__ = ["HEALTH", "Serving", "ask", "serving_at", "wait_until_healthy"]

HEALTH = "/_stcore/health"
PATIENCE_S = 60.0
PAUSE_S = 0.2
ANSWER_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Address and port of the dashboard."""

    address: str
    port: int

    @property
    def url(self) -> str:
        """What a browser opens."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}"


def serving_at(address: str, port: int) -> Serving:
    """Settle where to listen; port 0 becomes a free one.

    Raises
    ------
    DashboardError
        If the address is not this machine's own, or the port is taken.
    """
    host = "127.0.0.1" if address == "localhost" else address
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        raise DashboardError(
            f"--address {address}: expected an IP address of this machine, such as 127.0.0.1"
        ) from None
    if not parsed.is_loopback:
        raise DashboardError(
            f"--address {address}: patients' data would be open to the network, for there is no sign-in; use 127.0.0.1"
        )
    family = socket.AF_INET6 if parsed.version == 6 else socket.AF_INET
    try:
        with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return Serving(address=host, port=int(probe.getsockname()[1]))
    except OSError as error:
        raise DashboardError(
            f"port {port} of {host} cannot be used ({error.strerror}): choose another with --port, or 0 for a free one"
        ) from error


def ask(where: Serving, path: str) -> tuple[int, bytes]:
    """Ask the dashboard for a path and return status and body.

    Raises
    ------
    DashboardError
        If nobody answers.
    """
    with closing(http.client.HTTPConnection(where.address, where.port, timeout=ANSWER_S)) as connection:
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise DashboardError(f"{where.url} does not answer ({error})") from error


def wait_until_healthy(
    where: Serving, *, alive: Callable[[], bool] = lambda: True, patience_s: float = PATIENCE_S
) -> bool:
    """Wait until the dashboard answers; False where it does not in time, or `alive` says that it never will."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline and alive():
        try:
            if ask(where, HEALTH)[0] == http.client.OK:
                return True
        except DashboardError:
            pass
        time.sleep(PAUSE_S)
    return False
