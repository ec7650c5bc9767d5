"""Verdicts on labelled pairs: `distill.verify.judge` beside math-verify alone, each row with a hard time limit.

    python benchmarks/verify_accuracy.py --out FILE [--pairs verify_pairs.jsonl] [--math500 math500.jsonl]
        [--gsm8k gsm8k_test.jsonl] [--aime aime24.jsonl aime25.jsonl ...] [--solutions gsm8k_model_solutions.jsonl]

The pairs of `tests/verdict_pairs` always; with the flags the pairs of other projects (once as they stand, once with the
convention-neutral ones in a box), the gold answers of data sets against themselves, their rewritings and wrong
neighbours, and GSM8K's model solutions. An unknown counts against accuracy.
"""

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from common import machine
from verify_children import VERIFIERS, Row, verdicts
from verify_rewritings import REWRITINGS, another, other_sign, plus_one

from distill.evaluate.statistics import wilson
from distill.verify import KINDS

OWN = Path(__file__).parents[1] / "tests" / "verdict_pairs"
COLUMNS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


def own_pairs() -> list[Row]:
    return [json.loads(line) for path in sorted(OWN.glob("*.jsonl")) for line in path.read_text().splitlines()]


def foreign_pairs(path: Path) -> list[Row]:
    """Rows in the layout gold, pred, expected, kind, core, tier."""
    return [
        {
            **r,
            "id": f"{path.stem}-{i}",
            "response": r["pred"],
            "label": r["expected"],
            "group": r.get("tier", r["kind"]),
        }
        for i, r in enumerate(map(json.loads, path.read_text().splitlines()))
    ]


def boxed(rows: list[Row]) -> list[Row]:
    """The convention-neutral pairs, which are single answers, each in a box."""
    core = [r for r in rows if r["core"] and r["kind"] == "math"]
    return [{**r, "response": _in_a_box(r["response"])} for r in core]


def _in_a_box(answer: str) -> str:
    return answer if "boxed" in answer else f"\\boxed{{{answer.strip('$')}}}"


def golds(path: Path) -> list[str]:
    rows = map(json.loads, path.read_text().splitlines())
    answers = [str(r.get("answer", r.get("expected_answer"))) for r in rows]
    return [a.rpartition("####")[2].strip().replace(",", "") if "####" in a else a for a in answers]


def rewritten(answers: list[str], source: str) -> list[Row]:
    """Each gold beside itself, every rewriting that applies, and wrong neighbours."""
    rows: list[Row] = []
    for i, gold in enumerate(answers):
        found: list[tuple[str, str | None, bool]] = [("itself", gold, True)]
        found += [(name, rewrite(gold), True) for name, rewrite in REWRITINGS.items()]
        found += [("plus_one", plus_one(gold), False), ("other_sign", other_sign(gold), False)]
        found += [("other_gold", another(gold, answers[(i + 1) % len(answers)]), False)]
        rows += [
            {"id": f"{source}-{i}-{name}", "kind": "math", "gold": gold, "label": label, "group": name}
            | {"response": f"\\boxed{{{text}}}", "core": name != "with_unit"}
            for name, text, label in found
            if text is not None
        ]
        if "$" not in gold:
            shown = {"id": f"{source}-{i}-dollars", "kind": "math", "gold": gold, "label": True, "core": True}
            rows.append({**shown, "group": "dollars", "response": f"The answer is ${gold}$."})
    return rows


def solutions(path: Path) -> list[Row]:
    return [
        {
            "id": f"gsm8k-{i}-{column}",
            "kind": "math",
            "gold": r["ground_truth"].rpartition("A:")[2].strip().replace(",", ""),
        }
        | {"response": r[column]["solution"], "label": r[column]["is_correct"], "core": True, "group": column}
        for i, r in enumerate(map(json.loads, path.read_text().splitlines()))
        for column in COLUMNS
    ]


