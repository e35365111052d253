"""Videos, pictures of the camera and what sensors say reach a page through a ticket, never by a lasting link."""

from urllib.parse import quote

from dashboard.services.tickets import Tickets

__all__ = ["BOARD_ROUTE", "PICTURE_ROUTE", "VIDEO_ROUTE", "board_link", "picture_link", "tickets", "video_link"]

VIDEO_ROUTE = "/exam-video"
PICTURE_ROUTE = "/live-picture"
BOARD_ROUTE = "/live-sensors"

_TICKETS = Tickets()


def tickets() -> Tickets:
    """Return the tickets of this server process; pages issue them, the route checks them."""
    return _TICKETS


def video_link(recording_id: str) -> str:
    """Return a link to the recording's video that works for a while, on this server only."""
    return f"{VIDEO_ROUTE}/{quote(recording_id, safe='')}?ticket={tickets().issue(recording_id)}"


def picture_link(exam_id: str) -> str:
    """Return a link to the newest picture of an open camera that works for a while, on this server only."""
    return f"{PICTURE_ROUTE}/{quote(exam_id, safe='')}?ticket={tickets().issue(exam_id)}"


def board_link(board_id: str) -> str:
    """Return a link to what connected sensors say now that works for a while, on this server only."""
    return f"{BOARD_ROUTE}/{quote(board_id, safe='')}?ticket={tickets().issue(board_id)}"
