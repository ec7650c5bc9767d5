"""Replicas on a real Ray cluster of two nodes (on this machine), of which one is killed."""

import asyncio
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import tiny
from asking import endpoint, requests, short_rests  # noqa: F401
from replicated import KEY, Teacher, broken_server, slow_server
from stub_server import HANG, StubServer, answer, opening, piece
from test_guard import processes_of
from test_vllm import needs_vllm, spec

from distill import ray_cluster
from distill.errors import Refused
from distill.files import Log
from distill.recipe import VLLMTeacher
from distill.records import Trace
from teachers import replicas, vllm
from teachers.base import Completion, Request, TeacherRefused
from teachers.replicas import Share
from teachers.sampler import InOrder, follow

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed (the extra 'ray')")
SMALL = {"num_cpus": 1, "object_store_memory": 80 << 20}


@pytest.fixture(scope="module")
def ray_folder() -> Iterator[Path]:
    """Ray's own files. Its sockets lie there, and their paths must be short."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", str(folder))
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))  # the nodes import `replicated` from here
        yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def cluster(ray_folder: Path) -> Iterator[Any]:
    """A head that takes no replicas; each test adds the nodes that it needs."""
    from ray.cluster_utils import Cluster

    head = {**SMALL, "num_cpus": 0, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=head)
    yield made
    made.shutdown()
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(ray_folder) in " ".join(p.info["cmdline"] or [])]


@pytest.fixture
def two_nodes(cluster: Any) -> Iterator[list[Any]]:
    nodes = [cluster.add_node(**SMALL) for _ in range(2)]
    replicas.join(cluster.address)
    yield nodes
    ray_cluster.leave()
    for node in list(cluster.worker_nodes):
        cluster.remove_node(node)


def harvest(teacher: Any, asked: Iterator[Request], log: Log, on_traces: Callable[[list[Trace]], None]) -> None:
    async def run() -> None:
        try:
            await follow(teacher, InOrder(asked), log, on_traces)
        finally:
            await teacher.close()

    asyncio.run(run())


def unhurried(_: list[Trace]) -> None:
    """Answers go on coming, and the processors are free for what is to start meanwhile."""
    time.sleep(0.1)


@needs_ray
def test_a_node_dies_and_no_sample_is_lost_or_doubled(
    cluster: Any,
    two_nodes: list[Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A node is killed under way; what it was asked goes to the other one, and a new node gets the replacement."""
    monkeypatch.setattr(replicas, "WAITING_IS_TOLD_AFTER", 1.0)
    caplog.set_level("INFO", "teachers")
    teacher, log = Teacher(tmp_path, [slow_server, slow_server]), Log(tmp_path / "samples.jsonl")
    servers = teacher.endpoint.servers.all
    at_death: list[int] = []
    asked: list[Request] = []
    at_revival: list[int] = []

    def until_the_replacement_has_answered() -> Iterator[Request]:
        for request in requests(20_000):
            events()
            lost = [s for s, n in zip(servers, at_revival, strict=False) if s.answers <= n]
            if at_revival and not lost:
                return
            asked.append(request)
            yield request

    def events() -> None:
        """Here and not where traces arrive: Ray starts nodes in the main thread only."""
        if not at_death and min(s.answers for s in servers) > 20:
            cluster.remove_node(two_nodes[0], allow_graceful=False)
            at_death.extend(s.answers for s in servers)
        if not at_revival and "waits for a node with 1 CPU free; there are 2 nodes with 1, 0 CPU" in caplog.text:
            at_revival.extend(s.answers for s in servers)
            cluster.add_node(**SMALL)

    harvest(teacher, until_the_replacement_has_answered(), log, unhurried)
    assert at_death
    traces = log.read(Trace)
    assert sorted(t.id for t in traces) == sorted(r.id for r in asked)
    assert {t.finish_reason for t in traces} == {"stop"}
    assert caplog.text.count("was lost with its node") == 1
    assert caplog.text.count("is ready; its log is") == 3
    assert [p for log in teacher.logs for p in processes_of(log)] == []


