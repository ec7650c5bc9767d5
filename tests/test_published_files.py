"""Published files as `distill select` takes them: whose verdict counts, what is left out, where rows come from.

A verdict is of one text: the same answer is written in every layout, one of two answers is judged, and the other never
gets its verdict.
"""

import gzip
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import load_from_disk
from trace_files import COLUMNS, written

from distill.console import summary
from distill.curate import engines, stage
from distill.curate.engines import measure
from distill.curate.published_traces import PublishedTraces
from distill.errors import Refused
from distill.judged_text import judged_digest
from distill.problems import make_problems
from distill.published import reader_for
from distill.published_rows import LeftOut, PublishedRow
from distill.recipe import Recipe
from distill.recipe_problems import TracesProblems
from distill.verify.turn import turn_of
from teachers.harvest import harvest

QUESTION, THOUGHT = "What is 3 times 7 plus 12?", "3 times 7 is 21, and 12 more is 33."
ANSWER = "It is  \\boxed{33}.\n\nThat is all."
MARKED = f"<|begin_of_thought|>\n{THOUGHT}\n<|end_of_thought|>\n\n<|begin_of_solution|>\n{ANSWER}\n<|end_of_solution|>"
TAGGED = f"<think>\n{THOUGHT}\n</think>\n\n{ANSWER}"


