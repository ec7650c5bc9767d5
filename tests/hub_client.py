"""The real client of this process, turned to the hub on loopback."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from hub_server import HubServer
from hub_store import account

TOKEN = "hf_SecretSecretSecretSecret"


@contextmanager
def loopback_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub that knows `me`, who may write in `lab` and read in `library`; nobody waits between attempts.

    The client takes its settings from the environment when it is imported, so they are changed where they lie.
    """
    from huggingface_hub import constants

    hurried = SimpleNamespace(**{**vars(time), "sleep": lambda _: None})
    with HubServer({TOKEN: account("me", orgs={"lab": "write", "library": "read"})}, parts_of=20_000) as server:
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr("huggingface_hub.utils._http.time", hurried)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server
