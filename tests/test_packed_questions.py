"""A question that was packed, cut, or given with other choices is found; another that only begins so is none."""

import html
import json
from collections.abc import Callable

import pytest

from distill.curate.decontamination.choices import without_given, without_letters
from distill.curate.decontamination.decontaminate import Decontaminator
from distill.curate.text import folding
from distill.curate.text.markup import without_markup

ORCHARD = (
    r'A farmer says "plant $n^2 + 14n$ saplings" where $n \neq 3$ & $n < 40$.'
    "\nNeighbours water $\\frac{5}{8}$ of them in May.\nHow many saplings stay dry when $n = 16$?"
)
FERRY = (
    "A ferry crosses the strait at 23 knots against a current of 4 knots. Which heading brings it to the far pier?\n"
    "A) 12 degrees north\nB) 31 degrees north\nC) 47 degrees north\nD) 5 degrees south"
)
PLAIN = "Which of the following is true?\nA. Zinc floats.\nB. Iron sings.\nC. Lead reads.\nD. Gold waits."
CODE = (
    'from typing import List\n\n\ndef widest_valley(heights: List[int]) -> int:\n    """Return the number of steps'
    " between the two highest ridges that enclose\n    the deepest valley of a mountain trail.\n"
    '    >>> widest_valley([9, 2, 7])\n    2\n    """\n'
)
TINY = [r"Solve the proportion: $\frac{7}{x-1}=\frac{4}{x-6}$", r"Simplify: $\sqrt[3]{250}$"]
ANGLE = r"Convert the angle from radian measure into degree measure: $\pi$"
WEIGHT = r"A crane lifts a mass of $3 \times 10^{14}$ grams. What is the weight of it in newtons?"
BALLS = "In how many ways can 4 distinguishable balls be put into 2 boxes that look alike?"
QUESTIONS = [ORCHARD, FERRY, PLAIN, CODE, *TINY, ANGLE, WEIGHT, BALLS]
FINDER = Decontaminator(QUESTIONS)
DRILLS = Decontaminator(
    [*TINY]
    + [rf"Solve the proportion: $\frac{{{k}}}{{x-1}}=\frac{{4}}{{x-{k + 1}}}$" for k in range(11, 51)]
    + [rf"Simplify: $\sqrt[3]{{{k}}}$" for k in range(11, 51)]
)


def left_out(text: str, finder: Decontaminator = FINDER) -> set[int]:
    return {flag.question for flag in finder.flags([text]) if flag.match.kind != "changed"}


PACKED: dict[str, Callable[[str], str]] = {
    "entities": lambda t: html.escape(t).replace(" ", "&nbsp;").replace("$", "&#36;"),
    "entities twice": lambda t: html.escape(html.escape(t)),
    "tags": lambda t: f"<div class='q'><b>Question</b><br/><p>{t.replace('n^2', 'n<sup>2</sup>')}</p></div>",
    "JSON": lambda t: json.dumps({"question": t.replace("n", "n", 1)}),
    "JSON of a JSON text beyond ASCII": lambda t: json.dumps(t.replace('"', "“", 1)),
    "quotation": lambda t: "## Task\n\n> " + t.replace("\n", "\n> ") + "\n",
    "chat template": lambda t: f"<|im_start|>user\n{t}<|im_end|>\n<|im_start|>assistant\n",
    "instruction template": lambda t: f"[INST]{t}[/INST]",
}


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
@pytest.mark.parametrize("name", PACKED)
def test_packing_hides_no_copy(number: int, name: str) -> None:
    text = PACKED[name](QUESTIONS[number])
    assert number in left_out(text)
    assert len(without_markup(text)) == len(text)


@pytest.mark.parametrize(
    "text", ["a<b and b>c", r"$\nu \neq \nabla \theta$", "\\nеq", "x > 3\ny & z; w", "R&D; A & B;", ">>> f(1)"]
)
def test_what_is_no_markup_stays(text: str) -> None:
    assert without_markup(text) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, FERRY.partition("\nA)")[0]),
        (
            1,
            FERRY.partition("\nA)")[0] + "\n(1) 47 degrees north\n(2) 5 degrees south\n(3) 31 degrees north\n(4) other",
        ),
        (3, CODE.replace("widest_valley", "solve")),
        (3, CODE.partition('"""')[2].partition(">>>")[0]),
    ],
)
def test_choices_and_examples_make_no_difference(number: int, text: str) -> None:
    assert number in left_out(text)


