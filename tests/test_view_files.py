"""`distill view FILE`: published files in every layout, and what is refused."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import view_runs
from trace_files import made, trace_files, written

from distill.errors import Refused
from distill.recipe import Recipe
from distill.recipe_problems import TracesProblems
from distill.view.filter import Filter, from_query
from distill.view.follow import Follower
from distill.view.index import Index
from distill.view.list import Lists
from distill.view.sources import look_at

COLUMNS = TracesProblems(source="traces", path="any")


def of_file(path: Path, unpacked: Any = None) -> tuple[Lists, Follower]:
    follower = Follower(look_at(path, COLUMNS, unpacked), index := Index())
    follower.read_all()
    return Lists(index, follower), follower


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Any]:
    with (tmp_path / "spool.jsonl").open("wb") as f:
        yield f


def test_files_of_other_layouts(tmp_path: Path, spool: Any) -> None:
    plain, table = trace_files(tmp_path)
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for path in (plain, table, packed):
        spool.truncate(0)
        spool.seek(0)
        lists, follower = of_file(path, None if path == plain else spool)
        rows = lists.rows(Filter(), 0, 500).rows
        assert len(rows) == 200
        assert [row.verdict for row in rows] == [row["verdict"] for row in made()]
        assert [row.domain for row in rows] == [row["subject"] for row in made()]
        texts = [follower.sources[0].read(row.place).reasoning for row in rows]
        assert texts == [row["thinking_trajectory"] for row in made()]
        found = view_runs.names(lists, Filter(q="cubes, and WHY? (ü)", verdict="wrong"))
        assert len(found) == sum(row["verdict"] == "wrong" for row in made())


def test_several_answers_in_a_row(tmp_path: Path) -> None:
    rows = [
        {"problem": f"What is {n}?", "answer": str(n), "generations": [f"<think>a{n}</think>{n}", f"so {n}"]}
        for n in range(9)
    ]
    lists, follower = of_file(written(tmp_path / "r.jsonl", [*rows, {"problem": "?", "generations": []}]))
    shown = lists.rows(Filter(), 0).rows
    assert [row.place.part for row in shown] == [0, 1] * 9
    assert [follower.sources[0].read(row.place).response for row in shown[:2]] == ["0", "so 0"]
    assert {other.n for other in lists.beside(shown[3])} == {shown[2].n, shown[3].n}
    assert follower.left_out == 1


def test_our_own_samples_without_their_run(tmp_path: Path, recipe: Recipe) -> None:
    run = view_runs.made_run(tmp_path / "run", recipe)
    lists, _ = of_file(run / "evaluation" / "held_out" / "student.samples.jsonl")
    rows = lists.rows(Filter(), 0).rows
    assert {row.who for row in rows} == {"student"}
    assert {row.verdict for row in rows} == {"correct", "wrong"}
    assert rows[0].question == view_runs.problem(0).question
    folder, _ = view_runs.read(run / "evaluation")  # as an evaluation without a run writes it
    assert len(view_runs.names(folder, Filter())) == 36


def test_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="holds no run"):
        look_at(tmp_path, COLUMNS, None)
    with pytest.raises(Refused, match="no layout"):
        of_file(written(tmp_path / "odd.jsonl", [{"a": 1}]))
    for query in ({"verdict": "good"}, {"least": "-1"}, {"most": "1e9"}, {"q": "x" * 201}, {"sort": "drop table"}):
        with pytest.raises(Refused):
            from_query(query)
