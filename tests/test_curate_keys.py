"""Quality as a step of the funnel, keys that would change nothing, and what is no part of a question."""

import pytest
from candidates import Candidate, candidate, chosen, selected

from distill.curate.text.instructions import without_instructions
from distill.errors import Refused
from distill.recipe import Curate

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


QUESTION = "Natalia sold clips to 48 of her friends in April, and then half as many in May. How many did she sell?"


@pytest.mark.parametrize(
    "around",
    [
        "Return your final response within \\boxed{{}}. {}",
        "{} Please reason step by step, and put your final answer within \\boxed{{}}.",
        "{}\nLet's think step by step.",
        "Solve the following problem step by step:\n\n{}\n\nPut your answer in \\boxed{{}}",
    ],
)
def test_sentences_that_say_how_to_answer_are_no_part_of_a_question(around: str) -> None:
    assert without_instructions(around.format(QUESTION)) == QUESTION
    rows = [candidate("a", 0, question=QUESTION), candidate("b", 0, question=around.format(QUESTION))]
    assert chosen(rows) == ["a/0"]


@pytest.mark.parametrize(
    "question",
    [
        "Explain step by step why $\\sqrt{2}$ is irrational.",
        "In $\\boxed{5} + \\boxed{x} = 9$, what is $x$?",
        "A robot walks step by step along a line. How far does it get in 5 steps?",
    ],
)
def test_a_question_that_is_about_steps_or_boxes_stays(question: str) -> None:
    assert without_instructions(question) == question
