"""Where the pages are served, and the address of a trace that others can link to."""

from urllib.parse import urlencode

LOOPBACK = "127.0.0.1"
PORT = 8765
"""Unless `--port` names another."""


def trace_address(set_name: str, who: str, trace_id: str) -> str:
    """The page of a trace by its name: of the teacher's `traces`, or of an evaluation set."""
    return f"http://{LOOPBACK}:{PORT}/trace?{urlencode({'set': set_name, 'who': who, 'id': trace_id})}"
