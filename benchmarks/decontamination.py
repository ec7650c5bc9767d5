"""Decontamination: what is found of copies of evaluation questions, and what is flagged that is none.

    python benchmarks/decontamination.py --evaluated math500.jsonl gsm8k_test.jsonl ... --train gsm8k_train.jsonl ... \\
        --pairs contamination_s1_lexical.jsonl --rows 10000 100000 --out FILE

Beside the rule of s1 and open-r1 (any shared n-gram, `shared_ngrams`), in one run. Every question is changed once in
each way of `made_copies`, with a seed. `found` counts changed questions that are flagged as themselves (or as one of
the same letters and digits), `right` those among all pairs of row and question that are flagged. `changed`, which
ours reports and keeps, counts as not found, but in the line "with changed". Speed and memory: `decontamination_speed`,
each way in a process of its own.
"""

import argparse
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import machine
from decontamination_speed import speed
from made_copies import chat, copies, unrelated, variants
from shared_ngrams import OpenR1

from distill.curate.decontamination.decontaminate import Decontaminator
from distill.curate.files.asked_text import text_of
from distill.evaluate.statistics import wilson

PART = 8192

SAME = {
    ("math500_0103", "s1k_0181"),
    ("math500_0285", "s1k_0124"),
    ("math500_0080", "s1k_0081"),
    ("math500_0126", "s1k_0498"),
}
"""Pairs of the 36 weakly labelled ones that are the same problem, by hand: who has solved one has solved the other.
Two are identical, one has other line ends, one asks for the sum of two parts of the number that the other asks for.
The other 32 share a sentence that many problems begin or end with, or a pattern with other numbers and questions."""


def questions_of(path: Path) -> list[str]:
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    return [row.get("problem") or row.get("question") or row["text"] for row in rows]


class Ours:
    def __init__(self, questions: list[str], with_changed: bool = False) -> None:
        self.finder = Decontaminator(questions)
        self.with_changed = with_changed

    def found(self, texts: list[str]) -> list[set[int]]:
        found: list[set[int]] = [set() for _ in texts]
        for at in range(0, len(texts), PART):
            for flag in self.finder.flags(texts[at : at + PART]):
                if self.with_changed or flag.match.kind != "changed":
                    found[at + flag.row].add(flag.question)
        return found


def share(hits: int, of: int) -> dict[str, Any]:
    return {"n": of, "found": hits, "share": hits / max(of, 1), "interval": wilson(hits, of, 0.95) if of else None}


def same(question: str) -> str:
    return "".join(c for c in question.lower() if c.isalnum())


def recalled(approach: Any, questions: list[str], rows: list[str]) -> dict[str, Any]:
    """Questions found in their changed forms, and how many of the pairs flagged are such."""
    names = [same(question) for question in questions]
    found = approach.found(rows)
    right = [sum(names[q] == name for q in hits) for name, hits in zip(names, found, strict=True)]
    told = share(sum(map(bool, right)), len(rows))
    told["right"] = share(sum(right), sum(map(len, found)))
    return told


def labelled(make: Callable[[list[str]], Any], path: Path) -> dict[str, Any]:
    """The weakly labelled pairs: how many of the same are found, how many of the others are flagged."""
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    questions = sorted({row["math500_problem"] for row in rows})
    found = make(questions).found([row["train_problem"] for row in rows])
    hits = [questions.index(row["math500_problem"]) in f for row, f in zip(rows, found, strict=True)]
    truth = [(row["math500_id"], row["train_id"]) in SAME for row in rows]
    return {
        "same": share(sum(h and t for h, t in zip(hits, truth, strict=True)), sum(truth)),
        "others": share(sum(h and not t for h, t in zip(hits, truth, strict=True)), len(truth) - sum(truth)),
    }


def told_of(
    make: Callable[[list[str]], Any], questions: list[str], sets: dict[str, list[str]], pairs: Path | None
) -> Any:
    rows = [text for texts in sets.values() for text in texts]
    words = sorted({w for text in rows for w in text.split()})
    approach = make(questions)
    told: dict[str, Any] = {"copies": {}, "variants": {}, "flagged": {}}
    for name, change in copies(words, rows, questions).items():
        rng = random.Random(0)
        told["copies"][name] = recalled(approach, questions, [change(q, rng) for q in questions])
    chats = [text_of(chat(question)) or "" for question in questions]
    told["copies"]["as a chat"] = recalled(approach, questions, chats)
    short = [q for q in questions if len(q.split()) <= 5]
    told["copies"]["five words or fewer, in a prompt"] = recalled(
        make(short), short, [f"Solve the following problem step by step. {q}\nBox the answer." for q in short]
    )
    for name, change in variants().items():
        rng = random.Random(0)
        numbered = [q for q in questions if any(c.isdigit() for c in q)]
        told["variants"][name] = recalled(make(numbered), numbered, [change(q, rng) for q in numbered])
    for name, texts in {**sets, "unrelated, with boilerplate": unrelated(rows, 5000)}.items():
        told["flagged"][name] = share(sum(map(bool, approach.found(texts))), len(texts))
    if pairs:
        told["labelled"] = labelled(make, pairs)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluated", type=Path, nargs="+", required=True)
    parser.add_argument("--train", type=Path, nargs="+", required=True)
    parser.add_argument("--pairs", type=Path, help="contamination_s1_lexical.jsonl")
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    questions = [q for path in given.evaluated for q in questions_of(path)]
    sets = {path.stem: questions_of(path) for path in given.train}
    approaches: dict[str, Callable[[list[str]], Any]] = {
        "ours": Ours,
        "ours, with changed": lambda questions: Ours(questions, with_changed=True),
        "any 8-gram": OpenR1,
        "any 13-gram": lambda questions: OpenR1(questions, 13),
    }
    told: dict[str, Any] = {"machine": machine("rapidfuzz", "numpy"), "questions": len(questions)}
    for name, make in approaches.items():
        told[name] = told_of(make, questions, sets, given.pairs)
        for part, found in told[name].items():
            print(name, part, {k: f"{v['share']:.2%}" for k, v in found.items()}, flush=True)
    told["speed"] = speed(questions, list(sets.values()), given.rows)
    given.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
