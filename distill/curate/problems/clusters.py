"""Domains of problems without a model judge: spherical k-means (Dhillon and Modha 2001) of TF-IDF or of embeddings.

The same texts and seed give the same clusters on any machine, in whatever order the texts come. Every vector holds
whole numbers, small enough that each sum in the computation stays below 2**53: it is exact in float64, so that neither
the number of threads, nor the library for matrices, nor the order of rows can change a bit of it. What is left are
single multiplications, divisions and square roots, which IEEE 754 fixes, logarithms of `decimal`, which are rounded
correctly, and `random.random()`, whose sequence Python guarantees. Not guaranteed: the same clusters from another
version of this file, from another tokenizer's library, or for other texts: one text more may move all of them.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from distill.curate.problems.vectors import NORM, Vectors, embedded, squares, unit, weighted
from distill.errors import Refused
from distill.wording import setting

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

MOST_FITTED = 30_000
"""Texts that centroids are fitted to, evenly from all in alphabetical order; the others are only assigned."""

PART = 16_384
"""Texts that are assigned at once."""

RESTARTS = 4
"""Fits from different beginnings, of which the best is taken."""

MOST_ITERATIONS = 100

NONE = -1
"""The label of texts of which no word is known: all that they have in common."""


class _Fit(NamedTuple):
    closeness: int
    centroids: Floats
    """Shape (clusters, dimensions), each of length `NORM`."""


def clusters(texts: Sequence[str], count: int, seed: int = 0, embedding: Path | None = None) -> Labels:
    """A cluster for each text, from 0 for the largest; `NONE` for texts that no word is known of.

    With `embedding`, a folder of static embeddings (model2vec, or sentence-transformers' StaticEmbedding), texts are
    alike in what their tokens mean; without, in the words and LaTeX commands that they share, the rare ones above all.
    There may be fewer clusters than asked for where texts are alike.

    Raises:
        Refused: fewer texts than clusters, no words that could tell them apart (one text, or all the same), or no
            embeddings in the folder.
    """
    if not 1 <= count <= len(texts):
        raise Refused(f"{count} clusters of {len(texts)} texts cannot be made.", "Set 1 to as many as there are texts.")
    order = sorted(range(len(texts)), key=texts.__getitem__)
    fitted = [texts[order[at]] for at in _evenly(len(texts), MOST_FITTED)]
    vectors = weighted(fitted) if embedding is None else embedded(embedding)
    known = vectors(fitted)
    known = known[np.flatnonzero(squares(known))]
    if not known.shape[0]:
        raise Refused(
            f"no word stands in two of the {len(texts):,} texts and not in most of them, so nothing tells them apart.",
            f"Domains may be known, or a judge's: {setting('curate.domains.by', 'known')}; without any all are one.",
        )
    rng = random.Random(seed)
    best = max((_fitted(known, count, rng) for _ in range(RESTARTS)), key=lambda fit: fit.closeness)
    labels = np.empty(len(texts), np.int64)
    labels[order] = _by_size(np.concatenate(list(_assigned(texts, order, vectors, best.centroids))))
    return labels


def _evenly(of: int, most: int) -> Iterator[int]:
    return (at * of // min(of, most) for at in range(min(of, most)))


def _assigned(texts: Sequence[str], order: list[int], vectors: Vectors, centroids: Floats) -> Iterator[Labels]:
    for at in range(0, len(order), PART):
        part = vectors([texts[number] for number in order[at : at + PART]])
        yield np.where(squares(part) > 0, np.argmax(part @ centroids.T, axis=1), NONE)


def _fitted(vectors: Any, count: int, rng: random.Random) -> _Fit:
    """Lloyd's iterations from k-means++ until no text changes its cluster."""
    centroids = _beginning(vectors, count, rng)
    labels = np.full(vectors.shape[0], NONE)
    for _ in range(MOST_ITERATIONS):
        likeness = vectors @ centroids.T
        before, labels = labels, np.argmax(likeness, axis=1)
        if (before == labels).all():
            break
        centroids = _centroids(vectors, labels, likeness.max(axis=1), len(centroids))
    return _Fit(int((vectors @ centroids.T).max(axis=1).sum()), centroids)


def _beginning(vectors: Any, count: int, rng: random.Random) -> Floats:
    """k-means++ (Arthur and Vassilvitskii 2007): each next one with a chance proportional to its distance."""
    chosen = [int(rng.random() * vectors.shape[0])]
    nearest = _likeness(vectors, chosen[-1])
    while len(chosen) < count:
        far = np.cumsum(np.maximum(NORM * NORM - nearest, 0))
        if far[-1] == 0:
            break
        chosen.append(int(np.searchsorted(far, int(rng.random() * far[-1]), side="right")))
        nearest = np.maximum(nearest, _likeness(vectors, chosen[-1]))
    return _dense(vectors[chosen])


def _likeness(vectors: Any, number: int) -> Floats:
    return np.asarray(vectors @ _dense(vectors[[number]])[0])


def _centroids(vectors: Any, labels: Labels, likeness: Floats, count: int) -> Floats:
    """Means, of the length of a vector; a cluster without texts begins again at the text that is least like its own."""
    from scipy.sparse import csr_array

    rows = np.arange(len(labels))
    members = csr_array((np.ones(len(labels)), (labels, rows)), shape=(count, len(labels)))
    sizes = np.bincount(labels, minlength=count)
    means = np.rint(_dense(members @ vectors) * 1024 / np.maximum(sizes, 1)[:, None])
    centroids = unit(means)
    lost = np.flatnonzero(sizes == 0)
    if len(lost):
        centroids[lost] = _dense(vectors[np.argsort(likeness, kind="stable")[: len(lost)]])
    return centroids


def _dense(matrix: Any) -> Floats:
    return matrix if isinstance(matrix, np.ndarray) else np.asarray(matrix.toarray())


def _by_size(labels: Labels) -> Labels:
    """The same clusters, numbered from the largest; of equal ones that of the alphabetically first text comes first."""
    names, first, sizes = np.unique(labels, return_index=True, return_counts=True)
    found = zip((-sizes).tolist(), first.tolist(), names.tolist(), strict=True)
    ranked = sorted(one for one in found if one[2] != NONE)
    numbers = {name: number for number, (_, _, name) in enumerate(ranked)} | {NONE: NONE}
    return np.array([numbers[name] for name in names.tolist()])[np.searchsorted(names, labels)]
