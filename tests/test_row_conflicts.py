"""Rows that tell one trace or one problem differently: their order decides nothing."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from published import rows_of
from trace_files import COLUMNS, written

from distill.curate.traces import engines
from distill.curate.traces.columns import Columns, measured
from distill.curate.traces.conflicts import merged
from distill.curate.traces.published_traces import PublishedTraces
from distill.records import Problem


def conflicting() -> list[dict[str, Any]]:
    """Traces of fifteen problems, each several times, with other lengths, sources, levels and gold answers."""
    rng = random.Random(0)
    rows = []
    for _ in range(80):
        number = rng.randrange(15)
        question = f"What is the sum of the first {number + 3} cubes, and why?"
        row = {
            "question": question if rng.random() < 0.8 else question.replace(" ", "  ", 1),
            "thinking": " ".join(["wait, so"] * rng.choice([5, 6, 20])),
            "response": f"It is \\boxed{{{number}}}.",
            "answer": rng.choice([str(number), str(number), "", f"{number}.0"]),
            "completion_tokens": rng.choice([10, 20.0, None]),
            "source": rng.choice(["aime", "gpqa", None]),
            "level": rng.choice([1, "Level 2", None]),
            "subject": rng.choice(["algebra", "geometry", None]),
            "verdict": rng.choice(["correct", "correct", "wrong"]),
            "id": rng.randrange(4),
        }
        rows.append(row)
    return rows


WAYS = [
    ["select=s1", "rows=15", "s1.keep_sources=[aime]", "--verify"],
    ["select=openthoughts", "rows=20"],
    ["select=longest", "difficulty.known.level={least: 1}", "order=easy-first"],
    ["select=all", "traces_per_problem=null", "deduplicate=false", "order=short-first"],
]


@pytest.mark.parametrize("words", WAYS, ids=lambda words: words[0])
def test_the_order_of_the_rows_decides_nothing(tmp_path: Path, distill: Any, words: list[str]) -> None:
    rows = conflicting()
    found = []
    for at in range(2):
        file, out = written(tmp_path / "rows.jsonl", rows), tmp_path / str(at)
        assert distill("select", file, "near_duplicates=null", "fill=less", *words, "--out", out).code == 0
        found.append([{**row, "row": None} for row in rows_of(out)])
        random.Random(1).shuffle(rows)
    assert found[0] == found[1]


def test_a_trace_has_the_source_of_its_row(tmp_path: Path, distill: Any) -> None:
    row = {"question": "What is 3 times 7 plus 12?", "verdict": "correct"}
    rows = [row | {"source": name, "response": f"{name}: \\boxed{{33}}"} for name in ("amc", "aime")]
    for source in ("amc", "aime"):
        out = tmp_path / source
        keys = ["select=s1", "rows=1", f"s1.keep_sources=[{source}]"]
        assert distill("select", written(tmp_path / "rows.jsonl", rows), *keys, "--out", out).code == 0
        (kept,) = rows_of(out)
        assert (kept["source"], kept["selected_because"]) == (source, "kept before the draw")


def test_parts_are_as_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = PublishedTraces((written(tmp_path / "rows.jsonl", conflicting()),), COLUMNS)
    whole = engines.measure(source)
    joined = Columns.joined(measured(source.read(shard)) for shard in source.shards(2000))
    assert len(source.shards(2000)) > 5
    assert joined.known == whole.known
    assert (joined.table == whole.table).all()
    assert (joined.sources, joined.judgements) == (whole.sources, whole.judgements)


def test_what_two_rows_know_is_known() -> None:
    def problem(**fields: Any) -> Problem:
        return Problem.model_validate(
            {"id": "p", "question": "?", "answer": "", "kind": "math", "source": "b"} | fields
        )

    one, other = (
        problem(known={"level": 5.0, "type": "a"}),
        problem(known={"level": "Level 4", "rate": 0.5}, answer="7"),
    )
    both = merged(one, other)
    assert both == merged(other, one) == merged(both, one)
    assert (both.known, both.answer) == ({"level": 5.0, "type": "a", "rate": 0.5}, "7")
    third = problem(known={"level": 3.0}, source="a")
    assert merged(merged(one, other), third) == merged(one, merged(other, third))


@pytest.mark.parametrize("told", [True, 1 << 70, -5, 0, 1.5, 1e300, float("nan"), float("inf"), "12", [1], None])
def test_what_is_no_number_of_tokens_is_none(tmp_path: Path, told: Any) -> None:
    row = {"question": "What is 3 times 7 plus 12?", "response": "It is 33, I am sure."}
    file = written(tmp_path / "rows.jsonl", [row | {"completion_tokens": told}, row | {"completion_tokens": 7.0}])
    assert [int(count) for count in engines.measure(PublishedTraces((file,), COLUMNS))["tokens"]] == [5, 7]


def test_bytes_and_dates_beside_the_traces(tmp_path: Path, distill: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = {"question": "What is 3 times 7 plus 12?", "response": "\\boxed{33}", "verdict": "correct"}
    table = pa.Table.from_pylist([row | {"image": {"bytes": b"\xff\x00", "path": "x.png"}}])
    pq.write_table(table, tmp_path / "t.parquet")
    assert distill("select", tmp_path / "t.parquet", "--out", tmp_path / "o").code == 0
    assert [kept["question"] for kept in rows_of(tmp_path / "o")] == [row["question"]]
    later = pa.array([1 << 62], pa.timestamp("us"))
    pq.write_table(table.append_column("when", later), tmp_path / "t.parquet")
    told = distill("select", tmp_path / "t.parquet", "--out", tmp_path / "p")
    assert (told.code, "t.parquet cannot be read as parquet: date value out of range." in told.err) == (2, True)
    twice = pa.Table.from_arrays([table["question"], *table.columns], names=["question", *table.schema.names])
    pq.write_table(twice, tmp_path / "t.parquet")
    told = distill("select", tmp_path / "t.parquet", "--out", tmp_path / "p")
    assert (told.code, "has more than one column 'question'" in told.err) == (2, True)


GOLD = [
    ("Natalia sold 24 in May.\nAltogether 48 + 24 = 72.\n#### 72", "72"),
    ("\\begin{pmatrix}\n7 \\\\\n2\n\\end{pmatrix}", "\\begin{pmatrix}\n7 \\\\\n2\n\\end{pmatrix}"),
    ("$$\n72\n$$", "$$\n72\n$$"),
    ("First this.\nThen \\boxed{72}.", "72"),
]


@pytest.mark.parametrize(("given", "gold"), GOLD)
def test_gold_answers_of_several_lines(tmp_path: Path, distill: Any, given: str, gold: str) -> None:
    said = "\\boxed{\\begin{pmatrix}7\\\\2\\end{pmatrix}}" if "matrix" in given else "\\boxed{72}"
    row = {"question": "What is 3 times 20 plus 12?", "response": said, "answer": given}
    file = written(tmp_path / "rows.jsonl", [row])
    assert distill("select", file, "--verify", "--out", tmp_path / "o").code == 0
    assert [kept["answer"] for kept in rows_of(tmp_path / "o")] == [gold]
    assert distill("verify", file, "--out", tmp_path / "v.jsonl").code == 0
    assert json.loads((tmp_path / "v.jsonl").read_text())["verdict"] == "correct"


def test_a_gold_answer_that_is_too_long_is_told_and_the_solution_taken(tmp_path: Path, distill: Any) -> None:
    row = {"question": "What is 3 times 20 plus 12?", "response": "\\boxed{72}", "answer": "Let us see. " * 40}
    file = written(tmp_path / "rows.jsonl", [row])
    told = distill("select", file, "--verify", "require_verdict=correct_or_unknown", "--out", tmp_path / "o")
    assert "1 x gold answer of more than 300 characters without a box" in told.out
    file = written(tmp_path / "rows.jsonl", [row | {"ground_truth_solution": "Thus \\boxed{72}."}])
    assert distill("select", file, "--verify", "--out", tmp_path / "o").code == 0
    assert rows_of(tmp_path / "o")[0]["answer"] == "72"


def sums(golds: list[str]) -> list[dict[str, Any]]:
    """Traces of one question, each correct by its own row's gold answer, and one of another question."""
    rows = [
        {"question": "What is 6 times 7?", "answer": gold, "response": f"So {at}: \\boxed{{{gold}}}"}
        for at, gold in enumerate(golds)
    ]
    return [*rows, {"question": "Add 3 to 9 apples.", "answer": "12", "response": "\\boxed{12}"}]


