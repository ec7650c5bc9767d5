"""What is known of a problem before anybody was asked, as numbers that a regression can use."""

import re
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from distill.records import Problem

MOST_CLASSES = 20
"""Values of a text column that get a feature of their own; the rarer ones share none."""

NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def features(problems: list[Problem]) -> NDArray[np.float64]:
    """A row a problem: length and numbers of its question, and what its source tells (`problems.known_keys`).

    Columns have mean 0 and variance 1; constant ones are left out. A value that is missing counts as the mean.
    """
    if not problems:
        return np.zeros((0, 0))
    columns = [
        np.log1p([len(p.question) for p in problems]),
        np.log1p([len(NUMBER.findall(p.question)) for p in problems]),
    ]
    for key in sorted({key for p in problems for key in p.known}):
        values = [p.known.get(key) for p in problems]
        columns += _numbers(values) + _classes(values)
    standard = [_standardised(column) for column in columns]
    varied = [column for column in standard if column.any()]
    return np.stack(varied, axis=1) if varied else np.zeros((len(problems), 0))


def _numbers(values: list[float | str | None]) -> list[NDArray[np.float64]]:
    """The numbers of a column, with the mean in the place of anything else."""
    told = np.array([v if isinstance(v, float | int) else np.nan for v in values], dtype=float)
    if np.isnan(told).all():
        return []
    return [np.where(np.isnan(told), np.nanmean(told), told)]


def _classes(values: list[float | str | None]) -> list[NDArray[np.float64]]:
    """A column for each of the commonest texts."""
    common = Counter(v for v in values if isinstance(v, str)).most_common(MOST_CLASSES)
    return [np.array([v == name for v in values], dtype=float) for name, _ in common]


def _standardised(column: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = column.std()
    return (column - column.mean()) / spread if spread > 1e-9 else np.zeros_like(column)
