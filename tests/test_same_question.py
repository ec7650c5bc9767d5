"""What makes no difference to what a question asks hides no copy, and what does keeps a row; sets do not matter."""

import pytest

from distill.curate.decontamination.canonical import canonical, without_drawings
from distill.curate.decontamination.decontaminate import Decontaminator

DRAWING = '[asy] size(140); draw((0,0)--(4,0)--(0,3)--cycle); label("$A$", (0,0), SW); [/asy]'
GARDEN = (
    "Triangle $PQR$ marks a garden whose sides are 13, 14 and 15 meters long. A gardener stretches a rope from $Q$ to"
    " the midpoint of the side across. What is the square of the length of the rope?"
)
ROOTS = (
    r"A beekeeper fills $x$ jars with honey on every market day, where $x^3 - 5x = 12$ holds for the harvest."
    " Find the honey that she brings home in all."
)
STORY = (
    "Natalia packs 17 lanterns into each crate of her lantern shop. Ruben brings 4 crates to the harbor on Monday."
    " Natalia sells 9 of the lanterns on the way. How many lanterns reach the harbor?"
)
RATIO = (
    r"The probability that a walker on a hexagon returns after $9$ steps can be written as $\frac{m}{n}$, where $m$ and"
    r" $n$ are relatively prime positive integers. Find $m+n$."
)
MATRIX = (
    r"Find the determinant of $\begin{pmatrix} 2 & 7 & 4 \\ 9 & 1 & 3 \\ 5 & 8 & 6 \end{pmatrix}$ without rounding."
)
SUM = (
    r"Compute the value of $\sum_{k=1}^{28} \frac{1}{k(k+3)}$ to four decimals, and tell how far it is from its limit."
)
LETTERS = "Determine the number of ways to arrange the letters of the word ELLIPSE."
QUESTIONS = [f"{GARDEN} {DRAWING}", ROOTS, STORY, RATIO, MATRIX, SUM, LETTERS]
FINDER = Decontaminator(QUESTIONS)


def kinds(text: str, finder: Decontaminator = FINDER) -> dict[int, str]:
    return {flag.question: flag.match.kind for flag in finder.flags([text])}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, GARDEN),
        (0, f"{GARDEN} {DRAWING.replace('140', '220').replace('(4,0)', '(9,1)')}"),
        (0, f"![](https://x.org/a_1.jpg?height=300)\n{GARDEN}"),
        (1, ROOTS.replace("$x", "$t").replace("5x", "5t")),
        (1, ROOTS.replace(". Find", ", and the answer is less than 1000. Find")),
        (2, "How many lanterns reach the harbor? " + STORY.replace(" How many lanterns reach the harbor?", "")),
        (2, STORY.replace("17", "seventeen").replace("9 ", "nine ").replace("4 ", "four ")),
        (2, STORY.replace("Natalia", "Ivanka").replace("Ruben", "Bogdan")),
        (3, RATIO.partition(" can be")[0].replace("The probability", "Find the probability") + "."),
        (4, MATRIX.replace("pmatrix", "bmatrix")),
        (5, SUM.replace("_{k=1}^{28}", "^{28}_{k=1}")),
    ],
)
def test_what_makes_no_difference_hides_no_copy(number: int, text: str) -> None:
    assert kinds(text).get(number) in ("exact", "near")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, f"How many flowers grow in the garden? {DRAWING}"),
        (1, ROOTS.replace("12", "18")),
        (2, STORY.replace("9 of the lanterns", "11 of the lanterns")),
        (2, STORY.replace("17", "eighteen")),
        (5, SUM.replace("28", "35")),
        (6, LETTERS.replace("ELLIPSE", "MADAM")),
    ],
)
def test_other_numbers_and_drawings_alone_leave_out_nothing(number: int, text: str) -> None:
    assert kinds(text).get(number) in (None, "changed")


def test_a_word_for_its_opposite_is_another_problem() -> None:
    text = "What is the greatest number of lanterns that three sellers carry if the sum of their loads is even?"
    finder = Decontaminator([text])
    for one, other in (("greatest", "least"), ("sum", "product"), ("even", "odd")):
        assert kinds(text.replace(one, other), finder) == {0: "changed"}


@pytest.mark.parametrize(
    "text", [*QUESTIONS, GARDEN, STORY.replace("9", "11"), ROOTS.replace("$x", "$t").replace("5x", "5t"), "Find $m+n$."]
)
def test_what_is_found_of_a_set_does_not_depend_on_others(text: str) -> None:
    others = [QUESTIONS[2], RATIO.replace("9", "11"), RATIO.replace("hexagon", "cube"), "Find $m+n$.", STORY[:90]]
    alone = Decontaminator(QUESTIONS, ["a"] * len(QUESTIONS)).flags([text])
    for order in (False, True):
        questions = [*others, *QUESTIONS] if order else [*QUESTIONS, *others]
        sets = (
            [*["b"] * len(others), *["a"] * len(QUESTIONS)] if order else ["a"] * len(QUESTIONS) + ["b"] * len(others)
        )
        found = {questions[flag.question]: flag.match.kind for flag in Decontaminator(questions, sets).flags([text])}
        assert {QUESTIONS[flag.question]: flag.match.kind for flag in alone}.items() <= found.items()


@pytest.mark.parametrize(
    "text",
    [
        f"a {DRAWING} b",
        r"$\sum^{28}_{k=1} n^{-1}$ and \begin{array}{cc} 1 & 2 \end{array}",
        "a hundred and five lanterns, twenty-five of them red",
        "Which? (A) 3 (B) 4 (C) 5",
        "[asy] 图 [/asy] 一",
    ],
)
def test_places_stay_what_they_are(text: str) -> None:
    assert len(canonical(text).encode()) == len(text.encode())
    assert canonical(canonical(text)) == canonical(text)


def test_a_drawing_stays_where_nothing_else_is() -> None:
    assert without_drawings(DRAWING) == DRAWING
    assert kinds(f"Look: {DRAWING}", Decontaminator([DRAWING])) in ({}, {0: "exact"})
    assert kinds(DRAWING, Decontaminator([DRAWING])) == {0: "exact"}
