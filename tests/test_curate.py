"""The funnel: counts that add up, the same rows for the same seed, nothing wrong let through."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from datasets import load_from_disk

from distill.countdown_problems import countdown_problems
from distill.curate.columns import measured
from distill.curate.problem_steps import Ask
from distill.curate.questions import normalised
from distill.curate.select import Outside, Selection, select
from distill.curate.sources import Judged, Read
from distill.curate.stage import curate
from distill.errors import Refused
from distill.files import read_json
from distill.recipe import Curate, Recipe
from distill.records import Problem, Sampling, Trace, Verdict
from teachers.harvest import harvest


class Candidate(NamedTuple):
    problem: Problem
    trace: Trace
    verdict: Verdict


def candidate(
    problem: str,
    index: int,
    verdict: str = "correct",
    text: str = "",
    tokens: int = 10,
    question: str = "",
    finish: str = "stop",
) -> Candidate:
    trace_id = f"{problem}/{index}"
    return Candidate(
        Problem(id=problem, question=question or f"Question {problem}?", answer="", kind="math", source="test"),
        Trace(
            id=trace_id,
            problem_id=problem,
            request=trace_id,
            reasoning="",
            response=text or f"answer {trace_id}",
            finish_reason=finish,  # type: ignore[arg-type]
            prompt_tokens=1,
            completion_tokens=tokens,
            model="m",
            sampling=Sampling(),
        ),
        Verdict(trace_id=trace_id, verdict=verdict, extracted=None, reason="why", kind="math"),  # type: ignore[arg-type]
    )


def selected(
    candidates: list[Candidate], held_out: list[Problem], seed: int = 0, ask: Ask | None = None, **spec: object
) -> Selection:
    reads = [
        Read(
            at,
            c.problem,
            c.trace,
            Judged(c.verdict.verdict, c.verdict.flaw is not None, c.verdict.reason, "rules", "math"),
        )
        for at, c in enumerate(candidates)
    ]
    outside = Outside(held_out, ask=ask, read=lambda places: (reads[place] for place in places))
    return select(measured(reads), Curate(**spec), seed, outside)  # type: ignore[arg-type]


def chosen(candidates: list[Candidate], seed: int = 0, **spec: object) -> list[str]:
    return [candidates[row].trace.id for row in selected(candidates, [], seed, **spec).rows]


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
    assert (tmp_path / "curated" / "funnel.svg").read_text().count("<text") == 2 * len(counts["funnel"])
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


def test_difficulty_by_what_is_known() -> None:
    rows = several({"a": 8}, level="Level 5", qwen=0.0, llama=0.0) + several(
        {"b": 8}, level="Level 2", qwen=0.5, llama=0.0
    )
    assert problems_of(chosen(rows, difficulty={"known": {"level": {"least": 4}}})) == {"a"}
    assert problems_of(chosen(rows, difficulty={"panel": ["qwen", "llama"]})) == {"a"}
    assert problems_of(chosen(rows, difficulty={"panel": ["qwen", "llama"], "panel_fails": "any"})) == {"a", "b"}
    with pytest.raises(Refused, match="is one answer of one model, qwen"):
        chosen(rows, difficulty={"panel": ["qwen"]})
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


LOOP = "So we add one to the number and look at it again. " * 60
VAIN = "The answer is 4. Wait, let me check that again. The answer is 5. Hold on. The answer is 6."
USEFUL = "The answer is 4. Wait, let me check that again. I forgot one, the answer is 7. So it is 7."
THINKS = " ".join(
    f"perhaps {n} holds, therefore check {7 * n} and verify it, since it might be {n**3}" for n in range(20)
)


def reasoned(problem: str, text: str) -> Candidate:
    found = candidate(problem, 0, text=text)
    return found._replace(problem=found.problem.model_copy(update={"answer": "7"}))


@pytest.mark.parametrize(
    ("quality", "kept"),
    [
        ({"repetition": True}, {"vain", "useful", "thinks"}),
        ({"superficial": 0.5}, {"loop", "useful", "thinks"}),
        ({"superficial": 0.5, "repetition": True}, {"useful", "thinks"}),
        ({"superficial": 1}, {"loop", "vain", "useful", "thinks"}),
        ({"reflections": {"most": 0}}, {"loop", "vain", "useful", "thinks"}),
        ({"score": {"least": 0.5}}, {"thinks"}),
        ({"best": 0.5}, {"loop", "thinks"}),
        ({"best": 0.01}, {"thinks"}),
    ],
)
def test_quality_leaves_out_what_is_reasoned_badly(quality: dict[str, object], kept: set[str]) -> None:
    """`loop` is the longest, which is most of what LIMO's score sees in texts without its words."""
    rows = [
        reasoned("loop", LOOP),
        reasoned("vain", VAIN),
        reasoned("useful", USEFUL),
        reasoned("thinks", THINKS),
    ]
    found = selected(rows, [], select="all", quality=quality)
    assert {rows[row].problem.id for row in found.rows} == kept
    turned = selected(rows[::-1], [], select="all", quality=quality)
    assert [rows[::-1][row].problem.id for row in turned.rows] == [rows[row].problem.id for row in found.rows]


