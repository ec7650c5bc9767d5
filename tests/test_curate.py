"""The funnel: counts that add up, the same rows for the same seed, nothing wrong let through."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from candidates import Candidate, candidate, chosen, selected
from datasets import load_from_disk

from distill.countdown_problems import countdown_problems
from distill.curate.decontamination.questions import normalised
from distill.curate.stage import curate
from distill.errors import Refused
from distill.files import read_json
from distill.recipe import Recipe
from distill.records import Problem
from teachers.harvest import harvest


def test_only_correct_and_finished_traces_pass() -> None:
    rows = [
        candidate("a", 0),
        candidate("b", 0, "wrong"),
        candidate("c", 0, "unknown"),
        candidate("d", 0, finish="length"),
    ]
    assert chosen(rows) == ["a/0"]
    assert set(chosen(rows, require_verdict="correct_or_unknown")) == {"a/0", "c/0"}
    assert set(chosen(rows, require_verdict="any_i_accept_wrong_traces")) == {"a/0", "b/0", "c/0"}


def test_selection_within_a_problem() -> None:
    rows = [candidate("a", i, tokens=t) for i, t in enumerate((30, 10, 20))]
    assert chosen(rows, select="shortest") == ["a/1"]
    assert chosen(rows, select="longest") == ["a/0"]
    assert set(chosen(rows, select="shortest", traces_per_problem=2)) == {"a/1", "a/2"}
    assert len(chosen(rows, select="all", traces_per_problem=None)) == 3


def test_duplicates_go() -> None:
    same = [candidate("a", 0, text="x"), candidate("a", 1, text="x"), candidate("a", 2, text="y")]
    assert set(chosen(same, select="all", traces_per_problem=None)) == {"a/0", "a/2"}
    asked_twice = [candidate("a", 0, question="What is  2+2?"), candidate("b", 0, question="what is 2 + 2 ?")]
    assert chosen(asked_twice) == ["a/0"]


def test_problems_of_the_evaluation_go() -> None:
    held = Problem(id="h", question="What is 2+2?", answer="4", kind="math", source="test", held_out=True)
    found = selected([candidate("a", 0, question="what is 2 + 2?"), candidate("b", 0)], [held])
    assert found.rows == [1]
    assert [(s.name, s.traces) for s in found.steps if "evaluation" in s.name] == [("not in the evaluation", 1)]
    assert [(c.problem_id, c.where, c.kind) for c in found.contaminated] == [("a", "held out: h", "exact")]


def test_normalisation_keeps_what_makes_problems_differ() -> None:
    assert normalised("Find  $x+1$.") == normalised(r"find $x \, + 1$")
    assert normalised("x+1") != normalised("x-1") != normalised("x*1")
    assert normalised("from 1 11") != normalised("from 11 1") != normalised("from 111")


def test_same_seed_same_rows_in_the_same_order_whatever_the_order_of_arrival() -> None:
    rows = [candidate(f"p{i}", j, tokens=(7 * i + j) % 5) for i in range(30) for j in range(3)]
    first = chosen(rows, seed=1, select="random", rows=20)
    assert first == chosen(rows[::-1], seed=1, select="random", rows=20)
    assert first != chosen(rows, seed=2, select="random", rows=20)
    assert len(first) == 20


def test_all_rejected_is_refused_with_the_reasons() -> None:
    with pytest.raises(Refused, match=r"all 3 traces were rejected \(2 x wrong: why, 1 x unknown: why\)"):
        chosen([candidate("a", 0, "wrong"), candidate("a", 1, "wrong"), candidate("b", 0, "unknown")])


def test_the_stage_writes_a_data_set_with_provenance(recipe: Recipe, tmp_path: Path) -> None:
    problems = countdown_problems(recipe.problems, 0)  # type: ignore[arg-type]
    harvest(recipe, problems, tmp_path / "traces", lambda *_: None)
    counts = curate(recipe, problems, tmp_path / "traces", tmp_path / "curated")
    rows = load_from_disk(tmp_path / "curated")
    assert len(rows) == counts["rows"] == counts["funnel"][-1]["traces"]
    assert counts["funnel"] == read_json(tmp_path / "curated" / "funnel.json")
    card = (tmp_path / "curated" / "README.md").read_text()
    assert f"{len(rows)} traces of {len(set(rows['problem_id']))} problems" in card
    assert (tmp_path / "curated" / "funnel.txt").read_text().strip() in card
    assert "| countdown seed 0 | 48 |".replace("48", str(len(rows))) in card
    assert (tmp_path / "curated" / "funnel.svg").read_text().count("<text") == 2 * len(counts["funnel"]) + 2
    assert counts["funnel"][0]["traces"] == 48
    for row in rows:
        assert row["verdict"] == "correct"
        assert row["completion"].startswith("<think>\n")
        assert row["messages"][0]["role"] == "system"
        assert row["teacher"].startswith("countdown-search")
        assert row["source"] == "countdown seed 0"
    again = curate(recipe, problems, tmp_path / "traces", tmp_path / "again")
    assert again == counts
    assert load_from_disk(tmp_path / "again").to_list() == rows.to_list()


JUDGE = {"base_urls": ["http://127.0.0.1:1/v1"], "model": "m"}


def several(right: dict[str, int], sampled: int = 8, **known: float | str) -> list[Candidate]:
    """Problems with so many correct traces of eight."""
    return [
        candidate(name, i, "correct" if i < count else "wrong")._replace(
            problem=candidate(name, 0).problem.model_copy(update={"known": known})
        )
        for name, count in right.items()
        for i in range(sampled)
    ]


def problems_of(names: list[str]) -> set[str]:
    return {name.partition("/")[0] for name in names}


def test_difficulty_by_the_share_of_correct_traces() -> None:
    rows = several({"never": 0, "seldom": 1, "half": 4, "always": 8})
    band = {"low": 1, "high": 4, "of": 8}
    assert problems_of(chosen(rows, difficulty={"pass_rate": band})) == {"seldom", "half"}
    assert problems_of(chosen(rows, difficulty={"pass_rate": {"low": 7, "high": 8, "of": 8}})) == {"always"}
    with pytest.raises(Refused, match="every problem was answered once"):
        chosen([candidate("a", 0), candidate("b", 0)], difficulty={"pass_rate": band})


def test_limits_of_a_length_are_as_they_are_written() -> None:
    rows = [candidate("a", 0, tokens=10), candidate("b", 0, tokens=11)]
    assert problems_of(chosen(rows, difficulty={"tokens": {"least": 10.5}})) == {"b"}


def test_difficulty_by_what_is_known() -> None:
    rows = several({"a": 8}, level="Level 5", qwen=0.0, llama=0.0) + several(
        {"b": 8}, level="Level 2", qwen=0.5, llama=0.0
    )
    assert problems_of(chosen(rows, difficulty={"known": {"level": {"least": 4}}})) == {"a"}
    assert problems_of(chosen(rows, difficulty={"panel": ["qwen", "llama"]})) == {"a"}
    assert problems_of(chosen(rows, difficulty={"panel": ["qwen", "llama"], "panel_fails": "any"})) == {"a", "b"}
    not_asked = several({"c": 8}, qwen=-1.0, llama=0.0)
    assert problems_of(chosen(rows + not_asked, difficulty={"panel": ["qwen", "llama"]})) == {"a"}
    with pytest.raises(Refused, match="is one answer of one model, llama"):
        chosen(rows, difficulty={"panel": ["llama"]})
    with pytest.raises(Refused, match="cannot be told of any of them"):
        chosen(rows, difficulty={"known": {"stars": {"least": 4}}})
    assert len(problems_of(chosen(rows, difficulty={"known": {"stars": {"least": 4}}, "keep_undecided": True}))) == 2


def test_domains_decide_what_s1_draws() -> None:
    algebra = several({f"a{i}": 1 for i in range(20)}, sampled=1, topic="algebra")
    number = several({f"n{i}": 1 for i in range(2)}, sampled=1, topic="number theory")
    told = {"by": "known", "key": "topic"}
    rows = chosen(algebra + number, select="s1", rows=4, domains=told)
    assert sum(name[0] == "n" for name in rows) >= 1
    found = selected(algebra + number, [], select="s1", rows=6, domains=told)
    assert {score["domain"] for score in found.scores} == {"algebra", "number theory"}
    with pytest.raises(Refused, match="no problem has a 'field'"):
        chosen(algebra, select="s1", rows=4, domains={"by": "known", "key": "field"})
    with pytest.raises(Refused, match="asks a model"):
        chosen(
            algebra, select="s1", rows=4, domains={"by": "judge", "judge": {"base_urls": ["http://x/v1"], "model": "m"}}
        )


def test_domains_by_a_model_are_asked_for_what_is_left() -> None:
    rows = [*several({"a": 1, "b": 1}, sampled=1), candidate("c", 0, "wrong")]
    asked: list[str] = []

    def ask(problems: Sequence[Problem]) -> dict[str, str | None]:
        asked.extend(p.id for p in problems)
        return {"a": "05", "b": None}

    found = selected(rows, [], ask=ask, domains={"by": "judge", "judge": JUDGE})
    assert asked == ["a", "b"]
    assert sorted(score["domain"] for score in found.scores) == ["05", "none"]


def test_limo_takes_the_trace_that_thinks_most() -> None:
    plain, thorough = "so it is " * 50, "perhaps check that, therefore verify it, since it might be " * 20
    rows = [candidate("a", 0, text=plain), candidate("a", 1, text=thorough), candidate("b", 0, text=plain)]
    assert chosen(rows, select="limo", rows=1) == ["a/1"]
    found = selected(rows, [], select="limo")
    assert [found.scores[found.rows.index(row)]["verifying"] for row in (1, 2)] == [40, 0]


def test_problems_that_nearly_ask_the_same_go_with_the_evidence() -> None:
    text = "A farmer has {} sheep and sells a third of them on the {} market. How many sheep has the farmer left over?"
    rows = [
        candidate("a", 0, question=text.format(12, "old")),
        candidate("b", 0, question=text.format(12, "large")),
        candidate("c", 0, question=text.format(15, "old")),
    ]
    assert set(chosen(rows)) == {"a/0", "c/0"}
    found = selected(rows, [])
    assert [(d.what, d.id, d.stays, d.differences) for d in found.duplicates] == [
        ("problem", "b", "a", [("old", "large")])
    ]
    assert set(chosen(rows, near_duplicates=None)) == {"a/0", "b/0", "c/0"}


def test_traces_of_a_problem_that_hardly_differ_go() -> None:
    long = "First we add the numbers, then we take half of the sum, and so on. " * 5
    rows = [
        candidate("a", 0, text=long, tokens=12),
        candidate("a", 1, text=long.replace("half", "a third", 1), tokens=11),
        candidate("a", 2, text="Something else entirely, in other words and by another way.", tokens=13),
        candidate("b", 0, text=long),
    ]
    every: dict[str, object] = {"select": "all", "traces_per_problem": None}
    assert set(chosen(rows, **every)) == {"a/0", "a/1", "a/2", "b/0"}
    assert set(chosen(rows, distinct_traces=0.2, **every)) == {"a/1", "a/2", "b/0"}
    found = selected(rows, [], distinct_traces=0.2, **every)
    assert [(d.what, d.id, d.stays, d.similarity > 0.95) for d in found.duplicates] == [("trace", "a/0", "a/1", True)]
