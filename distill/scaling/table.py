"""A curve as a table for the terminal."""

from typing import Any


def curve_table(curve: dict[str, Any]) -> Any:
    """Points with intervals as a rich table, the metrics beneath."""
    from rich.table import Table

    level = f"{100 * curve['protocol']['confidence']:g} %"
    table = Table(caption=f"{metrics_line(curve['metrics'])}\n{protocol_line(curve)}", caption_justify="left")
    table.add_column("", no_wrap=True)
    for name in ("accuracy", f"{level} interval", "thinking", "cut", "no answer"):
        table.add_column(name, justify="right", min_width=len(name.rpartition(" ")[2]))
    for p in [*curve["points"], *curve.get("compared_with", [])]:
        table.add_row(
            p["label"],
            f"{100 * p['accuracy']:.1f} %",
            f"{100 * p['low']:.1f} to {100 * p['high']:.1f}",
            f"{p['thinking_tokens']:,.0f}",
            f"{100 * p['cut']:.0f} %",
            str(p["no_answer"]),
        )
    return table


def samples_table(told: dict[str, Any]) -> Any:
    """Coverage, majority and the shortest of k, by k."""
    from rich.table import Table

    law = told["law"]
    fitted = "too few points for a law of coverage"
    if law:
        fitted = f"coverage about exp({law['a']:.4g} k^{law['b']:.4g}), off by {100 * law['error']:.1f} points at most"
    table = Table(caption=fitted, caption_justify="left")
    columns = [key for key in ("coverage", "majority", "shortest") if told[key] is not None]
    for name in ("k", *columns):
        table.add_column(name, justify="right")
    for row, k in enumerate(told["k"]):
        table.add_row(str(k), *(f"{100 * told[key][row]:.1f} %" for key in columns))
    return table


def metrics_line(metrics: dict[str, Any]) -> str:
    """Control, Scaling, Performance in words."""
    control = "-" if metrics["control"] is None else f"{100 * metrics['control']:.0f} %"
    slope = "-" if metrics["scaling"] is None else f"{metrics['scaling']:+.1f}"
    if metrics["scaling_low"] is not None:
        slope += f" [{metrics['scaling_low']:+.1f}, {metrics['scaling_high']:+.1f}]"
    thousand = metrics["scaling_per_1000"]
    slope += " points a doubling" + ("" if thousand is None else f", {thousand:+.2f} per 1,000 tokens")
    return (
        f"control {control}; scaling {slope}; performance {100 * metrics['performance']:.1f} %; {metrics['n']} points"
    )


def protocol_line(curve: dict[str, Any]) -> str:
    protocol = curve["protocol"]
    temperature, k = protocol["temperature"], protocol["k"]
    sampling = "greedy" if temperature == 0 else f"T {temperature}, top-p {protocol['top_p']}"
    return (
        f"{protocol['n']} problems, {k} sample{'s' if k > 1 else ''} each, {sampling}, answers of at most "
        f"{protocol['answer_tokens']} tokens, seed {protocol['seed']}, engine {protocol['engine']['kind']}; "
        f"{curve['sampled_tokens']:,} tokens sampled"
    )
