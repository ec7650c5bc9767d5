"""LIMO's rule score of a trace (Ye et al. 2025, arXiv 2502.03387v3): cheap features of each, scores of the corpus.

| part | weight | measured by | said by |
|---|---|---|---|
| elaborated reasoning | 0.30 | length of the trace, in words | LIMO |
| self-verification | 0.20 | "check", "verify" a word | LIMO |
| exploratory approach | 0.25 | "perhaps", "might" a word | LIMO |
| adaptive granularity | 0.25 | "therefore", "since" a word | LIMO |

LIMO does not say how the four are put on one scale. Whole words, and z-scores over the corpus, are the reading of the
RSR paper (appendix B.2). Ours: words are what stands between white space, case does not count, other forms
("checking") do not either, deviations are those of the population, and a part in which all traces are alike counts 0.
LIMO scores solutions that were found correct; nothing here knows whether a trace is.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from distill.curate.quality.phrases import Phrases, encoded, words
from distill.errors import Refused

Floats = NDArray[np.float64]

WEIGHTS = (0.30, 0.20, 0.25, 0.25)
"""Of length, self-verification, exploration and granularity."""

VERIFYING = ("check", "verify")
EXPLORING = ("perhaps", "might")
ADAPTING = ("therefore", "since")

_PHRASES = Phrases((*VERIFYING, *EXPLORING, *ADAPTING))


class Features(NamedTuple):
    """What the score needs of one trace: four whole numbers."""

    words: int
    verifying: int
    exploring: int
    adapting: int


def features(text: str) -> Features:
    """Counts of one trace, its reasoning with its response; linear in its length."""
    return features_of(encoded(text))


def features_of(data: bytes) -> Features:
    """The same of a text that is `phrases.encoded` already."""
    check, verify, perhaps, might, therefore, since = _PHRASES.counts(data)
    return Features(words(data), check + verify, perhaps + might, therefore + since)


def scores(corpus: ArrayLike) -> Floats:
    """The score of every trace: rows of `corpus` are `Features`, shape (traces, 4).

    The same for a trace to the last bit in whatever order the rows are: sums are exact before they are rounded.

    Raises:
        Refused: another shape, or numbers that are no counts.
    """
    counts = np.asarray(corpus, np.float64)
    if counts.ndim != 2 or counts.shape[1] != len(WEIGHTS):
        raise Refused(f"a quality score needs {len(WEIGHTS)} features a trace; these have the shape {counts.shape}.")
    if not (np.isfinite(counts).all() and (counts >= 0).all()):
        raise Refused("a quality score needs counts; some of these are negative or no numbers.")
    length = counts[:, 0]
    total = np.zeros(len(counts))
    for weight, part in zip(WEIGHTS, (length, *(_per_word(part, length) for part in counts.T[1:])), strict=True):
        total += weight * z_scores(part)
    return total


def z_scores(values: Floats) -> Floats:
    """Deviations from the mean in standard deviations of the population; 0 where all values are alike."""
    if not len(values) or values.min() == values.max():
        return np.zeros(len(values))
    deviations = values - math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum(deviations * deviations) / len(values))
    return deviations / deviation if deviation else np.zeros(len(values))


def _per_word(count: Floats, length: Floats) -> Floats:
    """0 where there are no words."""
    return np.divide(count, length, out=np.zeros(len(count)), where=length > 0)
