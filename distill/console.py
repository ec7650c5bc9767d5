"""How the results of a run are told: a line a stage, a table at the end."""

from typing import Any

Counts = dict[str, Any]


def summary(stage: str, counts: Counts) -> str:
    """What a stage made, in one line."""
    if stage == "problems":
        left = ", ".join(f"{n:,} x {why}" for why, n in counts.get("left_out", {}).items())
        return f"{counts['problems']} to train on, {counts['held_out']} held out{left and f'; left out: {left}'}"
    if stage == "harvest":
        verdicts = ", ".join(f"{counts[name]} {name}" for name in ("correct", "wrong", "unknown"))
        adopted = f", {counts['adopted']} taken over from before" if counts["adopted"] else ""
        cut = f" ({counts['truncated']} cut at max_tokens)" if counts["truncated"] else ""
        taken = f" ({counts['accepted']} accepted)" if counts["accepted"] < counts["correct"] else ""
        verdicts = verdicts.replace(" wrong", f" wrong{cut}").replace(" correct", f" correct{taken}")
        bill = f" for {in_money(counts['cost'])}" if "cost" in counts else ""
        return (
            f"{counts['samples']} traces, {counts['completion_tokens']:,} {counts['unit']}{bill}, {verdicts}, "
            f"{counts['problems_solved']} of {counts['problems']} problems solved{adopted}{_band(counts)}"
            f"{_judge(counts)}"
        )
    if stage == "curate":
        return f"{counts['rows']} of {counts['funnel'][0]['traces']} traces chosen"
    if stage == "train":
        dropped = f", {counts['too_long']} too long and left out" if counts["too_long"] else ""
        loss = f"final loss {float(counts['final_loss']):.3f}"
        return f"{counts['steps']} steps over {counts['rows']} rows{dropped}, {loss}{_merged(counts)}"
    if stage == "on_policy":
        first, last = float(counts["first_reverse_kl"]), float(counts["final_reverse_kl"])
        told = f"reverse KL {first:.3f} to {last:.3f}"
        return f"{counts['steps']} steps over {counts['answers']} own answers, {told}{_merged(counts)}"
    if stage == "evaluate":
        return f"base {percent(counts['base'])}, student {percent(counts['student'])}"
    return str(counts.get("where", ""))


def _merged(counts: Counts) -> str:
    """What merging a QLoRA adapter cost, in either base; with other methods it is rounding alone."""
    if "merged_into" not in counts:
        return ""
    costs = ", ".join(f"{base} {counts[f'merge_into_{base}']['mean']:.1e}" for base in ("clean", "quantised"))
    tokens = counts["merge"]["tokens"]
    return f"; merged into the {counts['merged_into']} base (KL over {tokens:,} tokens, nats a token: {costs})"


def _band(counts: Counts) -> str:
    """How many problems lie where, if the harvest asked how hard they are."""
    if "band" not in counts:
        return ""
    told = ", ".join(f"{counts['band'][side]} {side}" for side in ("below", "inside", "above", "undecided"))
    return f"; difficulty band: {told} ({counts['band']['expected_to_differ']:.1f} of them expected to be told wrongly)"


def _judge(counts: Counts) -> str:
    """What the second instance said, apart from the verdicts of the rules."""
    if "judge" not in counts:
        return ""
    told = counts["judge"]
    said = ", ".join(f"{told[name]} {name}" for name in ("correct", "wrong", "undecided"))
    return f"; {told['model']} judged {told['asked']} of them: {said} ({told['overturned']} overturned)"


def in_money(amount: float) -> str:
    """Two decimals, of small sums two digits."""
    return f"{amount:,.2f}" if amount >= 1 else f"{amount:.2g}"


def percent(figures: Counts) -> str:
    return f"{100 * figures['accuracy']:.1f} % [{100 * figures['low']:.1f}, {100 * figures['high']:.1f}]"


def duration(seconds: float) -> str:
    """`42 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def result_table(summary_json: Counts) -> Any:
    """Base and student side by side, as a rich table."""
    from rich.table import Table

    protocol = summary_json["protocol"]
    level = f"{100 * protocol['confidence']:g} %"
    models = [who for who in ("base", "sft", "student") if who in summary_json]
    failures = "\n".join(f"{who} failed: {_failures(summary_json[who])}" for who in models)
    table = Table(caption=f"{protocol_line(protocol)}\n{failures}", caption_justify="left")
    table.add_column("")
    for name in ("accuracy", f"{level} interval", "finished", "mean tokens"):
        table.add_column(name, justify="right")
    for who in models:
        f = summary_json[who]
        table.add_row(
            who,
            f"{100 * f['accuracy']:.1f} %",
            f"{100 * f['low']:.1f} to {100 * f['high']:.1f}",
            f"{100 * f['finished']:.1f} %",
            f"{f['mean_tokens']:.0f}",
        )
    table.add_section()
    for before, key in (("sft", "difference_from_sft"), ("base", "difference")):
        if d := summary_json.get(key):
            interval = f"{100 * d['low']:+.1f} to {100 * d['high']:+.1f}"
            table.add_row(f"student - {before} (paired)", f"{100 * d['mean']:+.1f}", interval, "", "")
    return table


def _failures(figures: Counts) -> str:
    """Why a model's answers were not correct, most frequent first."""
    told = [f"{n} {reason.split(': ', 1)[1]}" for reason, n in figures["reasons"].items() if reason[:7] != "correct"]
    return ", ".join(told) or "never"


def protocol_line(protocol: Counts) -> str:
    temperature, k = protocol["temperature"], protocol["k"]
    sampling = "greedy" if temperature == 0 else f"T {temperature}, top-p {protocol['top_p']}"
    return ", ".join(
        [
            f"{protocol['n']} held-out problems",
            f"{k} sample{'s' if k > 1 else ''} each",
            sampling,
            f"at most {protocol['max_tokens']} tokens",
            f"seed {protocol['seed']}",
            protocol["engine"],
            protocol["dtype"].split(" ")[0],
        ]
    )
