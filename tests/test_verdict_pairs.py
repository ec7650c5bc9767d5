"""The labelled pairs are well formed, and the verifier gets no worse on them."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from isolation import absent

from distill.verify import KINDS, judge
from distill.verify.extract import final_answer, gold_answer
from distill.verify.two_answers import compare

FILES = {
    path.stem: [json.loads(line) for line in path.open(encoding="utf-8")]
    for path in sorted((Path(__file__).parent / "verdict_pairs").glob("*.jsonl"))
}
ROWS: list[dict[str, Any]] = [row for rows in FILES.values() for row in rows]
FIELDS = {"id": str, "kind": str, "gold": str, "response": str, "label": bool, "core": bool, "group": str, "note": str}
DATA = {
    "choice": [set(), {"options"}],
    "code": [{"test_list", "entry_point"}],
    "countdown": [{"numbers", "target"}],
    "language": [{"target"}],
    "leak": [{"prompt"}],
    "number": [set(), {"tolerance"}, {"relative_tolerance"}],
}
LEAST = {"math": 2500, "choice": 330, "number": 240, "countdown": 70, "leak": 60, "format": 30, "language": 40}


class Bounds(NamedTuple):
    """The most rows of a kind that may be judged amiss; to be lowered when the verifier gets better."""

    core_accepted: int
    """Wrong by every convention, yet correct."""
    accepted: int
    """Wrong, yet correct."""
    rejected: int
    """Right, yet wrong."""
    undecided: int
    """Right, yet unknown; on a busy machine some are late."""


BOUNDS = {
    "math": Bounds(0, 0, 8, 15),
    "choice": Bounds(0, 0, 1, 0),
    "number": Bounds(0, 0, 0, 1),
    "countdown": Bounds(0, 0, 0, 0),
}


def test_rows_are_well_formed() -> None:
    for name, rows in FILES.items():
        for row in rows:
            assert {k: type(row[k]) for k in FIELDS} == FIELDS, row
            assert name == f"{row['kind']}-{row['group']}".replace(" ", "-")
            assert row["id"].rpartition("-")[0] == name
            assert row["note"]
            assert set(row) - {"data"} == set(FIELDS)
            assert set(row.get("data", {})) in DATA.get(row["kind"], [set()]), row["id"]
    assert len({row["id"] for row in ROWS}) == len(ROWS)


def test_every_group_has_both_labels_and_half_are_near_misses() -> None:
    for name, rows in FILES.items():
        assert {row["label"] for row in rows} == {True, False}, name
    wrong = sum(not row["label"] for row in ROWS)
    assert 0.5 <= wrong / len(ROWS) < 0.6


def test_there_are_enough_of_each_kind() -> None:
    counts = Counter(row["kind"] for row in ROWS)
    assert all(counts[kind] >= least for kind, least in LEAST.items())
    assert sum(row["core"] for row in ROWS) > 0.8 * len(ROWS)


def test_no_pair_stands_there_twice() -> None:
    seen = Counter(json.dumps([row[k] for k in ("kind", "gold", "response")] + [row.get("data")]) for row in ROWS)
    assert [pair for pair, n in seen.items() if n > 1] == []


@pytest.mark.parametrize("kind", sorted({row["kind"] for row in ROWS} & set(KINDS)))
def test_verdicts_get_no_worse(kind: str) -> None:
    if kind == "code" and (why := absent()):
        pytest.skip(why)
    rows = [row for row in ROWS if row["kind"] == kind]
    at_most = BOUNDS.get(kind, Bounds(0, len(rows) // 20, len(rows) // 20, 0))
    verdicts = {r["id"]: judge(kind, r["response"], r["gold"], r.get("data", {})).verdict for r in rows}
    accepted = [r["id"] for r in rows if not r["label"] and verdicts[r["id"]] == "correct"]
    rejected = [r["id"] for r in rows if r["label"] and verdicts[r["id"]] == "wrong"]
    undecided = [r["id"] for r in rows if r["label"] and verdicts[r["id"]] == "unknown"]
    core = {r["id"] for r in rows if r["core"]}
    assert len(core.intersection(accepted)) <= at_most.core_accepted, accepted
    assert len(accepted) <= at_most.accepted, accepted
    assert len(rejected) <= at_most.rejected, rejected
    assert len(undecided) <= at_most.undecided, undecided


ONE_WAY = 24
"""Pairs of which one side only says more than a value: a sentence, a name for a constant, an equation, a base."""


def test_equality_is_symmetric() -> None:
    turned = []
    for row in ROWS:
        if row["kind"] == "math" and "\\boxed" in row["response"] and (answer := final_answer(row["response"])):
            gold = gold_answer(row["gold"])
            if {compare(answer, gold).verdict, compare(gold, answer).verdict} == {"correct", "wrong"}:
                turned.append(row["id"])
    assert len(turned) <= ONE_WAY, turned
