"""What a person sees while a run goes on: progress on a terminal, a line a stage elsewhere."""

import logging
import sys
import time
from contextlib import suppress
from typing import Any

from distill.run import Seal

QUIET_SECONDS = 30
"""Off a terminal, progress is told this often at most."""

TELLING = 0.02
"""Share of the work behind a rate that is told: the first answer of a batch is no measure of those that end with it."""

Counts = dict[str, Any]


class Progress:
    """Tells the progress of a run on stderr, redrawing one line on a terminal."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self._started = self._told = time.monotonic()
        self._first: tuple[float, float] | None = None
        self._width = 0
        self._noticed: dict[str, float] = {}

    def notice(self, text: str) -> None:
        """Tell something now; the same thing not again within a minute."""
        now = time.monotonic()
        if now - self._noticed.get(text, -60.0) >= 60.0:
            self._noticed[text] = now
            self._line(text)

    def begins(self, stage: str) -> None:
        self._started = self._told = time.monotonic()
        self._first = None
        self._line(f"{stage}: begins")

    def ends(self, stage: str, seal: Seal) -> None:
        self._clear()
        self._line(f"{stage}: {summary(stage, seal.counts)} in {duration(seal.seconds)}")

    def skipped(self, stage: str, seal: Seal, why: str = "already done") -> None:
        self._clear()
        self._line(f"{stage}: {why} ({summary(stage, seal.counts)})")

    def harvested(self, done: int, wanted: int, verdicts: dict[str, int]) -> None:
        told = ", ".join(f"{verdicts.get(name, 0)} {name}" for name in ("correct", "wrong", "unknown"))
        self._at("harvest", done, wanted, "traces", told)

    def domains(self, done: int, wanted: int) -> None:
        self._at("domains", done, wanted, "problems", "")

    def trained(self, line: Counts) -> None:
        accuracy = line.get("mean_token_accuracy")
        speed = line.get("tokens_per_second")
        told = f"loss {float(line['loss']):.3f}" + (f", token accuracy {float(accuracy):.3f}" if accuracy else "")
        told += f", {float(speed):,.0f} tokens/s" if speed else ""
        self._at("train", line["step"], line["of"], "steps", told)

    def on_policy(self, line: Counts) -> None:
        told = f"reverse KL {float(line['loss']):.3f}, {float(line['mean_tokens']):.0f} tokens an answer"
        self._at("on_policy", line["step"], line["of"], "steps", f"{told}, {100 * float(line['finished']):.0f} % whole")

    def evaluated(self, who: str, done: int, wanted: int) -> None:
        if done == 0:
            self._first = None
        self._at(f"evaluate {who}", done, wanted, "answers", "")

    def _at(self, stage: str, done: int, of: int, unit: str, told: str) -> None:
        """One progress line: share, rate over this attempt, time left."""
        now = time.monotonic()
        if self._first is None or done < self._first[1]:
            self._first = (now, done)
        since, before = self._first
        rate = (done - before) / (now - since) if now > since and done > before + TELLING * (of - before) else 0.0
        left = f", {rate:.1f} {unit}/s, {duration((of - done) / rate)} left" if rate else ""
        text = f"{stage}: {done} of {of} {unit}{left}" + (f"; {told}" if told else "")
        if self.live:
            self._redraw(text)
        elif now - self._told >= QUIET_SECONDS:
            self._told = now
            self._line(text)

    def _redraw(self, text: str) -> None:
        _write("\r" + text[:150].ljust(self._width))
        self._width = len(text[:150])

    def _clear(self) -> None:
        if self.live and self._width:
            _write("\r" + " " * self._width + "\r")
            self._width = 0

    def _line(self, text: str) -> None:
        self._clear()
        _write(text + "\n")


class Notices(logging.Handler):
    """Shows what the stages say beside their progress: a server that rests, an engine that starts."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.INFO)
        self.progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        self.progress.notice(record.getMessage())


def _write(text: str) -> None:
    """To stderr, which may be closed or full: a run does not end for want of an audience."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(text)
        sys.stderr.flush()


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
    """`42 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


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
