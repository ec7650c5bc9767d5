"""Asking the hub for models and data sets: one failed connection suffices to know that there is none.

The hub's client tries six times, for 23 seconds, each file that is not cached; a model of which some files exist
nowhere costs that for each. So before it is asked, one connection is tried; without one, what is cached is taken as
if HF_HUB_OFFLINE were set, and what is not is refused at once. Where there is one, the client does as it always does:
downloads that have begun are tried again.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distill.errors import Refused

CONNECT_SECONDS = 10.0
"""Until a connection stands: where a firewall swallows packets, nobody says no."""

REMEMBERED_SECONDS = 60.0
"""So long an attempt is taken to tell how things are."""

_tried: dict[str, tuple[float, str | None]] = {}
"""By the hub's address: when it was tried, and why it could not be reached."""


@contextmanager
def asking_hub() -> Iterator[None]:
    """Within it, libraries may ask the hub for files.

    Raises:
        ConnectionError: the hub cannot be reached, and something is not in the cache.
    """
    from huggingface_hub import constants

    lacking = None if constants.is_offline_mode() else unreachable()
    if lacking is None:
        yield
        return
    with _as_if_offline():
        try:
            yield
        except (OSError, ValueError, RuntimeError) as e:
            if not _wanted_network(e):
                raise
            raise ConnectionError(f"{constants.ENDPOINT} cannot be reached ({lacking}), and it is not cached") from e


def unreachable() -> str | None:
    """Why the hub cannot be reached, None where it can: any answer will do."""
    from huggingface_hub import constants

    at, why = _tried.get(constants.ENDPOINT, (None, None))
    if at is None or time.monotonic() - at > REMEMBERED_SECONDS:
        why = _attempt(constants.ENDPOINT)
        _tried[constants.ENDPOINT] = (time.monotonic(), why)
    return why


def _attempt(address: str) -> str | None:
    from httpx2 import InvalidURL, TimeoutException, TransportError
    from huggingface_hub.utils import get_session

    try:
        get_session().request("HEAD", address, timeout=CONNECT_SECONDS)
    except TimeoutException:
        return f"no answer in {CONNECT_SECONDS:g} seconds"
    except (TransportError, InvalidURL) as e:
        return str(e) or type(e).__name__
    return None


@contextmanager
def _as_if_offline() -> Iterator[None]:
    """Both libraries read their settings when asked; the environment is read at import only."""
    import datasets
    from huggingface_hub import constants

    before = (constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE)
    constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = True, True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = before


def _wanted_network(error: BaseException | None) -> bool:
    """Was it the lack of a connection, whatever the libraries made of it? Of weights transformers says only that."""
    from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

    while error is not None:
        told = isinstance(error, OSError) and "does not appear to have a file" in str(error)
        if told or isinstance(error, OfflineModeIsEnabled | LocalEntryNotFoundError | ConnectionError):
            return True
        error = error.__cause__ or error.__context__
    return False


def refuse_not_on_hub(name: str, revision: str | None) -> None:
    """
    Raises:
        Refused: the hub has no such model, or one without a config, or does not give it; or it cannot be asked.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import RemoteEntryNotFoundError

    try:
        with asking_hub():
            hf_hub_download(name, "config.json", revision=revision)
    except RemoteEntryNotFoundError as e:
        raise Refused(
            f"the hub's '{name}' has no config.json: it holds an adapter, GGUF files or no model at all.",
            "An adapter is merged into its base first; a GGUF file is downloaded and named by its path.",
        ) from e
    except (OSError, ValueError) as e:
        first = str(e).strip().splitlines()[0].rstrip(".")
        hint = "A local folder works too: give its path. HF_TOKEN opens gated models."
        raise Refused(f"model '{name}' is neither a local folder nor to be had from the hub ({first}).", hint) from e


def fetched(name: str, file: str, revision: str | None) -> Path | None:
    """A file of a hub model, from the cache or the hub; None where it has none."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        with asking_hub():
            return Path(hf_hub_download(name, file, revision=revision))
    except EntryNotFoundError:  # also where the hub must not be asked and the cache lacks it
        return None
    except ConnectionError:
        return None
