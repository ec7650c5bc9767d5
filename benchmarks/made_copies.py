"""Copies of questions as people and pipelines make them, and rows that are none, all with a seed."""

import random
import re
import string
from collections.abc import Callable
from typing import Any

Change = Callable[[str, random.Random], str]

_SIGNS = r"([+\-*/=(){}^_<>,])"
_BEFORE = ["Solve the following problem step by step. ", "### Question\n", "You are a careful mathematician. Problem: "]
_BEHIND = ["\nPut your answer in \\boxed{}.", "\n\nLet's think step by step.", "\n### Answer\n"]
_TEMPLATES = [
    ("What is ", "Determine "),
    ("Find ", "Determine "),
    ("Compute ", "Calculate "),
    ("Evaluate ", "Work out "),
    ("How many ", "What number of "),
    ("Let ", "Suppose that "),
    ("how many ", "what number of "),
    (" such that ", " so that "),
    ("what is ", "compute "),
    ("Express your answer", "Give your answer"),
]
_RESPELLED = [
    (r"\dfrac", r"\tfrac"),
    (r"\frac", r"\dfrac"),
    (r"\left", ""),
    (r"\right", ""),
    (r"\cdot", "*"),
    (r"\times", "*"),
    (r"\leq", r"\le"),
    (r"\geq", r"\ge"),
    (r"\le ", r"\leqslant "),
    ("\\[", "$$"),
    ("\\]", "$$"),
    (r"\%", "%"),
]
_LOOKALIKES = str.maketrans("aceopxy'", "асеорху’")
_ARABIC = str.maketrans(string.digits, "٠١٢٣٤٥٦٧٨٩")
_WIDE = str.maketrans(string.digits, "".join(map(chr, range(0xFF10, 0xFF1A))))
_BOILERPLATE = [
    " The answer is $\\frac{m}{n}$, where $m$ and $n$ are relatively prime positive integers. Find $m+n$.",
    " Express your answer as a common fraction.",
    " Express your answer in simplest radical form.",
    " Enter your answer as an ordered pair.",
    " How much money did they spend altogether?",
    " How many did they have left in all?",
    " Find the remainder when it is divided by $1000$.",
    " What is the value of $x$? Express your answer in interval notation.",
]


def replaced(text: str, share: float, words: list[str], rng: random.Random) -> str:
    return " ".join(rng.choice(words) if rng.random() < share else word for word in text.split())


def in_order(text: str, changes: list[tuple[str, str]]) -> str:
    """Each spelling for the other, none twice."""
    of = dict(changes)
    return re.sub("|".join(re.escape(old) for old in of), lambda found: of[found[0]], text)


def as_text(text: str) -> str:
    """Formulas as somebody types them."""
    text = re.sub(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}", r"(\1)/(\2)", text)
    text = re.sub(r"\\(?:left|right|,|!|;)", "", text)
    text = text.replace(r"\cdot", "*").replace(r"\times", "x").replace(r"^\circ", "°").replace(r"\le", "<=")
    return re.sub(r"[\\${}]", "", text)


def other_number(found: re.Match[str], rng: random.Random) -> str:
    number = rng.randrange(2, 10 ** min(len(found[0]), 6) + 2)
    return str(number + (str(number) == found[0]))


def one_number(text: str, rng: random.Random) -> str:
    numbers = list(re.finditer(r"\d+", text))
    if not numbers:
        return text
    chosen = rng.choice(numbers)
    return text[: chosen.start()] + other_number(chosen, rng) + text[chosen.end() :]


def copies(words: list[str], others: list[str], questions: list[str]) -> dict[str, Change]:
    """Changes after which it is the same question; `words` are put in, `others` are rows that stand around it."""
    plain = [word for word in words if word.isascii() and word.isalpha()]
    return {
        "verbatim": lambda t, r: t,
        "in a prompt": lambda t, r: f"{r.choice(_BEFORE)}{t}{r.choice(_BEHIND)}",
        "among other problems": lambda t, r: f"{r.choice(others)}\n\n{t}\n\n{r.choice(others)}",
        "two questions in a row": lambda t, r: f"1. {t}\n2. {r.choice(questions)}",
        "respaced": lambda t, r: re.sub(_SIGNS, r" \1 ", t),
        "without spaces around signs": lambda t, r: re.sub(r"\s*([+\-*/=(){}^_<>,$])\s*", r"\1", t),
        "without punctuation": lambda t, r: "".join(c for c in t if c not in string.punctuation),
        "LaTeX respelled": lambda t, r: in_order(t, _RESPELLED),
        "formulas as plain text": lambda t, r: as_text(t),
        "look-alikes of letters": lambda t, r: t.translate(_LOOKALIKES),
        "other digits": lambda t, r: t.translate(r.choice([_ARABIC, _WIDE])),
        "paraphrased by template": lambda t, r: in_order(t, _TEMPLATES),
        "5 % of words replaced": lambda t, r: replaced(t, 0.05, words, r),
        "10 % of words replaced": lambda t, r: replaced(t, 0.1, words, r),
        "10 % replaced by plain words": lambda t, r: replaced(t, 0.1, plain, r),
        "20 % of words replaced": lambda t, r: replaced(t, 0.2, words, r),
        "10 % of words left out": lambda t, r: " ".join(w for w in t.split() if r.random() >= 0.1),
    }


def variants() -> dict[str, Change]:
    """Changes after which it is another problem of the same pattern."""
    return {
        "one number changed": one_number,
        "all numbers changed": lambda t, r: re.sub(r"\d+", lambda found: other_number(found, r), t),
    }


def unrelated(rows: list[str], count: int) -> list[str]:
    """Rows of training sets with the phrases that questions of many sets end in."""
    rng = random.Random(0)
    return [rng.choice(rows) + rng.choice(_BOILERPLATE) for _ in range(count)]


def chat(text: str) -> list[dict[str, Any]]:
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]


def mixed(sets: list[list[str]], questions: list[str], count: int) -> list[str]:
    """Rows of real sentences, as many words as real rows have; one in 1,400 with a question planted."""
    rng = random.Random(0)
    rows = [text for texts in sets for text in texts]
    sentences = [s for text in rows for s in re.split(r"(?<=[.?!])\s+", text) if s]
    made = []
    for at in range(count):
        if at % 1400 == 1399:
            made.append(f"{rng.choice(sentences)} {rng.choice(questions)} {rng.choice(sentences)}")
        elif rng.random() < 0.15:
            made.append(rng.choice(rows))
        else:
            made.append(" ".join(rng.choice(sentences) for _ in range(rng.randrange(2, 7))))
    return made
