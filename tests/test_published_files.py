"""Published files as `distill select` takes them: what is left out, what is carried, where rows come from."""

import fcntl
import gzip
import hashlib
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from published import ANSWER, MARKED, QUESTION, TAGGED, THOUGHT, chat, rows_of
from trace_files import COLUMNS, written

from distill.console import summary
from distill.curate import stage
from distill.curate.files.unpacked import PREFIX
from distill.curate.traces import engines
from distill.errors import Refused
from distill.folders import LOCK
from distill.problems import make_problems
from distill.published import reader_for
from distill.published_rows import LeftOut, PublishedRow
from distill.recipe import Recipe
from distill.recipe_problems import TracesProblems
from teachers.harvest import harvest


def test_nothing_is_invented_about_the_sampling(tmp_path: Path, distill: Any) -> None:
    told = [{}, {"sampling": {"temperature": 0.7, "seed": 3, "top_k": 5}}, {"top_p": 0.9, "max_tokens": 32768.0}]
    told.append({"sampling": '{"temperature": 1}', "temperature": float("nan")})
    rows = [{"question": f"{n}. {QUESTION}", "response": TAGGED, "verdict": "correct"} | t for n, t in enumerate(told)]
    file, out = written(tmp_path / "rows.jsonl", rows), tmp_path / "o"
    assert distill("select", file, "select=all", "near_duplicates=null", "--out", out).code == 0
    found = {row["question"][0]: json.loads(row["sampling"]) for row in rows_of(out)}
    nothing = dict.fromkeys(("temperature", "top_p", "max_tokens", "seed"))
    assert found["0"] == nothing
    assert found["1"] == nothing | {"temperature": 0.7, "seed": 3}
    assert found["2"] == nothing | {"top_p": 0.9, "max_tokens": 32768}
    assert found["3"] == nothing | {"temperature": 1.0}
    card = (out / "README.md").read_text()
    assert "| unknown | 1 |" in card
    assert "| temperature 0.7 | 1 |" in card


CHAT = {"messages": chat(TAGGED), "answer": "33", "verdict": "correct"}
LEFT_OUT: list[tuple[dict[str, Any], str]] = [
    (CHAT | {"messages": chat(TAGGED) * 2}, "several turns"),
    (CHAT | {"messages": chat(TAGGED)[:1]}, "no response"),
    (CHAT | {"messages": chat("")}, "no response"),
    (CHAT | {"messages": chat("", reasoning_content=THOUGHT)}, "no response"),
    (CHAT | {"messages": chat(f"<think>{THOUGHT}</think>")}, "no response"),
    (CHAT | {"messages": chat(TAGGED)[1:]}, "no question"),
    (CHAT | {"messages": "text"}, "messages that hold no chat"),
    (CHAT | {"messages": [chat(TAGGED)[0], {"role": "assistant", "content": 5}]}, "response that is no text"),
]


def mixed() -> list[dict[str, Any]]:
    """Three rows that can be read, two of them with gold answers that are none, and eight that cannot."""
    sound = [
        CHAT | {"messages": [{**CHAT["messages"][0], "content": f"{n}. {QUESTION}"}, chat(TAGGED)[1]]} for n in "ab"
    ]
    return [CHAT | {"answer": {"a": 1}}, sound[0] | {"answer": float("nan")}, sound[1], *(row for row, _ in LEFT_OUT)]


def test_what_is_left_out_is_counted_by_reason(tmp_path: Path, distill: Any) -> None:
    file, out = written(tmp_path / "rows.jsonl", mixed()), tmp_path / "o"
    told = distill("select", file, "select=all", "near_duplicates=null", "--out", out)
    said = "8 of 11 rows left out: 4 x no response, 1 x messages that hold no chat, 1 x no question, "
    said += "1 x response that is no text, 1 x several turns; in the others: 2 x gold answer that is no text or number"
    assert (told.code, said in told.out) == (0, True)
    assert said in (out / "README.md").read_text()
    assert json.loads((out / "funnel.json").read_text())[0]["note"] == said
    none = written(tmp_path / "none.jsonl", mixed()[3:])
    told = distill("select", none, "--out", tmp_path / "p")
    assert (told.code, "no row holds a trace that can be read: 8 of 8 rows left out: 4 x" in told.err) == (2, True)


def test_the_same_in_a_recipe(tmp_path: Path) -> None:
    spec = TracesProblems(source="traces", path=str(written(tmp_path / "rows.jsonl", mixed())), held_out=1)
    left_out: Counter[str] = Counter()
    assert len(make_problems(spec, 0, left_out)) == 3
    gold = {"gold answer that is no text or number": 2}
    assert left_out == Counter(why for _, why in LEFT_OUT) + Counter(gold)
    told = summary("problems", {"problems": 2, "held_out": 1, "left_out": {"several turns": 1200}})
    assert told == "2 to train on, 1 held out; left out: 1,200 x several turns"


