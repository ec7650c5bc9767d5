"""What is a copy of a question and what another problem, and that no spelling hides one: invariants over made sets."""

import random
import re
from collections.abc import Callable

import pytest

from distill.curate.decontamination.decontaminate import Decontaminator
from distill.curate.text.folding import folded, unfolded

NAMES = "Ada Ben Cora Dirk Ella Finn Gina Hugo Iris Jonas".split()
THINGS = "apples marbles stamps pencils tickets melons coins shells".split()
NOISE = "lantern quickly 17 harbor $x^2$ violet because 3.5 paper (a,b) under".split()


def stories(count: int) -> list[str]:
    """Problems of one pattern whose names, things and numbers differ."""
    rng = random.Random(0)
    made = []
    for _ in range(count):
        a, b, thing = rng.choice(NAMES), rng.choice(NAMES), rng.choice(THINGS)
        first, more, price = (rng.randrange(11, 99) for _ in range(3))
        made.append(
            f"{a} collects {first} {thing} while walking along the river, and {b} finds {more} further ones behind the"
            f" old mill. They sell everything at the weekly market for {price} cents each. How many cents do they earn?"
        )
    return made


STORIES = stories(12)
FORMULAS = [
    r"Compute $\sin 60^\circ$.",
    r"Compute $2+2$.",
    r"Find $k$, if ${(3^k)}^6=3^6$.",
    r"Evaluate $\left|\frac{5}{6}+2i\right|$.",
    r"Given that $f(x) = x^k$ where $k > 0$, what is the range of $f(x)$ on the interval $[1, \infty)$?",
    r"Given that $f(x) = x^k$ where $k < 0$, what is the range of $f(x)$ on the interval $[1, \infty)$?",
    r"What is the $y$-coordinate of the vertex of the parabola $y = 2x^2 - 8x + 15$?",
]
FINDER = Decontaminator([*STORIES, *FORMULAS])


def left_out(text: str, finder: Decontaminator = FINDER) -> set[int]:
    return {flag.question for flag in finder.flags([text]) if flag.match.kind != "changed"}


@pytest.mark.parametrize("number", range(len(FORMULAS)))
@pytest.mark.parametrize("form", ["{}", "Solve this: {} Box it.", "1. {}\n2. Now rest.", "Warm up.\n\n{}\n\nExplain."])
def test_short_questions_are_found_verbatim_in_any_place(number: int, form: str) -> None:
    assert len(STORIES) + number in left_out(form.format(FORMULAS[number]))


@pytest.mark.parametrize(
    "text",
    [
        r"Compute $2-2$.",
        r"Compute $2 \cdot 2$.",
        r"Solve this: Compute $22$ and more.",
        r"Compute $\cos 60^\circ$.",
        r"Compute $2+2.5$.",
        r"Find $k$, if ${(3^k)}^5=3^6$.",
        r"Evaluate $\left|\frac{5}{6}-2i\right|$.",
        r"What is the $y$-coordinate of the vertex of the parabola $y = 3x^2 - 5x + 15$?",
    ],
)
def test_another_sign_number_or_function_is_another_problem(text: str) -> None:
    assert not left_out(text)


def test_every_question_of_a_set_of_templates_is_found() -> None:
    made = [f"What is the remainder when ${a}$ is divided by ${b}$?" for a in range(100, 400) for b in (7, 11)]
    finder = Decontaminator(made)
    assert all(number in left_out(text, finder) for number, text in enumerate(made))


@pytest.mark.parametrize("number", range(len(STORIES)))
def test_replaced_words_are_found_and_replaced_numbers_are_another_problem(number: int) -> None:
    rng = random.Random(number)
    words = STORIES[number].split()
    for at in rng.sample(range(len(words)), 4):
        words[at] = rng.choice(NOISE)
    finder = Decontaminator([STORIES[number], *FORMULAS])
    assert left_out(" ".join(words), finder) == {0}
    other = re.sub(r"\d+", lambda found: str(int(found[0]) + 100), STORIES[number])
    assert [(flag.question, flag.match.kind) for flag in finder.flags([other])] == [(0, "changed")]


def test_a_word_replaced_by_a_number_leaves_the_number_before_it_whole() -> None:
    text = re.sub(r"(\d+) cents each", r"\1 88 each", STORIES[0])
    (flag,) = [flag for flag in FINDER.flags([text]) if flag.question == 0]
    assert (flag.match.kind, flag.match.missing, flag.match.instead) == ("near", ["cents"], ["88"])


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("a", "а").replace("e", "е"),  # Cyrillic
        lambda text: text.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")),
        lambda text: text.translate(str.maketrans("0123456789", "".join(map(chr, range(0xFF10, 0xFF1A))))),
        lambda text: text.replace(" ", "\u00a0"),
        lambda text: text.replace("o", "o\u200b"),
    ],
    ids=["look-alikes", "arabic", "full-width", "no-break", "invisible"],
)
def test_characters_beyond_ascii_hide_nothing(change: Callable[[str], str]) -> None:
    for number in (0, len(STORIES) + 4):
        text = change([*STORIES, *FORMULAS][number])
        flags = [flag for flag in FINDER.flags([f"Read: {text}"]) if flag.question == number]
        assert [flag.match.kind for flag in flags] == ["exact"]
        assert flags[0].evidence == text.rstrip("?").rstrip(")]$")  # as it stands in the text


def test_folding_spells_out_and_tells_where_it_was() -> None:
    text = "Überall ½·π ≤ 3° — “x²”, 在三角形"
    assert re.sub(r"\s+", " ", folded(text)) == r"Uberall 1/2\cdot \pi \le 3^\circ - x^2 , 在三角形"
    begin = folded(text).encode().index(b"\\pi")
    assert text[unfolded(text, begin, begin + 4)] == "π"
    assert folded("plain $x$") == "plain $x$"


def test_missing_words_are_told_as_they_are_written() -> None:
    question = "一个袋子里有红球和白球共十二个，其中红球比白球多四个，问袋子里有多少个红球？"
    (flag,) = Decontaminator([question]).flags([question.replace("袋", "盒")])
    assert (flag.match.kind, flag.match.missing) == ("near", ["袋", "袋"])


BAKER = "The probability that a given baker burns the bread is $1/12$. How many of 1,000 loaves does he burn?"


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("1/12", "11/2", "changed"),
        ("1/12", "\\frac{11}{2}", "changed"),
        ("1/12", "\\frac1{12}", "exact"),
        ("1/12", "\\frac112", "exact"),
        ("1,000", "1000", "exact"),
        ("1,000", "1 000", "exact"),
    ],
)
def test_where_numbers_part(old: str, new: str, kind: str) -> None:
    (flag,) = Decontaminator([BAKER, "How many ways are there to seat 9 people?"]).flags([BAKER.replace(old, new)])
    assert flag.match.kind == kind


RUNNER = "A runner runs 3.5 miles in the morning, then rests. How many miles are that in 4 days?"


@pytest.mark.parametrize(
    ("question", "text", "kind"),
    [
        (RUNNER, RUNNER.replace("3.5", "35"), "changed"),
        (RUNNER.replace("3.5", "35"), RUNNER, "changed"),
        (RUNNER, re.sub(r"[.,?]", "", RUNNER), "exact"),  # all marks are lost
        (RUNNER, RUNNER.replace("3.5", "3,5"), "exact"),
    ],
)
def test_decimal_points(question: str, text: str, kind: str) -> None:
    (flag,) = Decontaminator([question, "How many ways are there to seat 9 people?"]).flags([text])
    assert flag.match.kind == kind
