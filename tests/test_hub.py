"""Publishing: what is pushed, and that a push which fails in any way loses nothing and is finished by the same command.

The real client speaks to `hub_server.py` on loopback.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny
import yaml
from commands import Outcome, refused
from hub_server import Fault, HubServer, Repository, account

from distill.cli import main
from distill.files import read_json
from distill.recipe import Recipe

TOKEN = "hf_SecretSecretSecretSecret"
NAMES = ["publish.hub_id=me/student", "publish.dataset_id=me/traces"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run to the evaluation, with its recipe beside it; copied for each test."""
    home = tmp_path_factory.mktemp("hub")
    recipe = {
        "name": "tiny",
        "problems": {"source": "countdown", "count": 48, "held_out": 12, "max_number": 12, "max_target": 60},
        "teacher": {"kind": "program", "budget": 10},
        "student": {"model": str(tiny.folder(home / "base")), "dtype": "float32"},
        "train": {"learning_rate": 0.001, "num_train_epochs": 1, "max_length": 400, "lora_r": 4},
        "evaluate": {"max_tokens": 12, "batch_size": 6},
    }
    (home / "tiny.yaml").write_text(json.dumps(recipe))
    with pytest.raises(SystemExit) as ended:
        main(["run", str(home / "tiny.yaml"), "--until", "evaluate", "--run-dir", str(home / "run")])
    assert ended.value.code == 0
    return home


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """The server, with the client of this process turned to it; nothing waits between attempts."""
    from huggingface_hub import constants

    accounts = {TOKEN: account("me", orgs={"lab": "write", "library": "read"})}
    with HubServer(accounts, parts_of=20_000) as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


@pytest.fixture
def push(trained: Path, tmp_path: Path, distill: Any) -> Any:
    """`distill publish` of a copy of the run, with overrides."""
    shutil.copytree(trained / "run", tmp_path / "run")

    def call(*overrides: str) -> Outcome:
        names = [] if any(word.startswith("publish.hub_id") for word in overrides) else NAMES
        found: Outcome = distill("publish", trained / "tiny.yaml", *names, *overrides, "--run-dir", tmp_path / "run")
        assert TOKEN not in found.out + found.err
        assert "X-Signature" not in found.err
        assert "Traceback" not in found.err
        return found

    return call


def published(run: Path, kind: str = "model") -> dict[str, bytes]:
    """What the folder holds for a repository, by path."""
    at = run / "published" / ("dataset" if kind == "dataset" else "")
    found = {str(p.relative_to(at)): p.read_bytes() for p in at.rglob("*") if p.is_file()}
    return {name: content for name, content in found.items() if not name.startswith("dataset/")}


def whole(hub: HubServer, run: Path) -> None:
    """Both repositories hold their folders byte for byte; each large file came once; nothing of it shows the token."""
    for kind, name in (("model", "me/student"), ("dataset", "me/traces")):
        assert hub.files(name, kind) == published(run, kind)
        for files in hub.repositories[kind, name].history:
            assert set(files) == set(published(run, kind)), "a half repository could be downloaded"
    assert set(hub.stored.values()) == {1}
    assert not any(TOKEN.encode() in p.read_bytes() for p in run.rglob("*") if p.is_file())


def test_all_is_pushed_privately_and_again_changes_nothing(hub: HubServer, push: Any, tmp_path: Path) -> None:
    done = push()
    assert done.code == 0, done.err
    whole(hub, tmp_path / "run")
    assert all(repository.private for repository in hub.repositories.values())
    assert {"model.safetensors", "adapter/adapter_model.safetensors", "evaluation/summary.json"} <= set(
        hub.files("me/student")
    )
    assert any("/part/2" in request for request in hub.asked)
    (tmp_path / "run" / "stages" / "publish.json").unlink()  # as a kill between push and seal leaves it
    before = len(hub.asked)
    assert push().code == 0
    assert not [request for request in hub.asked[before:] if "/commit/" in request or "PUT" in request]
    assert not [request for request in hub.asked if "telemetry" in request]


