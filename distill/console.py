"""How the results of a run are told: a line a stage, a table at the end."""

from typing import Any

from distill.recipe_evaluate import HELD_OUT

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
        dropped += f", {counts['unfit']} unfit and left out" if counts.get("unfit") else ""
        loss = f"final loss {float(counts['final_loss']):.3f}"
        return f"{counts['steps']} steps over {counts['rows']} rows{dropped}, {loss}{_merged(counts)}"
    if stage == "on_policy":
        first, last = float(counts["first_reverse_kl"]), float(counts["final_reverse_kl"])
        told = f"reverse KL {first:.3f} to {last:.3f}"
        return f"{counts['steps']} steps over {counts['answers']} own answers, {told}{_merged(counts)}"
    if stage == "evaluate":
        several = len(counts["sets"]) > 1
        return "; ".join(
            (f"{name}: " if several else "") + ", ".join(f"{who} {percent(f)}" for who, f in told["figures"].items())
            for name, told in counts["sets"].items()
        )
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
    """`42 s`, `3 min 05 s`, `2 h 10 min`, `1,234 h`: from a hundred hours on without minutes."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    if minutes < 100 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes / 60:,.0f} h"


def problems_of(name: str, count: int) -> str:
    """So many problems, and of which set; `held_out` are the recipe's own."""
    problems = "problem" if count == 1 else "problems"
    return f"{count:,} held-out {problems}" if name == HELD_OUT else f"{count:,} {problems} of {name}"


def protocol_line(protocol: Counts, name: str) -> str:
    """How the set of that name was asked."""
    temperature, k = protocol["temperature"], protocol["k"]
    sampling = "greedy" if temperature == 0 else f"T {temperature}, top-p {protocol['top_p']}"
    preset = [f"preset {protocol['preset']}"] if protocol.get("preset") else []
    return ", ".join(
        [
            *preset,
            problems_of(name, protocol["n"]),
            f"{k} sample{'s' if k > 1 else ''} each",
            sampling,
            f"at most {protocol['max_tokens']} tokens",
            f"seed {protocol['seed']}",
            protocol["engine"],
            protocol["dtype"].split(" ")[0],
        ]
    )


def asked_line(protocol: Counts) -> str:
    """What was asked, through which template, and of which problems: the last two by their fingerprints."""
    prompt = protocol["prompt"]
    told = [f'"{_short(prompt[key])}"' for key in ("system", "user") if prompt.get(key) not in (None, "{question}")]
    if examples := prompt.get("examples"):
        told.append(f"{len(examples)} examples")
    asked = ", ".join(told) or "the question alone"
    return f"asked: {asked}; template {protocol['template']}, problems sha256 {protocol['problems']}"


def _short(text: str, most: int = 160) -> str:
    """A text in one line; of a long one its beginning and its end."""
    line = " ".join(text.split())
    half = (most - 5) // 2
    return line if len(line) <= most else f"{line[:half]} ... {line[-half:]}"
