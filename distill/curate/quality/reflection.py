"""How often a trace reflects and what it does else of what good reasoners do, counted by lists of words.

Two kinds of lists. Those of oat-zero (Liu et al. 2025), by which self-reflection is found: `KEYWORDS_V1` of their first
report and `KEYWORDS_V2` of the paper (arXiv 2503.20783). There a language model confirms every finding; here it does
not, so these are the keywords alone. And lists of our own for the four behaviours of Gandhi et al. (arXiv 2503.01307),
who had a language model count them: `BEHAVIOURS`. What such lists are worth beside a model's labels of the same traces
is in docs/trace-scores.md (`benchmarks/trace_scores.py`): counts of backtracking go along with the labels, verification
hardly does, and for subgoals and backward chaining there are no labels.

Long traces have more of everything: compare counts of traces of one length, or divide by words.
"""

from typing import NamedTuple

from distill.curate.quality.phrases import Phrases, encoded

KEYWORDS_V1 = (
    "recheck*; rethink*; reevaluate*; re-evaluate*; reevaluation*; re-examine*; reexamine*; try again; check again;"
    " think again; go over the steps"
).split("; ")
"""Of oat-zero's report, which leaves out "wait" on purpose. They do not say what of "rechecked"; here it counts."""

KEYWORDS_V2 = (
    "recheck*; rethink*; reassess*; reevaluate*; re-evaluate*; reevaluation*; re-examine*; reexamine*; reconsider*;"
    " reanalyze*; double-check*; check again; think again; verify again; go over the steps"
).split("; ")
"""Of the paper."""

VERIFICATION = (
    "let me check; let's check; to check; checking; check if; check that; check whether; check this; double-check*;"
    " double check*; recheck*; re-check*; verif*; to confirm; let me confirm; make sure; let me test; let's test;"
    " plug back; plugging back; plug it back; plugging it back; plug this back; substitute back; substituting back;"
    " sanity check; is that right; is that correct; does this make sense; does that make sense"
).split("; ")
"""An intermediate or final result is tried against the task."""

BACKTRACKING = (
    "hold on; wait, no; no, wait; wait, actually; wait, maybe; alternatively; another approach; another way;"
    " other approach; different approach; different way; something else; try again; let me try; let me start;"
    " start over; starting over; go back; going back; scratch that; on second thought; i made a mistake;"
    " i made an error; i was wrong; i misread; i misunderstood; misinterpret*; that can't be; that's not right;"
    " that isn't right; that's wrong; that's incorrect; doesn't work; doesn't seem right; doesn't make sense;"
    " doesn't help; not helpful; isn't working; dead end; backtrack*; reconsider*; rethink*; reevaluat*; re-evaluat*"
).split("; ")
"""A way is given up, or a step taken back."""

SUBGOALS = (
    "step 1; step 2; step 3; step 4; step 5; first step; next step; first, i; first, let; first, we; break it down;"
    " break this down; break down; break the problem; to do this; to do that; i need to find; we need to find;"
    " i need to figure; we need to figure; start by; first find; then find; subproblem*; sub-problem*; subgoal*;"
    " one by one; case 1; case 2; case 3; intermediate"
).split("; ")
"""The task is taken apart."""

BACKWARD_CHAINING = (
    "work backwards; working backwards; work backward; working backward; worked backwards; go backwards;"
    " going backwards; work back from; reverse engineer*; starting from the answer; starting from the end;"
    " start from the answer; start from the end; starting from the target; start from the target; to get to the target;"
    " to reach the target; to end up with; in order to get; for this to hold; for this to be true; it suffices;"
    " it is enough to; it's enough to; it would be enough; we would need; i would need; what would we need"
).split("; ")
"""Reasoning from what is wanted to what it takes."""

BEHAVIOURS = {
    "verification": VERIFICATION,
    "backtracking": BACKTRACKING,
    "subgoals": SUBGOALS,
    "backward_chaining": BACKWARD_CHAINING,
}

_LISTS = (KEYWORDS_V1, KEYWORDS_V2, *BEHAVIOURS.values())
_ALL = sorted({phrase for phrases in _LISTS for phrase in phrases})
_LISTS_OF = [[number for number, phrases in enumerate(_LISTS) if phrase in phrases] for phrase in _ALL]
_PHRASES = Phrases(_ALL)


class Counts(NamedTuple):
    """How often each list speaks; phrases that overlap count once."""

    keywords_v1: int
    keywords_v2: int
    verification: int
    backtracking: int
    subgoals: int
    backward_chaining: int


def counts(text: str) -> Counts:
    """Counts of one trace; linear in its length."""
    return counts_of(encoded(text))


def counts_of(data: bytes) -> Counts:
    """The same of a text that is `phrases.encoded` already."""
    found, ends = [0] * len(_LISTS), [0] * len(_LISTS)
    for phrase, begin, end in _PHRASES.places(data):
        for number in _LISTS_OF[phrase]:
            if begin >= ends[number]:
                found[number] += 1
                ends[number] = end
    return Counts(*found)