@needs_ray
def test_a_replica_that_cannot_live_leaves_the_work_to_the_other(
    two_nodes: list[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "teachers")
    teacher, log = Teacher(tmp_path, [broken_server, slow_server]), Log(tmp_path / "samples.jsonl")

    def until_it_is_given_up() -> Iterator[Request]:
        for request in requests(20_000):
            if "came to its end 3 times in a row" in caplog.text:
                return
            yield request

    harvest(teacher, until_it_is_given_up(), log, unhurried)
    assert "server-1 is given up for now, 1 others go on" in caplog.text
    assert "no such GPU" in caplog.text
    assert len(log.read(Trace)) > 20


@needs_ray
def test_when_none_can_live_the_run_ends_with_the_reason(two_nodes: list[Any], tmp_path: Path) -> None:
    teacher = Teacher(tmp_path, [broken_server, broken_server])
    with pytest.raises(TeacherRefused, match=r"on [\d.]+: the server did not start: ValueError: no such GPU"):
        harvest(teacher, iter(requests(50)), Log(tmp_path / "samples.jsonl"), lambda _: None)


@needs_ray
def test_a_cluster_without_room_is_named(cluster: Any, two_nodes: list[Any], tmp_path: Path) -> None:
    assert ray_cluster.found_here() == cluster.address
    teacher = Teacher(tmp_path, [slow_server], patience=2)
    (replica,) = (kept for _, kept in teacher.keeper._kept.values())
    replica._share = Share(cpus=3, gpus=0)
    with pytest.raises(TeacherRefused, match="had 3 CPU free within 2 s; there are 3 nodes with 1, 1, 0 CPU"):
        harvest(teacher, iter(requests(50)), Log(tmp_path / "samples.jsonl"), lambda _: None)


DRIVER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from asking import requests
from replicated import Teacher, slow_server
from teachers import replicas
async def run():
    replicas.join(sys.argv[1])
    teacher = Teacher(Path(sys.argv[2]), [slow_server, slow_server])
    while min(server.answers for server in teacher.endpoint.servers.all) < 1:
        await asyncio.gather(*map(teacher.answer, requests(8)))
    print("up", flush=True)
    await asyncio.sleep(600)
asyncio.run(run())
"""


@needs_ray
def test_a_killed_driver_leaves_no_server(cluster: Any, two_nodes: list[Any], tmp_path: Path) -> None:
    """Ray ends the actors of a dead driver, with SIGKILL for their children; the guards end the rest."""
    code = DRIVER.format(tests=str(Path(__file__).parent))
    command = [sys.executable, "-c", code, cluster.address, str(tmp_path)]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    assert driver.stdout.readline() == "up\n"
    logs = [tmp_path / "server-1.log", tmp_path / "server-2.log"]
    assert all(len(processes_of(log)) == 4 for log in logs)
    assert {p.nice() for log in logs for p in processes_of(log)} == {os.nice(0)}, "Ray's own have 15"
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    end = time.monotonic() + 120
    while any(map(processes_of, logs)) and time.monotonic() < end:
        time.sleep(0.2)
    assert [processes_of(log) for log in logs] == [[], []]


@needs_ray
def test_without_a_cluster_the_replicas_run_on_this_machine(
    ray_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(ray_folder / "alone"))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    caplog.set_level("INFO", "distill")
    replicas.join(None)
    try:
        harvest(Teacher(tmp_path, [slow_server]), iter(requests(20)), Log(tmp_path / "s.jsonl"), lambda _: None)
    finally:
        ray_cluster.leave()
    assert "no Ray cluster was found: the work runs on this machine alone" in caplog.text
    assert len(Log(tmp_path / "s.jsonl").read(Trace)) == 20


@needs_ray
def test_a_cluster_that_does_not_answer_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TeacherRefused, match=r"no Ray cluster answers at 127\.0\.0\.1:1\."):
        replicas.join("127.0.0.1:1")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:2")
    with pytest.raises(TeacherRefused, match=r"no Ray cluster answers at 127\.0\.0\.1:2\."):
        replicas.join(None)


@needs_ray
@needs_vllm
def test_real_vllm_servers_on_two_nodes_of_which_one_dies(
    cluster: Any, two_nodes: list[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = tiny.folder(tmp_path / "tiny", hidden_size=128)
    caplog.set_level("INFO", "teachers")
    made = VLLMTeacher.model_validate(spec(model, replicas=2, ray_address=cluster.address, concurrency=8))
    teacher, log = vllm.VLLM(made, tmp_path / "vllm.log"), Log(tmp_path / "samples.jsonl")
    servers = teacher._endpoint.servers.all
    asked: list[Request] = []
    killed: list[int] = []

    def until_one_has_gone_on_alone() -> Iterator[Request]:
        for request in requests(20_000):
            kill_once()
            if killed and len(asked) > killed[0] + 100:
                return
            asked.append(request)
            yield request

    def kill_once() -> None:
        if not killed and min(s.answers for s in servers) > 5:
            cluster.remove_node(two_nodes[1], allow_graceful=False)
            killed.append(len(asked))

    harvest(teacher, until_one_has_gone_on_alone(), log, lambda _: None if killed else time.sleep(0.3))
    assert killed
    traces = log.read(Trace)
    assert sorted(t.id for t in traces) == sorted(r.id for r in asked)
    assert {t.model for t in traces} == {teacher.name}
    assert all(t.finish_reason in ("stop", "length") and t.counted for t in traces)
    assert [p for n in (1, 2) for p in processes_of(tmp_path / f"vllm-{n}.log")] == []


def test_what_a_lost_machine_was_asked_goes_to_another_at_once() -> None:
    """A machine without power closes no connection."""
    with (
        StubServer(lambda *_: [opening(), piece(content="It"), HANG]) as lost,
        StubServer(lambda *_: answer()) as other,
    ):

        async def run() -> Completion:
            teacher = endpoint(lost.url, other.url, timeout_seconds=600)
            first = asyncio.create_task(teacher.answer(requests(1)[0]))
            while not lost.bodies:
                await asyncio.sleep(0.01)
            teacher.servers.take_down(teacher.servers.all[0])
            try:
                return await asyncio.wait_for(first, 60)
            finally:
                await teacher.close()

        assert asyncio.run(run()).text == "It is \\boxed{33}."


def test_how_many_replicas_says_nothing_of_who_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    model = tiny.folder(tmp_path / "tiny")

    def teacher(**fields: Any) -> vllm.VLLM:
        return vllm.VLLM(VLLMTeacher.model_validate(spec(model, **fields)), Path("log"))

    assert teacher().name == teacher(replicas=4, ray_address="head:6379", cpus_per_replica=8).name
    assert teacher(replicas=4, concurrency=8).concurrency == 32


def test_a_node_with_another_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    model = tiny.folder(tmp_path / "tiny")
    made = VLLMTeacher.model_validate(spec(model, replicas=2))
    with pytest.raises(Refused, match="is another model there than where the run was started"):
        vllm.server_on_node(made, str(model), "another", tmp_path / "log", KEY, "127.0.0.1")


def test_the_log_lies_in_the_run_where_the_node_sees_it(tmp_path: Path) -> None:
    log = tmp_path / "runs/mine/traces/vllm-1.log"
    elsewhere = replicas.log_on_node(log)
    assert elsewhere.parent.parent == Path(tempfile.gettempdir())
    assert elsewhere.parent.stat().st_mode & 0o777 == 0o700
    assert elsewhere.name.startswith("mine-vllm-1-")
    assert elsewhere != replicas.log_on_node(tmp_path / "another/runs/mine/traces/vllm-1.log")
    log.parent.mkdir(parents=True)
    log.touch()
    assert replicas.log_on_node(log) == log


def test_without_ray_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    vllm.refuse_without_ray(VLLMTeacher(kind="vllm", model="m"))
    for fields in ({"replicas": 2}, {"serve_args": {"distributed-executor-backend": "ray"}}):
        with pytest.raises(Refused, match="needs Ray, which is not installed") as caught:
            vllm.refuse_without_ray(VLLMTeacher.model_validate({"kind": "vllm", "model": "m", **fields}))
        assert "pip install 'ray" in caught.value.hint


def test_one_server_over_several_nodes_is_vllms_own_matter(tmp_path: Path) -> None:
    fields = {"tensor_parallel_size": 8, "pipeline_parallel_size": 2, "ray_address": "10.0.0.1:6379"}
    args = {"distributed_executor_backend": "ray"}
    made = VLLMTeacher.model_validate({"kind": "vllm", "model": "m", **fields, "serve_args": args})
    line = " ".join(vllm.serve_command(made, "m", 8000))
    assert "--tensor-parallel-size 8 --pipeline-parallel-size 2" in line
    assert line.endswith("--distributed-executor-backend ray")
    source = vllm.models.ModelSource("m", "m")
    assert vllm.server(made, source, tmp_path / "log", KEY)._environment["RAY_ADDRESS"] == "10.0.0.1:6379"
    with pytest.raises(ValueError, match="replicas=2 puts each server on one node"):
        VLLMTeacher.model_validate({"kind": "vllm", "model": "m", "replicas": 2, "serve_args": args})


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "http://head:6379", "head:port"])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(ValueError, match="String should match pattern"):
        VLLMTeacher(kind="vllm", model="m", ray_address=address)