@pytest.mark.parametrize("words", [["--verify"], []])
def test_a_question_with_two_gold_answers_is_left_out_and_told(tmp_path: Path, distill: Any, words: list[str]) -> None:
    rows = [row | ({} if words else {"verdict": "correct"}) for row in sums(["42", "48"])]
    for some in (rows, rows[::-1]):
        done = distill("select", written(tmp_path / "r.jsonl", some), "select=all", *words, "--out", tmp_path / "o")
        assert done.code == 0
        assert "'What is 6 times 7?': 42 or 48" in done.out
        assert [row["question"] for row in rows_of(tmp_path / "o")] == ["Add 3 to 9 apples."]
    keys = ["require_verdict=correct_or_unknown", "traces_per_problem=null", "near_duplicates=null"]
    done = distill("select", tmp_path / "r.jsonl", *keys, *words, "--out", tmp_path / "p")
    assert "1 problem with two gold answers, kept" in done.out
    assert len(rows_of(tmp_path / "p")) == 3


def test_gold_answers_that_are_equal_are_one(tmp_path: Path, distill: Any) -> None:
    file = written(tmp_path / "r.jsonl", sums(["1/2", "0.5", "$\\frac{1}{2}$", "\\dfrac12"]))
    done = distill("select", file, "--verify", "traces_per_problem=null", "--out", tmp_path / "o")
    assert (done.code, "gold answer" in done.out) == (0, False)
    assert len(rows_of(tmp_path / "o")) == 5


def test_columns_that_disagree_are_counted(tmp_path: Path, distill: Any) -> None:
    rows = [row | {"level": at} for at, row in enumerate(sums(["42", "42"]), 2)]
    for some in (rows, rows[::-1]):
        file = written(tmp_path / "r.jsonl", some)
        done = distill("select", file, "--verify", "difficulty.known.level.least=3", "--out", tmp_path / "o")
        assert done.code == 0
        assert "1 problem whose rows tell level differently: the lesser counts" in done.out
        assert [row["answer"] for row in rows_of(tmp_path / "o")] == ["12"]
    said = distill("select", file, "--verify", "difficulty.known.level.least=9", "--out", tmp_path / "o")
    assert (said.code, "known.level: 2 below; 1 problem whose rows tell level differently" in said.err) == (2, True)
