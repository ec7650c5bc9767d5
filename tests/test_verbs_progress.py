"""What a person sees while a verb works on files: the same block as in a run, and nothing of it elsewhere."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from stub_server import StubServer, answer
from terminal import Terminal, run_in_terminal
from test_progress import Kept


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Kept:
    kept = Kept()
    monkeypatch.setattr("distill.progress.screen", lambda: kept)
    return kept


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    """Ten, eight of them right."""
    path = tmp_path / "traces.jsonl"
    rows = [
        {"question": f"What is {i} + 1?", "response": f"It is \\boxed{{{i + (i < 8)}}}.", "answer": str(i + 1)}
        for i in range(10)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_verify_counts_rows_and_verdicts(distill: Any, screen: Kept, traces: Path, tmp_path: Path) -> None:
    done = distill("verify", traces, "--out", tmp_path / "out.jsonl")
    assert done.code == 0, done.err
    last = [said for said in screen.sentences if said.startswith("verify: rows: 10 of 10 rows")][-1]
    assert last.endswith("; 8 correct, 2 wrong, 0 unknown, 80.0 % correct")
    assert done.err == ""


def test_a_judge_tells_what_it_costs(
    distill: Any, screen: Kept, traces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces.write_text(json.dumps({"question": "x?", "response": "\\boxed{a cat}", "answer": "a small cat"}) + "\n")
    with StubServer(lambda body, _: answer("SAME")) as stub:
        judge = (
            f"{{base_urls: ['{stub.url}'], model: m, when: [wrong, unknown], price: {{prompt: 1e6, completion: 0}}}}"
        )
        done = distill("verify", traces, f"verify.judge={judge}", "--out", tmp_path / "out.jsonl")
        assert done.code == 0, done.err
        asked = len(stub.bodies)
    assert asked == 2
    assert any(
        re.match(r"verify: judge: 2 of 2 replies.*; m at http\S+, [\d.]+ spent", said) for said in screen.sentences
    )


def test_select_counts_what_it_writes(distill: Any, screen: Kept, traces: Path, tmp_path: Path) -> None:
    done = distill("select", traces, "--verify", "--out", tmp_path / "chosen")
    assert done.code == 0, done.err
    assert any(said.startswith("select: rows written: ") for said in screen.sentences)
    assert any("chooses among the traces" in said for said in screen.sentences)


def test_evaluate_counts_answers_and_verdicts(distill: Any, screen: Kept, traces: Path, tmp_path: Path) -> None:
    with StubServer(lambda body, _: answer("\\boxed{3}")) as stub:
        done = distill("evaluate", f"{stub.url}#m", "--problems", traces, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    last = [said for said in screen.sentences if said.startswith("evaluate model on traces: 10 of 10 answers")][-1]
    assert last.endswith("; 1 correct, 9 wrong, 0 unknown, 10.0 % correct")
    assert "10 problems of traces" in " ".join(done.out.split())


def test_on_a_terminal_the_block_goes_and_lines_stay(traces: Path, tmp_path: Path) -> None:
    """A judge that takes two seconds, so that the block is drawn on a busy machine as well."""
    out = str(tmp_path / "out.jsonl")
    with StubServer(lambda body, _: [2.0, *answer("DIFFERENT")]) as stub:
        judge = f"verify.judge={{base_urls: ['{stub.url}'], model: m, when: [wrong]}}"
        code, pieces = run_in_terminal(["-m", "distill", "verify", str(traces), judge, "--out", out])
    assert code == 0, b"".join(pieces)
    terminal, seen = Terminal(80), []
    for piece in pieces:
        terminal.feed(piece)
        seen.append("\n".join(terminal.shown()))
    assert any("verify: rows" in shown and " of 10 rows" in shown and " %" in shown for shown in seen)
    assert seen[-1] == ""


def test_in_a_file_stands_the_result_alone(distill: Any, traces: Path, tmp_path: Path) -> None:
    assert not sys.stderr.isatty()
    done = distill("verify", traces, "--out", tmp_path / "out.jsonl")
    assert done.out.startswith("8 correct (80.0%), 2 wrong (20.0%)\n")
    assert "\x1b" not in done.out + done.err
    assert done.err == ""
