"""Counts of reflection and behaviours, and what becomes of an answer in each reflection of a trace."""

import json
import time
from pathlib import Path

import pytest
from scipy.stats import spearmanr

from distill.curate.quality.reflection import BEHAVIOURS, KEYWORDS_V1, KEYWORDS_V2, Counts, counts
from distill.curate.quality.superficial import reflections, superficial


def test_each_phrase_counts_once_in_its_lists() -> None:
    for number, phrases in enumerate((KEYWORDS_V1, KEYWORDS_V2, *BEHAVIOURS.values())):
        assert len(set(phrases)) == len(phrases)
        for phrase in phrases:
            assert counts(f"Well. {phrase.rstrip('*').upper()}.")[number] == 1, phrase


def test_lists_are_counted_apart() -> None:
    text = (
        "Wait, let me recheck. I\u2019ll double-check that it holds; let me try another\nway, working backwards."
        " Case 1: sure, let\u2019s test it."
    )
    assert counts(text) == Counts(
        keywords_v1=1, keywords_v2=2, verification=3, backtracking=2, subgoals=1, backward_chaining=1
    )
    assert counts("The uncheckable waiter awaited the verification.") == Counts(0, 0, 1, 0, 0, 0)
    assert counts("") == Counts(0, 0, 0, 0, 0, 0)


def test_phrases_that_overlap_count_once() -> None:
    assert counts("double-check again").keywords_v2 == 1
    assert counts("Let me check if it is so.").verification == 1


def test_wait_is_no_keyword() -> None:
    assert counts("Wait. Wait! wait")[:2] == (0, 0)


def effects(text: str, gold: str = "5") -> list[str | None]:
    return [reflection.effect for reflection in reflections(text, gold)]


RIGHT, WRONG = "So the answer is 5.", "So the answer is 6."
AGAIN = "Wait, let me recheck that."


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        (RIGHT, RIGHT, "confirms"),
        (WRONG, RIGHT, "fixes"),
        (RIGHT, WRONG, "breaks"),
        (WRONG, WRONG, "changes nothing"),
        (WRONG, "So the answer is 7.", "changes nothing"),
        (RIGHT, "2 + 3 is 2 and 3.", "changes nothing"),
        ("2 + 3.", RIGHT, None),
        ("2 + 3.", "3 + 2 = 5.", "changes nothing"),  # the trace states no answer at all
        (WRONG, r"Then $\boxed{5}$.", "fixes"),
        (RIGHT, "\\[\\boxed{\n6\n}\\]", "breaks"),
        (WRONG, "The answer is 5? Not so fast.", "changes nothing"),
        (RIGHT, "The answer is a walk in the park.", "changes nothing"),
    ],
)
def test_what_becomes_of_the_answer(before: str, after: str, effect: str | None) -> None:
    assert effects(f"{before} {AGAIN} {after}")[-1] == effect


def test_each_reflection_starts_from_the_answer_stated_last() -> None:
    thinking = f"{WRONG} {AGAIN} Hm. {RIGHT}\nLet me check again. Yes. Wait. {RIGHT} Hold on. {WRONG}"
    text = f"<think>{thinking}</think>\nWait. \\boxed{{5}}"
    assert effects(text) == ["fixes", "changes nothing", "confirms", "breaks", "fixes"]
    assert superficial(reflections(text, "5")) == pytest.approx(2 / 5)
    (first, *_) = reflections(text, "5")
    assert (first.before, first.after) == ("wrong", "correct")
    assert text.encode()[first.begin :].startswith(b"Wait, let me recheck")


def test_without_reflections_nothing_is_told() -> None:
    assert reflections(RIGHT, "5") == []
    assert superficial([]) is None
    assert superficial(reflections(f"2 + 3. {AGAIN} {RIGHT}", "5")) is None


def test_the_cost_is_linear_and_loops_are_judged_once() -> None:
    def seconds(count: int) -> float:
        text = f"{RIGHT} {AGAIN} answer boxed " * count + "x" * 100_000
        started = time.process_time()
        assert len(reflections(text, "5")) == count
        return time.process_time() - started

    assert min(seconds(16_000) for _ in range(3)) < 30 * max(seconds(2000) for _ in range(3))


def test_backtracking_goes_along_with_labels_of_real_traces(data: Path) -> None:
    rows = [json.loads(line) for line in (data / "r1_distill_traces_500.jsonl").open(encoding="utf-8")]
    labelled = [row for row in rows if any(row["label_counts"].values())]
    found = [counts(row["response"]).backtracking for row in labelled]
    assert spearmanr(found, [row["label_counts"]["backtracking"] for row in labelled])[0] > 0.65
