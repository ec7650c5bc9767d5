"""The result of an evaluation on the terminal: one table a set, models side by side, differences below."""

from typing import Any

from rich.table import Table

from distill.console import asked_line, protocol_line
from distill.evaluate.group_table import group_tables, untold

Told = dict[str, Any]


def result_tables(summary: Told) -> list[Table]:
    """A table for each set, those by level and subject below it, and, with several sets, one for their mean."""
    several = len(summary["sets"]) > 1
    tables = [
        table
        for name, told in summary["sets"].items()
        for table in (_of_set(name, told, several), *group_tables(told, name if several else None))
    ]
    if several:
        level = _level(next(iter(summary["sets"].values())))
        tables.append(_over_sets(summary["over_sets"], level))
    return tables


def _of_set(name: str, told: Told, several: bool) -> Table:
    """Accuracy, and with several samples a problem also the best and the most frequent of them."""
    k = told["protocol"]["k"]
    curves = [("pass_at", f"pass@{k}"), ("maj_at", f"maj@{k}")] if k > 1 else []
    curves = [(key, title) for key, title in curves if all(f[key] for f in told["figures"].values())]
    table = _table(
        name if several else None, _level(told), [title for _, title in curves] + ["finished", "mean tokens"]
    )
    table.caption = "\n".join(_captions(name, told))
    for who, f in told["figures"].items():
        more = [_percent(f[key][str(k)]["value"]) for key, _ in curves]
        table.add_row(who, *_accuracy(f), *more, _percent(f["finished"]), f"{f['mean_tokens']:.0f}")
    _add_differences(table, told["differences"])
    return table


def _over_sets(told: Told, level: str) -> Table:
    table = _table("mean of the sets", level, [])
    table.caption = "\n".join(map(_tested, told["differences"]))
    for who, f in told["figures"].items():
        table.add_row(who, *_accuracy(f))
    _add_differences(table, told["differences"])
    return table


def _table(name: str | None, level: str, more: list[str]) -> Table:
    table = Table(title=name, title_justify="left", caption_justify="left")
    table.add_column("")
    for title in ("accuracy", f"{level} interval", *more):
        table.add_column(title, justify="right")
    return table


def _add_differences(table: Table, differences: list[Told]) -> None:
    table.add_section()
    for d in differences:
        interval = f"{100 * d['low']:+.1f} to {100 * d['high']:+.1f}"
        table.add_row(f"{d['of']} - {d['minus']} (paired)", f"{100 * d['mean']:+.1f}", interval)


def _captions(name: str, told: Told) -> list[str]:
    """What stands below a table, paragraph by paragraph."""
    figures = told["figures"].items()
    return [
        protocol_line(told["protocol"], name),
        asked_line(told["protocol"]),
        *map(_tested, told["differences"]),
        *(f"{who} failed: {_failures(f)}" for who, f in figures),
        *(f"{who} looped in {_percent(f['looping'])} of its answers" for who, f in figures if f["looping"]),
        *untold(told),
    ]


def _tested(difference: Told) -> str:
    d = difference
    return f"{d['of']} - {d['minus']}: {in_words(d['p_value'])} ({d['test']} test)"


def in_words(p_value: float) -> str:
    """`p = 0.032`; of small ones the power of ten above them."""
    if p_value >= 0.001:
        return f"p = {p_value:.2g}"
    power = next((power for power in range(-4, -16, -1) if p_value >= 10.0**power), -16)
    return f"p < 1e{power + 1}"


def _failures(figures: Told) -> str:
    """Why a model's answers were not correct, most frequent first."""
    told = [f"{n} {reason.split(': ', 1)[1]}" for reason, n in figures["reasons"].items() if reason[:7] != "correct"]
    return ", ".join(told) or "never"


def _accuracy(figures: Told) -> tuple[str, str]:
    return _percent(figures["accuracy"]), f"{100 * figures['low']:.1f} to {100 * figures['high']:.1f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _level(told: Told) -> str:
    return f"{100 * told['protocol']['confidence']:g} %"
