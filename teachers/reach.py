"""Can a server be reached at all? Asked before the first request, which would be sent again for minutes."""

import socket
from urllib.parse import urlsplit

PATIENCE = 10.0
"""Seconds for a connection."""


def unreachable(urls: list[str]) -> str | None:
    """Why none of these servers takes a connection; None where one does."""
    failing = [f"{url} ({why})" for url in urls if (why := _why_not(url))]
    return "; ".join(failing) if len(failing) == len(urls) else None


def _why_not(url: str) -> str | None:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), PATIENCE).close()
    except OSError as e:
        return e.strerror or str(e)
    return None
