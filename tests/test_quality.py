"""LIMO's rule score: by hand on three traces, whole words only, the same in whatever order the rows are."""

import json
import re
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.curate.quality.phrases import Phrases, encoded, words
from distill.curate.quality.reflection import counts
from distill.curate.quality.rule_score import Features, features, scores
from distill.errors import Refused

TRACES = [
    "Let me check. Perhaps it is 4; CHECK it, since 2 + 2 might be 4. Therefore 4.",
    "It is 4.",
    "Verify: 4.\nSince might is right, checking rechecks and unverified mighty sincere Therefores count nothing.",
]


def test_whole_words_count_in_any_case() -> None:
    assert [features(text) for text in TRACES] == [(18, 2, 2, 2), (3, 0, 0, 0), (15, 1, 1, 1)]
    assert features("") == (0, 0, 0, 0)
    assert features("(check)—verify, re-check_ check2 `might`\tperhaps") == Features(5, 2, 2, 0)


def test_the_score_is_that_of_the_paper() -> None:
    rows = [features(text) for text in TRACES]
    parts = [[r.words for r in rows], *([r[at] / r.words for r in rows] for at in (1, 2, 3))]
    weights = (0.30, 0.20, 0.25, 0.25)
    expected = [
        sum(w * (part[row] - mean(part)) / pstdev(part) for w, part in zip(weights, parts, strict=True))
        for row in range(3)
    ]
    assert scores(rows) == pytest.approx(expected, abs=1e-12)


def test_the_order_of_rows_changes_no_bit() -> None:
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.integers(1, 10**5, 5000), rng.integers(0, 90, (5000, 3))])
    order = rng.permutation(5000)
    assert (scores(rows)[order] == scores(rows[order])).all()


def test_scores_have_mean_0_and_parts_without_variance_count_0() -> None:
    rows = np.array([[10, 0, 3, 0], [20, 0, 6, 0], [40, 0, 12, 0]])
    assert scores(rows) == pytest.approx(0.30 * (rows[:, 0] - 70 / 3) / np.std(rows[:, 0]))
    assert (scores(np.full((7, 4), 3)) == 0).all()
    assert scores(np.zeros((0, 4))).shape == (0,)
    assert (scores([[0, 0, 0, 0], [0, 0, 0, 0]]) == 0).all()


@pytest.mark.parametrize("wrong", [[1, 2, 3, 4], [[1, 2, 3]], [[1, 2, -3, 0]], [[1, 2, float("nan"), 0]]])
def test_what_are_no_features_is_refused(wrong: Any) -> None:
    with pytest.raises(Refused, match="quality score"):
        scores(wrong)


LISTED = ("check", "double-check", "check again", "verif*", "let's see", "wait")
PIECES = [*LISTED, "Check", "verified", "let’s\nsee", "await", "waits", " ", " ", "-", "x", "_", "é", "—", "!", "\n"]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_phrases_are_found_as_a_regular_expression_finds_them(text: str) -> None:
    plain = re.sub(r"\s", " ", text.replace("’", "'").lower())
    edges = [(p.rstrip("*"), "" if p.endswith("*") else r"(?!\w)") for p in LISTED]
    expected = [len(re.findall(rf"(?<!\w)(?={re.escape(p)}{end})", plain, re.ASCII)) for p, end in edges]
    assert Phrases(LISTED).counts(encoded(text)) == expected
    assert words(encoded(text)) == len(re.findall(r"[^ ]+", plain))


def test_real_traces_are_told_apart(data: Path) -> None:
    traces = [json.loads(line)["response"] for line in (data / "r1_distill_traces_500.jsonl").open(encoding="utf-8")]
    rows = [features(text) for text in traces]
    found = scores(rows)
    assert np.isfinite(found).all()
    assert abs(found.mean()) < 1e-9
    assert [row.words for row in rows] == [len(re.findall(r"[^\x00-\x20]+", text)) for text in traces]
    assert len(set(found.tolist())) > 450


def test_spaces_and_hyphens_beyond_ascii_are_such() -> None:
    plain = "I'll re-examine this, and double-check it again.\nLet me check, perhaps: go over the steps."
    for space in "\u00a0\u2009\u202f\u3000":
        for hyphen in "\u2010\u2011":
            written = plain.replace(" ", space).replace("-", hyphen).replace("'", "\u2019")
            assert encoded(written) == plain.encode()
            assert features(written) == features(plain)
            assert counts(written) == counts(plain)
    assert features("che\u00adck\ufeff") == (1, 1, 0, 0)
    assert counts(plain) != counts("")
