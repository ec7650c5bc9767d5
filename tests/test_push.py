"""Pushing a folder: whatever fails, nothing is lost, and the same push finishes. The real client, a hub on loopback."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hub_client import TOKEN
from hub_server import HubServer
from hub_store import Blob, Fault, Repository

from distill.errors import DistillError, Refused
from students.push import Target, push, write_manifest

TARGET = Target("model", "me/student", True, "tiny", False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a student's folder looks like, in small."""
    at = tmp_path / "published"
    (at / "adapter").mkdir(parents=True)
    (at / "README.md").write_text("---\nlicense: mit\n---\n# tiny\n")
    (at / "config.json").write_text("{}")
    (at / "model.safetensors").write_bytes(random.Random(0).randbytes(50_000))
    (at / "adapter" / "adapter_model.safetensors").write_bytes(random.Random(1).randbytes(9_000))
    write_manifest(at, "tiny")
    return at


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def whole(hub: HubServer, folder: Path) -> None:
    """The repository holds the folder byte for byte, never held half of it, and got each large file once."""
    assert hub.files("me/student") == contents(folder)
    assert [set(files) for files in hub.repositories["model", "me/student"].history] == [set(contents(folder))]
    assert set(hub.stored.values()) == {1}


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
]


@pytest.mark.parametrize("fault", TRANSIENT, ids=[f"{f.where} {f.what}" for f in TRANSIENT])
def test_what_passes_by_itself_is_tried_again(
    hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr("students.push.WAITS", (0.0, 0.0, 0.0))
    hub.faults = [fault]
    assert push(TARGET, folder, TOKEN) == f"{hub.url}/me/student"
    assert not fault.times
    whole(hub, folder)


LASTING = [
    (Fault("PUT /lfs", 500, after=1), "the hub fails (status 500"),
    (Fault("PUT /lfs", "drop", after=1), "http://127.0.0.1 cannot be reached or broke off (Server disconnected"),
    (Fault("PUT /lfs", 413), "something is too large for the hub"),
    (Fault("PUT /lfs", 403), "HF_TOKEN may not write there"),
    (Fault("batch", 403, message="storage limit reached"), "HF_TOKEN may not write there (storage limit reached)"),
    (Fault("repos/create", 401), "the hub does not accept HF_TOKEN"),
    (Fault("preupload", 404), "the repository is not there"),
    (Fault("/commit/", 429), "the hub's rate limit is reached"),
    (Fault("/commit/", 413), "something is too large for the hub"),
    (Fault("/commit/", 412), "somebody else is changing the repository"),
    (Fault("/commit/", "drop"), "http://127.0.0.1 cannot be reached or broke off (Server disconnected"),
    (Fault("/commit/", 400, message=f"no {TOKEN} here"), "the hub rejects it (status 400, no HF_TOKEN here)"),
]


@pytest.mark.parametrize(("fault", "said"), LASTING, ids=[f"{f.where} {f.what}" for f, _ in LASTING])
def test_what_lasts_is_a_sentence_and_the_same_push_finishes(
    hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, said: str
) -> None:
    monkeypatch.setattr("students.push.WAITS", (0.0,))
    hub.faults = [fault]
    with pytest.raises(DistillError) as failed:
        push(TARGET, folder, TOKEN)
    told = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1", str(failed.value))
    assert told.startswith(f"pushing to 'me/student' failed: {said}")
    assert "the same command pushes again, and uploads nothing twice" in failed.value.hint
    assert TOKEN not in str(failed.value) + failed.value.hint
    assert "\n" not in str(failed.value)
    hub.faults = []
    push(TARGET, folder, TOKEN)
    whole(hub, folder)


def test_a_hub_that_says_nothing_more_is_left(hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client by itself would wait for ever."""
    monkeypatch.setattr("students.push.WAITS", ())
    monkeypatch.setattr("students.hub.ANSWER_SECONDS", 0.1)
    hub.faults = [Fault("/commit/", "hang")]
    with pytest.raises(DistillError, match=r"cannot be reached or broke off \(timed out"):
        push(TARGET, folder, TOKEN)


def test_what_is_no_hub_is_called_so(hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("students.push.WAITS", ())
    hub.faults = [Fault("repos/create", "page")]
    with pytest.raises(DistillError, match=r"answers like no hub"):
        push(TARGET, folder, TOKEN)


def test_a_push_of_the_same_makes_no_commit_and_of_another_deletes_what_is_stale(hub: HubServer, folder: Path) -> None:
    push(TARGET, folder, TOKEN)
    push(TARGET, folder, TOKEN)
    whole(hub, folder)
    repository = hub.repositories["model", "me/student"]
    assert repository.private
    repository.files["notes.txt"] = Blob("0" * 40, 1, b"x")  # its owner's
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    write_manifest(folder, "tiny")
    push(TARGET, folder, TOKEN)
    assert hub.files("me/student") == {**contents(folder), "notes.txt": b"x"}
    assert set(hub.stored.values()) == {1}, "the weights are known by their digest"


def test_what_others_put_there_is_not_overwritten(hub: HubServer, folder: Path) -> None:
    held = Repository(private=True)
    held.files = {name: Blob("0" * 40, 1, b"x") for name in ("README.md", "old.safetensors", "notes.txt")}
    hub.repositories["model", "me/student"] = held
    with pytest.raises(Refused, match=r"holds files that distill did not put there \(old.safetensors, notes.txt\)"):
        push(TARGET, folder, TOKEN)
    del held.files["old.safetensors"], held.files["notes.txt"]
    push(TARGET, folder, TOKEN)
    other = Target("model", "me/student", True, "another", False)
    with pytest.raises(Refused, match="holds what the recipe 'tiny' made"):
        push(other, folder, TOKEN)
    held.files = {name: Blob("0" * 40, 1, b"x") for name in ("old.safetensors", "notes.txt")}
    push(Target("model", "me/student", True, "another", True), folder, TOKEN)
    assert hub.files("me/student") == {**contents(folder), "notes.txt": b"x"}


def test_a_public_repository_is_not_taken_for_a_private_one(hub: HubServer, folder: Path) -> None:
    hub.repositories["model", "me/student"] = Repository(private=False)
    with pytest.raises(Refused, match=r"is public, and publish\.private is true"):
        push(TARGET, folder, TOKEN)
    assert not hub.files("me/student")
    push(Target("model", "me/student", False, "tiny", False), folder, TOKEN)
    whole(hub, folder)


PUSH = """
from students.push import *
push(Target("model", "me/student", True, "tiny", False), Path("published"), {token!r})
"""


def start(hub: HubServer, at: Path, **environment: str) -> "subprocess.Popen[str]":
    """The same push in a process of its own, as users' environments turn the client to the hub."""
    told = os.environ | {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HOME": str(at / "cache")} | environment
    script = [sys.executable, "-c", PUSH.format(token=TOKEN)]
    told["PYTHONPATH"] = str(Path(__file__).parents[1])
    return subprocess.Popen(script, env=told, cwd=at, stderr=subprocess.PIPE, text=True)


KILLS = [
    (r"PUT /lfs/\w+/part/2", "hang"),
    (r"POST /lfs/\w+/complete", "hang"),
    ("/commit/", "hang"),
    ("/commit/", "late"),
]


def test_killed_again_and_again_the_same_push_finishes(hub: HubServer, folder: Path) -> None:
    """SIGKILL in the midst of an upload, before a commit, and behind one whose answer nobody heard."""
    for where, what in KILLS:
        hub.faults, before = [Fault(where, what, 1)], len(hub.asked)  # type: ignore[arg-type]
        process = start(hub, folder.parent, HF_HUB_DISABLE_XET="1")
        deadline = time.monotonic() + 60
        while hub.faults[0].times or not any(re.search(where, request) for request in hub.asked[before:]):
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    hub.faults = []
    process = start(hub, folder.parent, HF_HUB_DISABLE_XET="1")
    said = process.communicate()[1]
    assert process.returncode == 0, said
    whole(hub, folder)


XET = {"HF_HUB_DISABLE_XET": "0", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_XET_CLIENT_RETRY_MAX_ATTEMPTS": "1"}


def test_the_xet_store_fails_in_a_sentence_and_is_filled_by_the_same_push(hub: HubServer, folder: Path) -> None:
    """What the client does by default: chunks and shards instead of LFS."""
    pytest.importorskip("hf_xet")
    hub.faults = [Fault("xorbs/", 403)]
    process = start(hub, folder.parent, **XET)
    said = process.communicate()[1]
    assert process.returncode == 1
    assert "pushing to 'me/student' failed: HF_TOKEN may not write there" in said
    assert TOKEN not in said
    hub.faults = []
    process = start(hub, folder.parent, **XET)
    said = process.communicate()[1]
    assert process.returncode == 0, said
    assert set(hub.repositories["model", "me/student"].files) == set(contents(folder))
    assert sum(map(len, hub.xorbs.values())) >= 59_000
    assert not hub.stored
    assert not [request for request in hub.asked if "telemetry" in request]


def test_killed_before_the_shard_the_xet_store_gets_no_chunk_again(hub: HubServer, folder: Path) -> None:
    pytest.importorskip("hf_xet")
    flush = {"HF_XET_DATA_SESSION_XORB_METADATA_FLUSH_MAX_COUNT": "1"}  # by itself every 20 s or 64 blocks of 64 MB
    hub.faults = [Fault("POST /v./shards", "hang")]
    process = start(hub, folder.parent, **XET, **flush)
    while not any("shards" in request for request in hub.asked):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    hub.faults, sent = [], list(hub.xorb_posts)
    process = start(hub, folder.parent, **XET, **flush)
    said = process.communicate()[1]
    assert process.returncode == 0, said
    assert sent == hub.xorb_posts
    assert set(hub.repositories["model", "me/student"].files) == set(contents(folder))


@pytest.mark.parametrize("seed", range(4))
def test_whatever_fails_and_however_often_the_push_ends_whole(
    hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Every third request fails in a way drawn by chance; the push is called until it succeeds."""
    monkeypatch.setattr("students.push.WAITS", ())
    rng = random.Random(seed)
    kinds = ("drop", "lose", "page", 400, 401, 403, 404, 409, 413, 429, 500, 503)
    monkeypatch.setattr(hub, "fault", lambda _: Fault("", rng.choice(kinds)) if rng.random() < 0.3 else None)  # type: ignore[arg-type]
    told = [attempt(folder) for _ in range(8)]
    monkeypatch.setattr(hub, "fault", lambda _: None)
    assert attempt(folder) is None
    assert not [said for said in told if said and (TOKEN in said or "\n" in said)]
    assert hub.files("me/student") == contents(folder)
    assert [set(files) for files in hub.repositories["model", "me/student"].history] == [set(contents(folder))]


def attempt(folder: Path) -> str | None:
    """A push; what it failed with."""
    try:
        push(TARGET, folder, TOKEN)
    except DistillError as e:
        return str(e)
    return None