@pytest.mark.parametrize(
    "row",
    [
        {"messages": chat("", reasoning_content=THOUGHT)},
        {"messages": chat(f"<think>{THOUGHT}</think>\n")},
        {"question": QUESTION, "thinking": THOUGHT, "response": " "},
        {"question": QUESTION, "response": f"<think>{THOUGHT}</think>"},
        {"question": QUESTION, "response": MARKED.partition("<|begin_of_solution|>")[0]},
        {"problem": QUESTION, "generations": [f"<think>{THOUGHT}</think>"]},
    ],
)
def test_a_thought_without_an_answer_is_no_trace(row: dict[str, Any]) -> None:
    assert reader_for(row.keys(), COLUMNS, "x")(row) == LeftOut("no response")


@pytest.mark.parametrize("end", ["abort", "error", "tool_calls", {"type": "abort"}])
def test_an_error_is_no_trace(end: Any) -> None:
    row = {"question": QUESTION, "response": TAGGED, "finish_reason": end}
    assert reader_for(row.keys(), COLUMNS, "x")(row) == LeftOut("an error, not an answer")
    several = {"problem": QUESTION, "generations": [TAGGED, TAGGED], "finish_reasons": [end, "stop"]}
    found = reader_for(several.keys(), COLUMNS, "x")(several)
    assert isinstance(found, PublishedRow)
    assert ([t.at for t in found.traces], found.left_out) == ([1], ("an error, not an answer",))


@pytest.mark.parametrize("text", [f"<think>{THOUGHT}", f"<|begin_of_thought|>\n{THOUGHT}"])
def test_a_thought_that_never_closes_was_cut(text: str) -> None:
    found = reader_for({"question", "response"}, COLUMNS, "x")({"question": QUESTION, "response": text})
    assert isinstance(found, PublishedRow)
    assert [(t.reasoning, t.response, t.finish_reason) for t in found.traces] == [(THOUGHT, "", "length")]


def known_rows() -> list[dict[str, Any]]:
    return [
        {
            "question": f"{n}. {QUESTION}",
            "response": TAGGED,
            "verdict": "correct",
            "field": f"A field of some more than forty characters, {n % 2}",
            "lvl": n,
            "code": n % 2,
            "small": n % 3 == 0,
            "large": [0, 1] if n == 0 else [0, 0],
            "source": ("amc", "aime")[n % 2],
        }
        for n in range(12)
    ]


def test_what_the_steps_go_by_is_carried(tmp_path: Path, distill: Any) -> None:
    file, out = written(tmp_path / "rows.jsonl", known_rows()), tmp_path / "o"
    keys = ["near_duplicates=null", "select=s1", "rows=6", "fill=less", "s1.keep_sources=[aime]", "domains.by=known"]
    keys += ["domains.key=field", "difficulty.known={lvl: {least: 4}}", "difficulty.panel=[small, large]"]
    assert distill("select", file, *keys, "--out", out).code == 0
    rows = rows_of(out)
    assert {int(row["question"].partition(".")[0]) for row in rows} == {4, 5, 7, 8, 10, 11}
    assert {row["source"] for row in rows} == {"amc", "aime"}
    domains = {json.loads(row["scores"])["domain"] for row in rows}
    assert domains == {f"A field of some more than forty characters, {n}" for n in (0, 1)}
    by_code = [*keys[:-3], "domains.key=code", "rows=12"]
    assert distill("select", file, *by_code, "--out", tmp_path / "q").code == 0
    assert {json.loads(row["scores"])["domain"] for row in rows_of(tmp_path / "q")} == {"0", "1"}
    told = distill("select", file, "difficulty.known={level: {least: 4}}", "--out", tmp_path / "p")
    assert (told.code, "difficulty.known names 'level', which is no column of" in told.err) == (2, True)


def test_a_recipe_knows_them_too(tmp_path: Path) -> None:
    rows = [row | {"subject": "Algebra", "license": "mit", "answer": "33"} for row in known_rows()]
    path = str(written(tmp_path / "rows.jsonl", rows))
    spec = TracesProblems(source="traces", path=path, held_out=2, known_keys=("lvl", "small", "large"))
    for p in make_problems(spec, 0):
        n = int(p.question.partition(".")[0])
        rate = 0.5 if n == 0 else 0.0
        assert p.known == {"subject": "Algebra", "lvl": float(n), "small": float(n % 3 == 0), "large": rate}
        assert (p.source, p.licence) == (("amc", "aime")[n % 2], "mit")
    with pytest.raises(Refused, match="no row has a number or a text in 'none'"):
        make_problems(spec.model_copy(update={"known_keys": ("none",)}), 0)


def test_a_replay_invents_no_sampling(tmp_path: Path, tiny_model: Path) -> None:
    rows = [row | {"temperature": 0.7, "answer": "33"} for row in known_rows()]
    problems = {"source": "traces", "path": str(written(tmp_path / "rows.jsonl", rows)), "held_out": 2}
    student = {"model": str(tiny_model)}
    recipe = Recipe.model_validate(
        {"name": "r", "problems": problems, "teacher": {"kind": "replay"}, "student": student}
    )
    harvest(recipe, make_problems(recipe.problems, 0), tmp_path / "traces", lambda *_: None)
    lines = (tmp_path / "traces" / "samples.jsonl").read_text().splitlines()
    nothing = dict.fromkeys(("temperature", "top_p", "max_tokens", "seed"))
    assert len(lines) == 10
    assert all(json.loads(line)["sampling"] == nothing | {"temperature": 0.7} for line in lines)


