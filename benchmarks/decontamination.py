"""Decontamination: what is found of perturbed evaluation questions, what is flagged of training sets, rows a second.

    python benchmarks/decontamination.py --evaluated math500.jsonl gsm8k_test.jsonl ... --train gsm8k_train.jsonl ... \\
        --rows 100000 --out FILE

Beside the approach of s1 and open-r1 (any shared n-gram of lower-cased words between white space, 8 and 13), in one
run. Perturbed is every question, with a seed: its spaces, its punctuation, its numbers, a share of its words (by words
of the training sets, white space between them). Rows for the speed are sentences of the training sets mixed, one in
1,400 with a question planted.
"""

import argparse
import json
import random
import re
import resource
import string
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import machine

from distill.curate.decontaminate import Decontaminator
from distill.evaluate.statistics import wilson

PART = 8192


def questions_of(path: Path) -> list[str]:
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    return [row.get("problem") or row["question"] for row in rows]


def replaced(text: str, share: float, words: list[str], rng: random.Random) -> str:
    return " ".join(rng.choice(words) if rng.random() < share else word for word in text.split())


def perturbations(words: list[str], rng: random.Random) -> dict[str, Callable[[str], str]]:
    def other(found: re.Match[str]) -> str:
        number = rng.randrange(2, 10 ** min(len(found[0]), 6) + 2)
        return str(number + (str(number) == found[0]))

    return {
        "verbatim": str,
        "in a prompt": lambda t: f"Solve the following problem step by step. {t}\nPut your answer in \\boxed{{}}.",
        "respaced": lambda t: re.sub(r"([+\-*/=(){}^_<>,])", r" \1 ", t),
        "without spaces around signs": lambda t: re.sub(r"\s*([+\-*/=(){}^_<>,$])\s*", r"\1", t),
        "without punctuation": lambda t: "".join(c for c in t if c not in string.punctuation),
        "5 % of words replaced": lambda t: replaced(t, 0.05, words, rng),
        "10 % of words replaced": lambda t: replaced(t, 0.1, words, rng),
        "20 % of words replaced": lambda t: replaced(t, 0.2, words, rng),
        "numbers changed": lambda t: re.sub(r"\d+", other, t),
    }


class Ngrams:
    """Any shared n-gram, as s1 and open-r1 have it: an approach of theirs, written again."""

    def __init__(self, questions: list[str], n: int) -> None:
        self.n = n
        self.of: dict[str, set[int]] = {}
        for number, question in enumerate(questions):
            for gram in self._grams(question):
                self.of.setdefault(gram, set()).add(number)

    def _grams(self, text: str) -> list[str]:
        words = text.lower().split()
        return [" ".join(words[at : at + self.n]) for at in range(len(words) - self.n + 1)]

    def found(self, texts: list[str]) -> list[set[int]]:
        return [set().union(*(self.of.get(gram, ()) for gram in self._grams(text))) for text in texts]


class Ours:
    def __init__(self, questions: list[str]) -> None:
        self.finder = Decontaminator(questions)
        self.with_changed = False

    def found(self, texts: list[str]) -> list[set[int]]:
        found: list[set[int]] = [set() for _ in texts]
        for at in range(0, len(texts), PART):
            for flag in self.finder.flags(texts[at : at + PART]):
                if self.with_changed or flag.match.kind != "changed":
                    found[at + flag.row].add(flag.question)
        return found


def share(hits: int, of: int) -> dict[str, Any]:
    return {"n": of, "found": hits, "share": hits / of, "interval": wilson(hits, of, 0.95)}


def recall(approach: Any, questions: list[str], words: list[str]) -> dict[str, Any]:
    """A question is found where its own number is among what is found in its perturbed form, or one equal to it."""
    told = {}
    first = {question: number for number, question in reversed(list(enumerate(questions)))}
    for name, perturb in perturbations(words, random.Random(0)).items():
        found = approach.found([perturb(question) for question in questions])
        told[name] = share(
            sum(first[q] in f or n in f for n, (q, f) in enumerate(zip(questions, found, strict=True))), len(questions)
        )
    return told


def mixed(sets: list[list[str]], questions: list[str], count: int) -> list[str]:
    """Rows of real sentences, as many words as real rows have."""
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluated", type=Path, nargs="+", required=True)
    parser.add_argument("--train", type=Path, nargs="+", required=True)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    questions = [q for path in given.evaluated for q in questions_of(path)]
    sets = {path.stem: questions_of(path) for path in given.train}
    words = sorted({w for texts in sets.values() for text in texts for w in text.split()})
    told: dict[str, Any] = {"machine": machine(), "questions": len(questions), "recall": {}, "flagged": {}, "speed": {}}
    ours = Ours(questions)
    approaches = {"ours": ours, "any 8-gram": Ngrams(questions, 8), "any 13-gram": Ngrams(questions, 13)}
    for name, approach in approaches.items():
        told["recall"][name] = recall(approach, questions, words)
        told["flagged"][name] = {s: share(sum(map(bool, approach.found(t))), len(t)) for s, t in sets.items()}
    ours.with_changed = True
    told["recall"]["ours, changed included"] = recall(ours, questions, words)
    told["flagged"]["ours, changed included"] = {
        s: share(sum(map(bool, ours.found(t))), len(t)) for s, t in sets.items()
    }
    for count in given.rows:
        rows = mixed(list(sets.values()), questions, count)
        told["speed"][str(count)] = {"mean characters": sum(map(len, rows)) / count}
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for name, approach in approaches.items():
            started = time.process_time()
            found = sum(map(bool, approach.found(rows)))
            seconds = time.process_time() - started
            told["speed"][str(count)][name] = {"rows_per_cpu_second": round(count / seconds), "flagged": found}
            print(count, name, round(count / seconds), found, flush=True)
        told["speed"][str(count)]["peak_mib"] = [
            before // 1024,
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        ]
    given.out.write_text(json.dumps(told, indent=1) + "\n")
    for name, found in told["recall"].items():
        print(name, {k: f"{v['share']:.1%}" for k, v in found.items()})
    for name, found in told["flagged"].items():
        print(name, {k: f"{v['share']:.2%}" for k, v in found.items()})


if __name__ == "__main__":
    main()
