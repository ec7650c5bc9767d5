"""`distill verify` with a language model behind the rules."""

import json
import re
import socket
import sys
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from commands import refused
from stub_server import DONE, StubServer, answer, opening, piece, status

from distill.screen import Lines
from teachers import servers

UNDECIDED = {"question": "279 in base 5?", "response": "\\boxed{279}", "answer": "2104_5"}


def test_a_judge_behind_the_rules(distill: Any, tmp_path: Path) -> None:
    """Asked in both orders about what is undecided alone; asked again, it costs nothing."""
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows = [
        {"question": "279 in base 5?", "response": "\\boxed{279}", "answer": "2104_5"},
        {"question": "1 + 1?", "response": "\\boxed{2}", "answer": "2"},
        {"question": "1 + 1?", "response": "\\boxed{3}", "answer": "2"},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with StubServer(lambda *_: answer("SAME")) as server:
        judge_keys = (
            f"verify.judge.base_urls=[{server.url}]",
            "verify.judge.model=wise",
            "verify.judge.when=[unknown]",
        )
        done = distill("verify", file, "--out", out, *judge_keys)
        assert done.code == 0, done.err
        asked = len(server.bodies)
        again = distill("verify", file, "--out", out, *judge_keys)
        assert len(server.bodies) == asked == 2
    assert done.out == again.out
    assert "wise was asked about 1: 1 correct, 0 wrong, 0 undecided" in done.out
    told = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["verdict"], row["by"]) for row in told] == [
        ("correct", "judge"),
        ("correct", "rules"),
        ("wrong", "rules"),
    ]


def test_replies_of_a_judge_that_are_of_no_use_are_counted(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps(UNDECIDED) + "\n")
    cut = [opening(), piece("length", content="Let me think"), DONE]
    for script, said, reason in (
        (cut, "2 of 2 replies were cut at 16 tokens: raise verify.judge.max_tokens", "a reply was cut"),
        (answer("It depends."), "2 of 2 replies were neither SAME, DIFFERENT nor UNSURE", "a reply is no verdict"),
        (answer("UNSURE"), "0 wrong, 1 undecided", "the judge is unsure"),
    ):
        with StubServer(lambda *_, script=script: script) as server:
            model = f"verify.judge.model={reason.replace(' ', '-')}"
            done = distill("verify", file, "--out", out, f"verify.judge.base_urls=[{server.url}]", model)
        assert said in done.out
        assert json.loads(out.read_text())["reason"].endswith(f"; {reason}")


def test_a_judge_that_cannot_be_reached_is_told_at_once(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps(UNDECIDED) + "\n")
    begun = monotonic()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    done = distill("verify", file, "--out", out, f"verify.judge.base_urls=[{url}]", "verify.judge.model=m")
    assert monotonic() - begun < 60, "its client would try for minutes"
    assert done.code == 1
    assert f"error: the judge cannot be reached: {url} (" in done.err
    assert json.loads(out.read_text())["verdict"] == "unknown"


def test_what_comes_of_a_judge_is_told_as_it_comes(
    distill: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distill.progress.screen", lambda: Lines(sys.stderr, quiet=0.001))
    monkeypatch.setattr(servers, "FIRST_REST", 0.02)
    monkeypatch.setattr(servers, "WORTH_TELLING", 0.0)
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps(UNDECIDED) + "\n")
    with StubServer(lambda _, number: status(500, "busy") if number == 0 else answer("SAME")) as server:
        keys = f"verify.judge.base_urls=[{server.url}]", "verify.judge.model=m", "verify.judge.concurrency=1"
        told = distill("verify", file, "--out", out, *keys).err
    assert f"{server.url} rests for 0 s (" in told
    for said in ("0 of 2 replies", "1 of 2 replies"):
        assert re.search(rf"verify: judge: {said}.*; m at {re.escape(server.url)}\n", told)


def test_kinds_that_no_judge_is_asked_about_need_no_question(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    row = {"numbers": [1, 2], "target": 3, "response": "<answer>1+2</answer>", "answer": "3"}
    file.write_text(json.dumps(row) + "\n")
    keys = "verify.judge.base_urls=[http://localhost:1/v1]", "verify.judge.model=m"
    done = distill("verify", file, "--out", out, "--kind", "countdown", *keys)
    assert "m was asked about 0" in done.out
    done = distill("verify", file, "--out", out, *keys)
    refused(done, "row 1 has no question")
    assert "question, problem, prompt, instruction" in done.err


def test_a_judge_sees_options_and_gold_as_they_are_judged(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    asked = [{"role": "user", "content": "Capital?"}]
    row = {"prompt": asked, "response": "the big one", "answer": "0", "A": "Paris", "B": "Lyon"}
    file.write_text(json.dumps(row) + "\n")
    with StubServer(lambda *_: answer("SAME")) as server:
        judge_keys = (
            f"verify.judge.base_urls=[{server.url}]",
            "verify.judge.model=m",
            "verify.judge.when=[unknown,wrong]",
        )
        assert distill("verify", file, "--out", out, "--kind", "choice", *judge_keys).code == 0
        shown = server.bodies[0]["messages"][-1]["content"]
    assert '"A"' in shown
    assert '"Capital?"' in shown
    assert '"0"' not in shown