def chat(answer: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": answer, **fields}]


def rows_of(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = load_from_disk(out).to_list()
    return found


def reasons_of(tmp_path: Path, rows: list[dict[str, Any]], **columns: Any) -> Counter[str]:
    file = written(tmp_path / "rows.jsonl", rows)
    return measure(PublishedTraces((file,), COLUMNS.model_copy(update=columns))).reasons


LAYOUTS: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "tags": ({"question": QUESTION, "response": TAGGED}, "response", None),
    "tags without the first": ({"question": QUESTION, "response": TAGGED.removeprefix("<think>")}, "response", None),
    "a stop token": ({"question": QUESTION, "response": f"{TAGGED}<|im_end|>\n"}, "response", None),
    "apart": ({"question": QUESTION, "reasoning": THOUGHT, "response": f"{ANSWER}\n"}, "response", "reasoning"),
    "apart, not named": ({"question": QUESTION, "thinking": THOUGHT, "response": ANSWER}, "response", None),
    "s1K": ({"question": QUESTION, "thinking_trajectories": [THOUGHT], "attempt": ANSWER}, "attempt", None),
    "OpenThoughts": ({"messages": chat(MARKED)}, "messages", None),
    "marks in a column": ({"question": QUESTION, "response": MARKED}, "response", None),
    "chat": ({"messages": chat(TAGGED)}, "messages", None),
    "chat with a field": ({"messages": chat(ANSWER, reasoning_content=THOUGHT)}, "messages", None),
    "LIMO": ({"question": QUESTION, "solution": TAGGED, "answer": "33"}, "solution", None),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_who_judges_and_who_selects_mean_the_same_text(layout: str) -> None:
    row, response, reasoning = LAYOUTS[layout]
    found = reader_for(row.keys(), COLUMNS, "x")(row)
    assert isinstance(found, PublishedRow)
    assert [t.reasoning for t in found.traces] == [THOUGHT]
    of_verify = judged_digest(turn_of(row, response, reasoning).response)
    assert of_verify == judged_digest(found.traces[0].response) == judged_digest(ANSWER)
    assert of_verify != judged_digest(ANSWER.replace("33", "34"))


def test_a_verdict_on_one_column_is_none_of_another(tmp_path: Path, distill: Any) -> None:
    right, wrong = r"It is \boxed{33}.", r"It is \boxed{34}."
    rows = [{"question": f"{n}. {QUESTION}", "a": right, "b": wrong, "answer": "33"} for n in range(5)]
    rows.append({"question": f"5. {QUESTION}", "a": wrong, "b": wrong, "answer": "33"})
    file, judged = written(tmp_path / "two.jsonl", rows), tmp_path / "judged.jsonl"
    assert distill("verify", file, "--response-key", "a", "--out", judged).code == 0
    of_a = measure(PublishedTraces((judged,), COLUMNS.model_copy(update={"response_key": "a"})))
    assert of_a["verdict"].tolist() == [0, 0, 0, 0, 0, 1]
    ended = distill(
        "select", judged, "--response-key", "b", "select=all", "near_duplicates=null", "--out", tmp_path / "o"
    )
    assert (ended.code, (tmp_path / "o").exists()) == (2, False)
    assert "5 x unknown: verdict of another text, 1 x wrong" in ended.err, "the last is the same text"
    assert "--verify" in ended.err
    keys = ("--response-key", "b", "require_verdict=any_i_accept_wrong_traces", "near_duplicates=null", "select=all")
    assert distill("select", judged, *keys, "--out", tmp_path / "o").code == 0
    assert Counter(row["verdict"] for row in rows_of(tmp_path / "o")) == {"unknown": 5, "wrong": 1}


def test_a_verdict_of_the_row_counts_where_it_has_one_answer(tmp_path: Path) -> None:
    one = {"problem": QUESTION, "generations": [TAGGED], "verdict": "correct", "reason": "checked"}
    other = f"{TAGGED} Or not?"
    assert reasons_of(tmp_path, [one]) == {"correct: checked": 1}
    assert reasons_of(tmp_path, [one | {"generations": [TAGGED, other]}]) == {"unknown: verdict of another text": 2}
    assert reasons_of(tmp_path, [one | {"generations": [TAGGED, ""]}]) == {"unknown: verdict of another text": 1}
    told = one | {"generations": [other, TAGGED], "verdict_of": judged_digest(ANSWER)}
    assert reasons_of(tmp_path, [told]) == {"correct: checked": 1, "unknown: verdict of another text": 1}
    named = {"question": QUESTION, "response": TAGGED, "other": TAGGED, "verdict": "correct", "reason": ""}
    assert reasons_of(tmp_path, [named]) == {"correct: ": 1}
    assert reasons_of(tmp_path, [named], response_key="response") == {"correct: ": 1}
    assert reasons_of(tmp_path, [named], response_key="other") == {"unknown: verdict of another text": 1}


def test_a_sound_form_is_no_right_answer(tmp_path: Path, distill: Any) -> None:
    file = written(tmp_path / "rows.jsonl", [{"question": QUESTION, "response": TAGGED}])
    judged = tmp_path / "judged.jsonl"
    assert distill("verify", file, "--kind", "flaws", "--out", judged).code == 0
    assert measure(PublishedTraces((judged,), COLUMNS)).reasons == {"unknown: its form alone was judged": 1}


def test_the_verdicts_of_openr1(tmp_path: Path, distill: Any) -> None:
    """One a generation, whatever is left out between them; of another length they are nobody's."""
    texts = [f"<think>\n{n}\n</think>\n\n\\boxed{{{n}}}" for n in range(5)]
    row = {"problem": QUESTION, "generations": [texts[0], "", *texts[2:]]}
    row |= {
        "correctness_math_verify": [True, True, False, False, None],
        "correctness_llama": [None, None, True, None, None],
    }
    rows = [row, {"problem": f"{QUESTION}?", "generations": texts[:2], "correctness_math_verify": [True]}]
    file = written(tmp_path / "r1.jsonl", rows)
    keys = ("select=all", "require_verdict=any_i_accept_wrong_traces", "traces_per_problem=null", "deduplicate=false")
    told = distill("select", file, *keys, "--out", tmp_path / "o")
    assert (told.code, "left out in rows: 1 x no response" in told.out) == (0, True)
    mine = {"verdict": "unknown", "reason": "open", "verdict_of": judged_digest(texts[2])}
    assert reasons_of(tmp_path, [row | mine])["unknown: open"] == 1, "what is there counts, and of the others theirs"
    assert reasons_of(tmp_path, [row | mine])["correct: told by its file"] == 1
    found = {row["completion"][8]: (row["verdict"], row["verdict_by"]) for row in rows_of(tmp_path / "o")[::-1]}
    math, llama, nobody = "correctness_math_verify", "correctness_llama", ("unknown", "nobody")
    expected = {"0": ("correct", math), "2": ("correct", llama), "3": ("wrong", math), "4": nobody}
    assert {key: found[key] for key in "234"} == {key: expected[key] for key in "234"}
    by = Counter((row["question"], row["verdict"], row["verdict_by"]) for row in rows_of(tmp_path / "o"))
    assert by[QUESTION, *expected["0"]] == 1
    assert by[f"{QUESTION}?", *nobody] == 2


def sums(count: int) -> list[dict[str, Any]]:
    """Sums with a right and a wrong generation each, and a verdict that says the contrary."""
    texts = "<think>\n{0} and {0}\n</think>\n\nIt is \\boxed{{{1}}}."
    return [
        {
            "problem": f"What is {n} plus {n}, and why is it so?",
            "answer": str(2 * n),
            "generations": [texts.format(n, 2 * n), texts.format(n, 7777)],
            "correctness_math_verify": [False, True],
            "uuid": f"u{n}",
        }
        for n in range(count)
    ]


SUMS = ("select=random", "rows=20", "near_duplicates=null", "--verify")


def test_judged_as_it_is_read_by_one_process_or_several(
    tmp_path: Path, distill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "sums.jsonl", [*sums(30), {**sums(31)[30], "answer": None}])
    assert distill("select", file, *SUMS, "--out", tmp_path / "a").code == 0
    rows = rows_of(tmp_path / "a")
    assert len(rows) == 20
    assert {(row["verdict"], row["verdict_by"], row["verdict_kind"]) for row in rows} == {("correct", "rules", "math")}
    assert all(row["completion"].endswith(f"{{{row['answer']}}}.") for row in rows)
    assert {row["row_id"]: row["row"] for row in rows} == {f"u{row['row'] - 1}": row["row"] for row in rows}
    assert "(2 x unknown: no gold answer)" in (tmp_path / "a" / "funnel.txt").read_text()
    monkeypatch.setattr(engines, "SHARD", 2000)
    assert distill("select", file, *SUMS, "workers=2", "--out", tmp_path / "b").code == 0
    assert rows_of(tmp_path / "b") == rows


@pytest.mark.parametrize(
    ("kind", "gold", "right", "wrong"),
    [
        ("choice", {"answer": 1, "options": ["red", "green", "blue"]}, "It is (B).", "It is (C)."),
        ("choice", {"answer": "B", "A": "red", "B": "green", "C": "blue"}, "green", "blue"),
        ("number", {"answer": 10.0, "tolerance": 0.5}, "About 9.8.", "About 9.3."),
    ],
)
def test_other_kinds_by_their_columns(
    tmp_path: Path, distill: Any, kind: str, gold: dict[str, Any], right: str, wrong: str
) -> None:
    rows = [{"question": QUESTION, "response": said, **gold} for said in (right, wrong)]
    file = written(tmp_path / "rows.jsonl", rows)
    keys = ("--verify", "--kind", kind, "select=all", "traces_per_problem=null")
    assert distill("select", file, *keys, "--out", tmp_path / "o").code == 0
    assert [row["completion"] for row in rows_of(tmp_path / "o")] == [right]
    refused = distill("select", file, "--verify", "--kind", "poem", "--out", tmp_path / "p")
    assert (refused.code, "--kind=poem" in refused.err) == (2, True)
    refused = distill("select", file, "--kind", kind, "--out", tmp_path / "p")
    assert (refused.code, "--verify" in refused.err) == (2, True)


def test_what_nobody_has_judged_names_the_way(tmp_path: Path, distill: Any) -> None:
    file = written(tmp_path / "rows.jsonl", [{"question": QUESTION, "response": TAGGED}])
    told = distill("select", file, "--out", tmp_path / "o").err
    assert "all 1 traces were rejected (1 x unknown: not judged)." in told
    assert "--verify" in told
    assert "require_verdict=correct_or_unknown" in told
    assert "trained" not in told
    told = distill("select", file, "--out", tmp_path / "o", "--verify").err
    assert "1 x unknown: no gold answer" in told
    assert "--verify" not in told
    keys = ("require_verdict=correct_or_unknown", "difficulty.tokens.least=9999")
    assert "trained" not in distill("select", file, "--out", tmp_path / "o", *keys).err


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