def scored(rows: list[Row], found: list[str]) -> dict[str, Any]:
    """Counts of right and wrong verdicts; `unknown` is neither."""
    n = len(rows)
    right = sum(v == ("correct" if r["label"] else "wrong") for r, v in zip(rows, found, strict=True))
    return {
        "n": n,
        "right": right,
        "accuracy": right / n,
        "interval": wilson(right, n, 0.95),
        "accepted": found.count("correct"),
        "false_accepts": sum(v == "correct" and not r["label"] for r, v in zip(rows, found, strict=True)),
        "false_rejects": sum(v == "wrong" and r["label"] for r, v in zip(rows, found, strict=True)),
        "unknown_right": sum(v == "unknown" and r["label"] for r, v in zip(rows, found, strict=True)),
        "unknown_wrong": sum(v == "unknown" and not r["label"] for r, v in zip(rows, found, strict=True)),
    }


def by(key: str, rows: list[Row], found: list[str]) -> dict[str, Any]:
    parts: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        parts.setdefault(str(row[key]), []).append(i)
    return {name: scored([rows[i] for i in at], [found[i] for i in at]) for name, at in sorted(parts.items())}


def measured(name: str, rows: list[Row], verifiers: list[str], seconds: float) -> dict[str, Any]:
    """All verifiers over the rows that they know; the others' kinds are counted and left out."""
    skipped = Counter(r["kind"] for r in rows if r["kind"] not in KINDS)
    print(f"\n{name}: {len(rows)} pairs" + "".join(f", {n} {kind} skipped" for kind, n in sorted(skipped.items())))
    result: dict[str, Any] = {"pairs": len(rows), "skipped": skipped}
    for verifier in verifiers:
        kinds = KINDS if verifier == "ours" else ("math",)
        known = [r for r in rows if r["kind"] in kinds]
        began = time.perf_counter()
        found = list(verdicts(verifier, known, seconds))
        result[verifier] = {
            "seconds": time.perf_counter() - began,
            **{key + "s": by(key, known, found) for key in ("kind", "group")},
            "core": by(
                "kind", [r for r in known if r["core"]], [v for r, v in zip(known, found, strict=True) if r["core"]]
            ),
            "wrong": {
                side: [r["id"] for r, v in zip(known, found, strict=True) if (r["label"], v) == (label, verdict)]
                for side, label, verdict in SIDES
            },
        }
        for title, table in (("all", result[verifier]["kinds"]), ("core", result[verifier]["core"])):
            for kind, s in table.items():
                print(f"  {verifier:21} {title:5}{kind:10}{summary(s)}", flush=True)
        for group, s in result[verifier]["groups"].items():
            if s["right"] < s["n"]:
                print(f"    {group:30}{summary(s)}", flush=True)
    return result


SIDES = (("false_accepts", False, "correct"), ("false_rejects", True, "wrong"), ("unknown", True, "unknown"))


def summary(s: dict[str, Any]) -> str:
    low, high = s["interval"]
    faults = f"false accepts {s['false_accepts']}, false rejects {s['false_rejects']}"
    unknown = f"unknown {s['unknown_right']} right, {s['unknown_wrong']} wrong"
    share = f"{s['n']:6} {100 * s['accuracy']:6.2f} % [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{share}  {faults}, {unknown}, accepted {s['accepted']}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for flag in ("pairs", "math500", "gsm8k", "solutions"):
        parser.add_argument(f"--{flag}", type=Path)
    parser.add_argument("--aime", type=Path, nargs="*", default=[])
    parser.add_argument("--verifiers", nargs="*", default=list(VERIFIERS), choices=list(VERIFIERS))
    parser.add_argument("--seconds", type=float, default=60, help="hard limit a row")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    parts = {"own pairs": own_pairs()}
    if args.pairs:
        parts["other projects' pairs"] = foreign_pairs(args.pairs)
        parts["other projects' core pairs in a box"] = boxed(parts["other projects' pairs"])
    for path in filter(None, (args.math500, args.gsm8k, *args.aime)):
        parts[path.stem] = rewritten(golds(path), path.stem)
    if args.solutions:
        parts["model solutions"] = solutions(args.solutions)
    result = {name: measured(name, rows, args.verifiers, args.seconds) for name, rows in parts.items()}
    args.out.write_text(json.dumps({"machine": machine("math-verify"), **result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