def test_reflections_are_counted_by_a_thousand_words() -> None:
    rows = [reasoned("often", "word " * 98 + "let me recheck"), reasoned("seldom", "word " * 998 + "let me recheck")]
    found = selected(rows, [], select="all", quality={"reflections": {"least": 1.1}})
    assert [rows[row].problem.id for row in found.rows] == ["often"]


def test_what_was_measured_of_a_trace_stands_in_its_row() -> None:
    rows = [reasoned("useful", USEFUL), reasoned("plain", "The answer is 7.")]
    found = selected(rows, [], select="all", quality={"superficial": 0.5})
    told = {
        rows[row].problem.id: scores.get("superficial") for row, scores in zip(found.rows, found.scores, strict=True)
    }
    assert told == {"useful": 0.0, "plain": None}
    (step,) = [step for step in found.steps if "superficial" in step.name]
    assert step.note == "1 of which it cannot be told, kept"


def test_a_section_that_asks_for_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="leave the section out"):
        Curate(quality={})


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"select": "limo", "s1": {"uniform": 0.5}}, "curate.s1 says how select=s1 draws"),
        ({"select": "small-student", "traces_per_problem": 5}, "takes one trace a problem"),
        ({"decontaminate": False, "evaluation_sets": ["math500"]}, "looks for none of them"),
        ({"select": "s1", "rows": 5, "s1": {"weights": {"a": 0, "b": 0}}}, "all weights are 0"),
    ],
)
def test_keys_that_would_change_nothing_are_refused(keys: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Curate(**keys)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"keep_sources": ["amcc"]}, "names 'amcc', which no trace that is left comes from"),
        ({"keep_sources": ["test"]}, "keeps 5 problems, more than the 3 rows"),
    ],
)
def test_sources_that_cannot_be_kept_are_refused(own: dict[str, object], said: str) -> None:
    with pytest.raises(Refused, match=said):
        selected([candidate(f"p{n}", 0) for n in range(5)], [], select="s1", rows=3, s1=own)


def test_what_s1_was_not_told_is_noted() -> None:
    found = selected([candidate(f"p{n}", 0) for n in range(5)], [], select="s1", rows=3, s1={"weights": {"Algbra": 1}})
    assert found.steps[-1].note == (
        "no domains are known, so all are one; see curate.domains; weights of domains that are not there: Algbra"
    )
    assert {why.partition(",")[0] for why in found.why} == {"any domain"}


def test_openthoughts_takes_sixteen_answers_unless_told_otherwise() -> None:
    rows = [candidate("p", n, text=f"answer {n}") for n in range(20)]
    assert len(selected(rows, [], select="openthoughts").rows) == 16
    assert len(selected(rows, [], select="openthoughts", traces_per_problem=3).rows) == 3
    told = Curate(select="openthoughts").model_dump()
    assert Curate(**told).traces_per_problem == 16, "as a run writes its recipe"


def test_the_funnel_tells_what_was_looked_for() -> None:
    rows = [candidate("p", 0)]
    step = {step.name: step.note for step in selected(rows, []).steps}["not in the evaluation"]
    assert step == "no evaluation set is named: see curate.evaluation_sets"
    held = [rows[0].problem.model_copy(update={"question": "Something else?"})]
    step = {step.name: step.note for step in selected(rows, held).steps}["not in the evaluation"]
    assert step == "against 1 held-out problems"
