"""Decontamination of questions as people change them: is the same problem left out, is another one kept?

    python benchmarks/edited_problems.py --seen math500.jsonl aime24.jsonl --unseen aime_1983_2023.jsonl ...

Every edit is made by program of every question that it fits, so that the label is known by construction. The rules
were tuned while the edits of the sets behind `--seen` were looked at; of those behind `--unseen` only the counts were.
"""

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from decontamination import questions_of

from distill.curate.decontamination.decontaminate import Decontaminator
from distill.curate.text.conditions import NUMBERS

Edit = Callable[[str, random.Random], str]

_ASY = re.compile(r"\[asy\].*?\[/asy\]", re.DOTALL)
_REDRAWN = '\n[asy]\nsize(150); pair X=(0,0), Y=(1,0); draw(X--Y); label("$X$", X, SW);\n[/asy]'
_WORD_OF = {number: word for word, number in list(NUMBERS.items())[2:21]}
_OPPOSITES = [
    *(("least", "greatest"), ("smallest", "largest"), ("maximum", "minimum"), ("more", "fewer"), ("even", "odd")),
    *(("area", "perimeter"), ("before", "after"), ("inscribed", "circumscribed"), ("sum", "product")),
]


def sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.?!])\s+(?=[A-Z])", text) if part.strip()]


def asked_first(text: str, rng: random.Random) -> str:
    parts = sentences(text)
    return " ".join([parts[-1], *parts[:-1]]) if len(parts) > 2 and "[asy]" not in text else text


def shuffled(text: str, rng: random.Random) -> str:
    parts = sentences(text)
    if len(parts) > 2 and "[asy]" not in text:
        rng.shuffle(parts)
    return " ".join(parts)


def renamed(old: str, new: str) -> Edit:
    def change(text: str, rng: random.Random) -> str:
        symbols = re.sub(r"\\?[A-Za-z]{2,}", " ", _ASY.sub("", text))
        if old not in symbols or new in symbols:
            return text
        return re.sub(rf"(?<![A-Za-z\\]){old}(?![A-Za-z])", new, text)

    return change


def another_number(text: str, rng: random.Random) -> str:
    """One number outside drawings, 0 and 1 left as they are, and none of a drawn question: what it asks for stays."""
    found = list(re.finditer(r"(?<![\d.,])[2-9]\d*(?![\d.,]*\d)", text))
    if not found or "[asy]" in text:
        return text
    one = rng.choice(found)
    return f"{text[: one.start()]}{int(one[0]) + rng.randrange(1, 9)}{text[one.end() :]}"


def opposite(text: str, rng: random.Random) -> str:
    for one, other in _OPPOSITES:
        for old, new in ((one, other), (other, one)):
            if re.search(rf"\b{old}\b", text):
                return re.sub(rf"\b{old}\b", new, text, count=1)
    return text


def clause(text: str, rng: random.Random) -> str:
    return re.sub(r"\.\s*(Find|What|How)", r", and the answer is less than 1000. \1", text, count=1)


SAME: dict[str, Edit] = {
    "drawing left out": lambda t, r: _ASY.sub("", t),
    "drawing redrawn": lambda t, r: _ASY.sub("", t) + _REDRAWN if "[asy]" in t else t,
    "drawing as an image": lambda t, r: _ASY.sub("![](https://x.org/a_1.jpg?height=300)", t),
    "question sentence first": asked_first,
    "sentences shuffled": shuffled,
    "clause added": clause,
    "hint added": lambda t, r: f"{t} (Give your answer as an integer between 0 and 999.)",
    "numbers in words": lambda t, r: re.sub(r"(?<![\d.,$^{_])(\d+)(?![\d.,%}])", lambda m: _WORD_OF.get(m[1], m[1]), t),
    "x named t": renamed("x", "t"),
    "f named g": renamed("f", "g"),
    "align* as aligned": lambda t, r: re.sub(r"\\(begin|end)\{align\*\}", r"\\\1{aligned}", t),
    "pmatrix as bmatrix": lambda t, r: t.replace("pmatrix", "bmatrix"),
    "limits in the other order": lambda t, r: re.sub(
        r"\\sum_(\{[^{}]*\}|\w)\^(\{[^{}]*\}|\\infty|\w)", r"\\sum^\2_\1", t
    ),
    "1/n as n^{-1}": lambda t, r: re.sub(r"(?<!\d)\\frac\{1\}\{(\w+)\}", r"\1^{-1}", t),
}
OTHER: dict[str, Edit] = {"another number": another_number, "a word for its opposite": opposite}


def told(finder: Decontaminator, questions: list[str], edit: Edit) -> Counter[str]:
    """Of the questions that it changes: left out, told as changed and kept, missed."""
    rng = random.Random(0)
    made = [(text, edit(text, rng)) for text in questions]
    texts = [new for old, new in made if new != old]
    kinds: dict[int, bool] = {}
    for flag in finder.flags(texts):
        kinds[flag.row] = kinds.get(flag.row, False) or flag.match.kind != "changed"
    return Counter(
        "left out" if kinds.get(row) else "changed" if row in kinds else "missed" for row in range(len(texts))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seen", type=Path, nargs="+", required=True)
    parser.add_argument("--unseen", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    report: dict[str, dict[str, dict[str, int]]] = {}
    for half, paths in (("seen", given.seen), ("unseen", given.unseen)):
        sets = [(path.name, text) for path in paths for text in questions_of(path)]
        finder = Decontaminator([text for _, text in sets], [name for name, _ in sets])
        for what, edits in (("same", SAME), ("other", OTHER)):
            for name, edit in edits.items():
                counts = told(finder, [text for _, text in sets], edit)
                report.setdefault(half, {})[f"{what}: {name}"] = dict(counts)
                shares = {kind: f"{count / max(counts.total(), 1):.1%}" for kind, count in sorted(counts.items())}
                print(f"{half:<7} {what:<6} {name:<26} n={counts.total():<5} {shares}", flush=True)
    if given.out:
        given.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
