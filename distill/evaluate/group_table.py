"""Accuracy by level and subject on the terminal, below the table of a set."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

Told = dict[str, Any]

MOST = 12
"""Values of a key that fit a screen; more stand in summary.json alone."""


def group_tables(told: Told, name: str | None) -> Iterator[Table]:
    """A table for each key that sorts the problems of a set: what each model got right, and by how much they differ.

    `name` is that of the set where there are several.
    """
    figures: dict[str, Told] = told["figures"]
    first = next(iter(figures.values()))
    for key, groups in (first.get("groups") or {}).items():
        if 1 < len(groups) <= MOST:
            yield _table(key, f"{name}, by {key}" if name else f"by {key}", list(groups), told)


def untold(told: Told) -> list[str]:
    """What is not shown, and where it stands."""
    first = next(iter(told["figures"].values()))
    many = {key: len(groups) for key, groups in (first.get("groups") or {}).items() if len(groups) > MOST}
    return [f"by {key}: {count} values, in summary.json" for key, count in many.items()]


def _table(key: str, title: str, values: list[str], told: Told) -> Table:
    figures, differences = told["figures"], told["differences"]
    level = "interval" if len(figures) == 1 else f"{differences[0]['of']} - {differences[0]['minus']}"
    table = Table(title=title, title_justify="left")
    table.add_column(key, overflow="fold")
    for head in ("problems", *figures, level):
        table.add_column(head, justify="right")
    for value in values:
        of_each = [one["groups"][key][value] for one in figures.values()]
        accuracies = [f"{100 * one['accuracy']:.1f} %" for one in of_each]
        if len(of_each) == 1:
            between = f"{100 * of_each[0]['low']:.1f} to {100 * of_each[0]['high']:.1f}"
        else:
            d = differences[0]["groups"][key][value]
            between = f"{100 * d['mean']:+.1f} ({100 * d['low']:+.1f} to {100 * d['high']:+.1f})"
        table.add_row(value, f"{of_each[0]['n']:,}", *accuracies, between)
    return table
