"""The hub as its own client speaks to it, with time limits; and its errors as sentences."""

import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from distill.errors import Refused

if TYPE_CHECKING:
    from huggingface_hub import HfApi

logger = logging.getLogger(__name__)

CONNECT_SECONDS, ANSWER_SECONDS = 15.0, 300.0
"""Until a connection stands, and without a byte on one that does. The client itself would wait for ever."""

AGAIN = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that pass by themselves."""


def hub_token() -> str:
    """HF_TOKEN.

    Raises:
        Refused: it is not set, or holds what no token does (it would stand in the error of a library).
    """
    token = os.environ.get("HF_TOKEN", "").strip()
    hint = "export HF_TOKEN=... (made at https://huggingface.co/settings/tokens, with write permission)."
    if not token:
        raise Refused("publishing to the hub needs a token, and HF_TOKEN is not set.", f"{hint} {WITHOUT}")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise Refused("HF_TOKEN holds blanks or characters that no token has.", hint)
    return token


WITHOUT = "Without publish.hub_id and publish.dataset_id nothing leaves the machine."


@contextmanager
def hub(token: str) -> Iterator["HfApi"]:
    """The client. While it is used it is quiet: what it logs by itself holds signed addresses."""
    import httpx2
    from huggingface_hub import HfApi, set_client_factory
    from huggingface_hub.utils import logging as hub_logging
    from huggingface_hub.utils._http import default_client_factory

    def limited() -> httpx2.Client:
        client = default_client_factory()
        client.timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        return client

    before = hub_logging.get_verbosity()
    hub_logging.set_verbosity_error()
    set_client_factory(limited)
    try:
        yield HfApi(token=token)
    finally:
        set_client_factory(default_client_factory)
        hub_logging.set_verbosity(before)


def hub_errors() -> tuple[type[Exception], ...]:
    """What the client raises: its own errors, those of the connection, the Xet store's, which are of many kinds, and
    KeyError for an answer that lacks what belongs into it."""
    from httpx2 import HTTPError

    return (HTTPError, OSError, ValueError, RuntimeError, KeyError)


def status_of(error: BaseException) -> int | None:
    """The HTTP status behind an error, None where no answer came."""
    from huggingface_hub.errors import HfHubHTTPError

    inner = _innermost(error)
    if isinstance(inner, HfHubHTTPError):
        return int(inner.response.status_code)
    of_xet = re.search(
        r"HTTP status \w+ error \((\d{3})\b", str(inner)
    )  # a ConnectionError, whatever the store answered
    return int(of_xet[1]) if of_xet else None


def is_unreachable(error: BaseException) -> bool:
    """Nobody answered, or not to the end."""
    from httpx2 import TransportError

    return status_of(error) is None and isinstance(_innermost(error), TransportError | ConnectionError | TimeoutError)


def passes_by_itself(error: BaseException) -> bool:
    """Is another attempt worth while?"""
    from huggingface_hub.errors import OfflineModeIsEnabled

    if isinstance(_innermost(error), OfflineModeIsEnabled):
        return False
    return is_unreachable(error) or status_of(error) in AGAIN


def told(error: BaseException, name: str, token: str) -> tuple[str, str]:
    """What went wrong and what to do, for the user; never with the token in it."""
    from huggingface_hub import constants
    from huggingface_hub.errors import OfflineModeIsEnabled

    status, where = status_of(error), constants.ENDPOINT
    said = _said(error).replace(token, "HF_TOKEN")
    if isinstance(_innermost(error), OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, which forbids it", "unset HF_HUB_OFFLINE"
    if is_unreachable(error):
        return f"{where} cannot be reached or broke off ({said})", "See to the network, or the proxy in HTTPS_PROXY."
    if isinstance(_innermost(error), json.JSONDecodeError | KeyError):
        return f"{where} answers like no hub", "See to HF_ENDPOINT, or a proxy or login page in between."
    if status is None:
        return said, ""
    return _told_of_status(status, said, name, where)


def _told_of_status(status: int, said: str, name: str, where: str) -> tuple[str, str]:
    tokens = f"{where}/settings/tokens"
    if status == 401:
        return "the hub does not accept HF_TOKEN", f"It is mistyped, expired or revoked; {tokens} makes another."
    if status in (402, 403):
        owner = name.split("/")[0]
        return f"HF_TOKEN may not write there ({said})", f"It needs write permission to '{owner}': see {tokens}."
    if status == 404:
        return f"the repository is not there, or HF_TOKEN may not see it ({said})", f"See {where}/{name} and {tokens}."
    if status in (409, 412):
        return f"somebody else is changing the repository ({said})", "Wait until that is done."
    if status == 413:
        hint = "A proxy may set a limit of its own; publish.answers=false leaves the evaluation's answers out."
        return f"something is too large for the hub ({said})", hint
    if status == 429:
        return f"the hub's rate limit is reached ({said})", "Wait some minutes."
    if status in AGAIN:
        return f"the hub fails (status {status}, {said})", "https://status.huggingface.co may tell how long."
    return f"the hub rejects it (status {status}, {said})", ""


def _innermost(error: BaseException) -> BaseException:
    """The client wraps what happens to a single file into errors of its own."""
    from httpx2 import TransportError
    from huggingface_hub.errors import HfHubHTTPError

    while not isinstance(error, HfHubHTTPError | TransportError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _said(error: BaseException) -> str:
    """The server's own words where there are some, else the client's; one line without request ids and addresses."""
    from huggingface_hub.errors import HfHubHTTPError

    inner = _innermost(error)
    words = (inner.server_message if isinstance(inner, HfHubHTTPError) else None) or str(inner)
    lines = [line.strip(" -") for line in words.splitlines() if line.strip(" -") and "Request ID" not in line]
    kept = " ".join(part for part in "; ".join(lines).split() if "://" not in part)
    return kept[:300].rstrip(".;: ") or type(inner).__name__
