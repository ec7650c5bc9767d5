"""Countdown: make a target from given numbers. Generated, solvable, nothing of the held-out ones in training."""

import random

from distill.errors import Refused
from distill.recipe import CountdownProblems
from distill.records import Problem

FRUITLESS_DRAWS = 200_000
"""So many draws in a row without a new problem mean that there are no more to be had."""


def countdown_problems(spec: CountdownProblems, seed: int) -> list[Problem]:
    """Solvable Countdown problems; a third of the targets, with number sets of their own, is held out.

    A target is the value of a random expression over the numbers, so every problem has a solution.
    """
    rng = random.Random(seed)
    targets = range(spec.min_target, spec.max_target + 1)
    held_targets = set(rng.sample(targets, max(1, len(targets) // 3)))
    owner: dict[tuple[int, ...], bool] = {}
    found: dict[bool, dict[str, Problem]] = {False: {}, True: {}}
    wanted = {False: spec.count, True: spec.held_out}
    fruitless = 0
    while any(len(found[h]) < wanted[h] for h in wanted):
        fruitless += 1
        if fruitless > FRUITLESS_DRAWS:
            have = " and ".join(f"{len(found[h])} of {wanted[h]}" for h in (False, True))
            raise Refused(
                f"problems.count and problems.held_out ask for more Countdown problems than there are with "
                f"{spec.numbers} numbers up to {spec.max_number} (found {have}).",
                "Ask for fewer, or raise problems.numbers or problems.max_number.",
            )
        numbers = [rng.randint(1, spec.max_number) for _ in range(spec.numbers)]
        target = _random_value(numbers, rng)
        if target is None or target not in targets or target in numbers:
            continue
        held = target in held_targets
        numbers_key = tuple(sorted(numbers))
        if owner.setdefault(numbers_key, held) != held or len(found[held]) == wanted[held]:
            continue
        problem = _countdown(numbers, target, held, seed)
        if problem.id not in found[held]:
            found[held][problem.id] = problem
            fruitless = 0
    return [*found[False].values(), *found[True].values()]


def _random_value(numbers: list[int], rng: random.Random) -> int | None:
    """Value of a random expression over all numbers; None where it leaves the positive integers."""
    values = list(numbers)
    while len(values) > 1:
        a = values.pop(rng.randrange(len(values)))
        b = values.pop(rng.randrange(len(values)))
        high, low = max(a, b), min(a, b)
        options = [a + b, a * b, high - low, high // low if low and high % low == 0 else None]
        value = rng.choice(options)
        if not value:
            return None
        values.append(value)
    return values[0]


def _countdown(numbers: list[int], target: int, held_out: bool, seed: int) -> Problem:
    shown = " ".join(map(str, numbers))
    return Problem(
        id=f"countdown-{'-'.join(map(str, sorted(numbers)))}-{target}",
        question=f"Make {target} from {shown} with + - * /, each number once.",
        answer="",
        kind="countdown",
        data={"numbers": numbers, "target": target},
        source=f"countdown seed {seed}",
        licence="generated",
        held_out=held_out,
    )
