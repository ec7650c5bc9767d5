"""Problems whose rows give several gold answers: are they the same value, differently written?"""

from collections.abc import Mapping, Set

from distill.records import Problem
from distill.verify.pool import Row, judge_all

SHOWN = 3
"""Problems that are told one by one."""


def disagreeing(golds: Mapping[str, Set[str]], known: Mapping[str, Problem]) -> dict[str, list[str]]:
    """Ids of the problems of which one gold answer, judged by the least one and the other way round, is never correct;
    each with its gold answers."""
    some = {name: sorted(golds[name]) for name in sorted(golds)}
    pairs = [(name, one[0], other) for name, one in some.items() for other in one[1:]]
    rows = [
        Row(known[name].kind, f"\\boxed{{{said}}}", gold, known[name].data)
        for name, one, other in pairs
        for said, gold in ((one, other), (other, one))
    ]
    verdicts = [found.verdict for found in judge_all(rows)]
    either = zip(pairs, verdicts[::2], verdicts[1::2], strict=True)
    return {name: some[name] for (name, _, _), *both in either if "correct" not in both}


def told(found: Mapping[str, list[str]], known: Mapping[str, Problem]) -> str:
    """The first of them, with their gold answers."""
    first = list(found)[:SHOWN]
    some = [f"{_short(known[name].question)!r}: {' or '.join(map(_short, found[name]))}" for name in first]
    return "; ".join([*some, *([f"{len(found) - SHOWN:,} more"] if len(found) > SHOWN else [])])


def _short(text: str, most: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 3]}..."
