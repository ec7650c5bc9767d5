"""Pass rates: the fit finds what made the counts, and reproduces what is known of real ones."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from teachers.pass_rates import fit
from teachers.posterior import UNKNOWN, Beta


def sampled(truth: Beta, problems: int, per_problem: list[int], seed: int = 0) -> Counter[tuple[int, int]]:
    rng = random.Random(seed)
    tally: Counter[tuple[int, int]] = Counter()
    for _ in range(problems):
        rate, n = rng.betavariate(truth.a, truth.b), rng.choice(per_problem)
        tally[sum(rng.random() < rate for _ in range(n)), n] += 1
    return tally


@pytest.mark.parametrize("truth", [Beta(0.7, 1.15), Beta(0.2, 0.1), Beta(4, 12), Beta(0.05, 1)])
def test_the_fit_finds_what_made_the_counts(truth: Beta) -> None:
    fits = [fit(sampled(truth, 3000, [1, 2, 4, 8, 16], seed)) for seed in range(5)]
    assert sum(f.mean for f in fits) / 5 == pytest.approx(truth.mean, rel=0.05)
    assert sum(f.a + f.b for f in fits) / 5 == pytest.approx(truth.a + truth.b, rel=0.12)


def test_pass_rates_of_four_models_on_gsm8k(data: Path) -> None:
    """Each problem has four samples; their fit is the Beta(0.70, 1.15) that is known of them."""
    lines = (data / "gsm8k_model_solutions.jsonl").read_text().splitlines()
    keys = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
    tally = Counter((sum(json.loads(line)[key]["is_correct"] for key in keys), 4) for line in lines)
    found = fit(tally)
    assert found.a == pytest.approx(0.70, abs=0.02)
    assert found.b == pytest.approx(1.15, abs=0.02)


@pytest.mark.parametrize(("cap", "share"), [(4, 0.619), (16, 0.313)])
def test_samples_until_the_first_accepted_one(cap: int, share: float) -> None:
    """Expected samples over the cap: sample i + 1 is needed when the first i all failed."""
    rates = Beta(0.70, 1.15)
    needed = sum(1 - rates.chance_of_any(i) for i in range(cap))
    assert needed / cap == pytest.approx(share, abs=0.001)


def test_little_evidence_moves_the_prior_little() -> None:
    assert fit({}) == UNKNOWN
    assert fit({(0, 0): 50}) == UNKNOWN
    assert 0.5 < fit({(1, 1): 1}).mean < 0.9
    assert fit({(0, 1): 1000}).mean < 0.01
    assert fit({(0, 1): 1000}).after(0, 0).chance_of_any(1) > 0


def test_a_problem_learns_from_its_own_samples() -> None:
    prior = Beta(0.7, 1.15)
    chances = [prior.after(0, n).chance_of_any(1) for n in range(8)]
    assert chances == sorted(chances, reverse=True)
    assert prior.after(3, 4).mean == pytest.approx(3.7 / 5.85)
    assert prior.chance_of_any(0) == 0