TRANSIENT = [
    Fault("PUT /lfs", 500, 3),
    Fault("PUT /lfs", "drop", 3),
    Fault("POST .*/complete", 503, 2),
    Fault("POST .*batch", 429, 2, "slow down"),
    Fault("repos/create", 503, 2),
    Fault("preupload", "drop", 2),
    Fault("validate-yaml", 502, 1),
    Fault("/commit/", "drop", 2),
    Fault("/commit/", 500, 1),
    Fault("/commit/", "lose", 1),
    Fault("repos/create", "lose", 1),
    Fault("whoami", 503, 1),
]


@pytest.mark.parametrize("fault", TRANSIENT, ids=[f"{f.where} {f.what}" for f in TRANSIENT])
def test_what_passes_by_itself_is_tried_again(
    hub: HubServer, push: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr("students.push.WAITS", (0.0, 0.0, 0.0))
    hub.faults = [fault]
    done = push()
    assert done.code == 0, done.err
    whole(hub, tmp_path / "run")
    assert len(hub.repositories["model", "me/student"].history) == 1, "one commit, though its answer was lost"


LASTING = [
    (Fault("PUT /lfs", 500, after=1), "the hub fails (status 500"),
    (Fault("PUT /lfs", "drop", after=1), "cannot be reached or broke off"),
    (Fault("PUT /lfs", 413), "something is too large for the hub"),
    (Fault("PUT /lfs", 403), "HF_TOKEN may not write there"),
    (Fault("batch", 403, message="storage limit reached"), "storage limit reached"),
    (Fault("repos/create", 401), "the hub does not accept HF_TOKEN"),
    (Fault("preupload", 404), "the repository is not there"),
    (Fault("/commit/", 429), "the hub's rate limit is reached"),
    (Fault("/commit/", 413), "something is too large for the hub"),
    (Fault("/commit/", 412), "somebody else is changing the repository"),
    (Fault("/commit/", "drop"), "cannot be reached or broke off"),
    (Fault("/commit/", 400, message=f"no {TOKEN} here"), "the hub rejects it (status 400, no HF_TOKEN here)"),
]


@pytest.mark.parametrize(("fault", "said"), LASTING, ids=[f"{f.where} {f.what}" for f, _ in LASTING])
def test_what_lasts_is_a_sentence_and_the_same_command_finishes(
    hub: HubServer, push: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, said: str
) -> None:
    monkeypatch.setattr("students.push.WAITS", (0.0,))
    hub.faults = [Fault(fault.where, fault.what, fault.times, fault.message, fault.after)]
    failed = push()
    assert failed.code == 1
    (line,) = [line for line in failed.err.splitlines() if line.startswith("error: ")]
    assert said in line
    assert re.match(r"error: pushing to 'me/(student|traces)' failed: ", line)
    assert "the same command pushes again" in failed.err
    hub.faults = []
    again = push()
    assert again.code == 0, again.err
    assert "train" not in again.err
    whole(hub, tmp_path / "run")


def test_a_killed_push_is_finished_by_the_same_command(hub: HubServer, trained: Path, tmp_path: Path) -> None:
    """SIGKILL while the adapter's upload hangs, while the commit does, and after a commit nobody heard the answer of."""
    shutil.copytree(trained / "run", tmp_path / "run")
    command = [sys.executable, "-m", "distill", "publish", trained / "tiny.yaml", *NAMES, "--run-dir", tmp_path / "run"]
    environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    environment |= {"HF_HOME": str(tmp_path / "cache")}
    for where in (r"PUT /lfs/\w+\?", "models/me/student/commit/"):
        hub.faults, before = [Fault(where, "hang", 1)], len(hub.asked)
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not any(re.search(where, request) for request in hub.asked[before:]):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert ("model", "me/student") not in hub.repositories or not hub.repositories["model", "me/student"].history
    hub.faults = []
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    whole(hub, tmp_path / "run")