def test_choices_that_are_all_of_a_question_do() -> None:
    assert not left_out("Which of the following is true?\nA. Cats bark.\nB. Mice roar.\nC. Owls swim.\nD. Eels fly.")
    assert not left_out(PLAIN.partition("\n")[0])
    asked = "A kite has sides 5 and 8.\nA. Find its area.\nB. Find its width.\nC. Find its height."
    assert without_given(asked) == asked
    assert without_letters("Point A. Then B. lies") == "Point A. Then B. lies"


@pytest.mark.parametrize("number", [0, 7, 8])
def test_a_copy_that_was_cut_inside_a_sentence_is_left_out(number: int) -> None:
    question = QUESTIONS[number].replace("\n", " ")
    assert number in left_out(question[: round(len(question) * 0.86)].rstrip(".?!$ "))
    assert number in left_out(question[3:])


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, r"Sovle the prpoortion: $\frac{7}{x-1}=\frac{4}{x-6}$"),
        (0, rf"Please help. {TINY[0]} Thanks!"),
        (1, r"Bring into simplest form: $\sqrt[3]{250}$"),
    ],
)
def test_a_formula_is_found_with_other_words_around_it(number: int, text: str) -> None:
    assert number in left_out(text, DRILLS)


def test_an_exponent_beyond_ascii_is_one() -> None:
    assert 7 in left_out(WEIGHT.replace(r"$3 \times 10^{14}$", "3×10¹⁴"))


@pytest.mark.parametrize(
    "text",
    [
        r"Convert the angle from radian measure into degree measure: $\frac{\pi}{3}$",
        r"Convert the angle from radian measure into degree measure: $\pi/12$",
        r"Solve the proportion: $\frac{7}{x-1}=\frac{4}{x-6}+2$",
        r"Factor: $\sqrt[3]{250}$",
        BALLS.replace("distinguishable", "indistinguishable"),
    ],
)
def test_a_formula_that_goes_on_or_another_task_is_another_problem(text: str) -> None:
    assert not left_out(text)
    assert not left_out(text, DRILLS)


def test_questions_of_a_large_set_of_templates_are_found_in_a_prompt() -> None:
    made = [
        rf"Evaluate the expression: $\left(-\frac{{{a}}}{{{b}}}\right)+\frac{{{a + b}}}{{3}}$"
        for a in range(1, 15)
        for b in range(1, 15)
    ]
    finder = Decontaminator(made)
    assert all(left_out(f"Task:\n{text}\n\nThink first.", finder) for text in made)


def test_a_long_row_of_many_copies_beyond_ascii_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [f"Étienne plants {k} tulips and {k * k} crocuses beside the canal. How many bulbs?" for k in range(20, 60)]
    read = 0

    def counted(text: str) -> str:
        nonlocal read
        read += 1
        return spelled(text)

    spelled = folding.folded
    monkeypatch.setattr(folding, "folded", counted)
    assert len(Decontaminator(made).flags(["\n".join(made)])) == len(made)
    assert read < 5 * len(made)


@pytest.mark.parametrize("question", ["Who was she, and why was she there?", "?", "$2^{10}-1$", "Find $x$."])
def test_a_set_without_formulas_or_without_words_is_looked_for_in_any_rows(question: str) -> None:
    finder = Decontaminator([question])
    rows = ["Evaluate $\\frac{3}{4}x^2$.", "", "What is 17 + 4?", "?", "$2^{10}-1$", question]
    found = {flag.row for flag in finder.flags(rows)}
    wanted = {at for at, row in enumerate(rows) if row == question and any(map(str.isalnum, row))}
    assert found == wanted


def test_questions_that_differ_in_where_their_signs_stand_are_two() -> None:
    questions = ["Simplify $-\\sqrt{-9}$", "Simplify $\\sqrt{-(-9)}$"]
    found = Decontaminator(questions).flags(questions)
    exact = {(flag.row, flag.question) for flag in found if flag.match.kind == "exact"}
    assert exact == {(0, 0), (1, 1)}