def overwrite(file: Path) -> None:
    data = file.read_bytes()
    with file.open("r+b") as f:
        f.write(data.replace(b"33", b"34"))


def append(file: Path) -> None:
    with file.open("ab") as f:
        f.write(b"\n")


@pytest.mark.parametrize("change", [overwrite, append, os.unlink])
@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz"])
def test_a_file_that_changes_meanwhile_is_refused(
    tmp_path: Path, distill: Any, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], suffix: str
) -> None:
    plain = written(tmp_path / "rows.jsonl", known_rows())
    file = tmp_path / f"these.{suffix}"
    file.write_bytes(gzip.compress(plain.read_bytes()) if suffix.endswith("gz") else plain.read_bytes())
    select = stage.select

    def then(*given: Any) -> Any:
        change(file)
        return select(*given)

    monkeypatch.setattr(stage, "select", then)
    told = distill("select", file, "select=all", "near_duplicates=null", "--out", tmp_path / "o")
    assert (told.code, f"{file} has changed while it was read" in told.err) == (2, True)
    assert not (tmp_path / "o").exists()


def test_packed_files_and_where_each_row_stands(tmp_path: Path, distill: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [json.dumps(row | {"id": f"r{n}"}) for n, row in enumerate(known_rows(), 1)]
    plain, packed = tmp_path / "rows.jsonl", tmp_path / "rows.jsonl.gz"
    plain.write_text("\n \n".join(lines))
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    found = {}
    monkeypatch.setattr(engines, "SHARD", 700)
    for file in (plain, packed):
        out = tmp_path / f"o{file.suffix}"
        assert distill("select", file, "select=all", "near_duplicates=null", "--out", out).code == 0
        rows = rows_of(out)
        assert {(row["file"], row["row_id"]) for row in rows} == {(file.name, f"r{row['row']}") for row in rows}
        assert all(row["question"].startswith(f"{row['row'] - 1}.") for row in rows)
        assert f"| {file.name} | `{hashlib.sha256(file.read_bytes()).hexdigest()}` |" in (out / "README.md").read_text()
        found[file] = [{key: value for key, value in row.items() if key != "file"} for row in rows]
    assert found[plain] == found[packed]
    torn = tmp_path / "torn.jsonl.gz"
    torn.write_bytes(packed.read_bytes()[:-20])
    told = distill("select", torn, "--out", tmp_path / "p")
    assert (told.code, f"{torn} cannot be unpacked" in told.err) == (2, True)
    bad = tmp_path / "bad.jsonl.gz"
    bad.write_bytes(gzip.compress(plain.read_bytes() + b"\n{"))
    told = distill("select", bad, "--out", tmp_path / "p")
    assert (told.code, f"{bad}, line " in told.err) == (2, True)


def test_hints_name_the_flags_of_the_command(tmp_path: Path, distill: Any) -> None:
    strange = written(tmp_path / "strange.jsonl", [{"frage": QUESTION, "antwort": TAGGED}])
    told = distill("select", strange, "--out", tmp_path / "o").err
    assert "--question-key" in told
    assert "--response-key" in told
    assert "problems." not in told
    told = distill("select", strange, "--response-key", "wort", "--out", tmp_path / "o").err
    assert "--response-key='wort' is no column of" in told
    told = distill("select", strange, "--response-key", "antwort", "--out", tmp_path / "o").err
    assert "Set --question-key." in told
    both = {"question": QUESTION, "response": TAGGED, "reasoning": THOUGHT, "solution": ANSWER}
    told = distill("select", written(tmp_path / "both.jsonl", [both]), "--out", tmp_path / "o").err
    assert "can be read in several ways (reasoning with solution; reasoning with response)" in told


def test_what_a_killed_call_has_unpacked_is_removed_and_what_is_used_is_not(
    tmp_path: Path, distill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, live, theirs = (tmp_path / f"{PREFIX}{end}" for end in ("left", "live", "theirs"))
    for folder in (left, live, theirs):
        (folder / "files").mkdir(parents=True)
        (folder / "files" / "rows.jsonl").write_text("{}\n")
    (left / LOCK).touch()
    plain = written(tmp_path / "rows.jsonl", known_rows())
    file = tmp_path / "these.jsonl.gz"
    file.write_bytes(gzip.compress(plain.read_bytes()))
    with (live / LOCK).open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert distill("select", file, "near_duplicates=null", "--out", tmp_path / "o").code == 0
    assert sorted(path.name for path in tmp_path.glob(f"{PREFIX}*")) == [live.name, theirs.name]
    monkeypatch.setattr(tempfile, "tempdir", "/proc")
    told = distill("select", file, "--out", tmp_path / "p")
    assert (told.code, "/proc cannot be written: " in told.err) == (2, True)
