"""What a run tells while it goes on: to who watches, to `log.jsonl`, and to the trackers that the recipe names."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from distill.console import Counts, duration, in_money, summary
from distill.meter import Meter
from distill.notices import Counted, Phase
from distill.recipe import Price
from distill.run import Run, Seal
from distill.run_log import Did, Doing, Event, Noticed, Progressed
from distill.screen import QUIET_SECONDS, Screen, State, screen
from distill.tracking.runs import Tracking

WORTH_TELLING = 1.0
"""Seconds that something takes before the log says when it ended."""

AGAIN = 60.0
"""Seconds before the same notice is shown once more."""

Harvested = Callable[[int, int, dict[str, int]], None]


class Progress:
    """Told by the stages; tells the rest of the world. Use it with `with`."""

    def __init__(self, on: Screen | None = None) -> None:
        self._screen = on or screen()
        self._state = State()
        self._meter = Meter()
        self._run: Run | None = None
        self._tracking: Tracking | None = None
        self._logged = 0.0
        self._noticed: dict[str, float] = {}

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._screen.close()

    @contextmanager
    def of_run(self, run: Run) -> Iterator[None]:
        """Inside the block it also goes into this run's log and to its trackers, which have all of it at the end."""
        self._run = run
        self._tracking = Tracking(run, self.notice)
        try:
            yield
        finally:
            if run.recipe.track.to:
                self.prepares("waits for the trackers")
            self._tracking.close()
            self._run = self._tracking = None

    def prepares(self, what: str) -> None:
        """Work before or after the stages."""
        self._state = State(stage=what)
        self._screen.show(self._state)

    def notice(self, text: str) -> None:
        """Tell something now; the same thing not again within a minute."""
        now = time.monotonic()
        if now - self._noticed.get(text, -AGAIN) >= AGAIN:
            self._noticed[text] = now
            self._line(text)
            self._log(Noticed(stage=self._state.stage or None, text=text))

    def begins(self, stage: str, fingerprint: str) -> None:
        self._state, self._meter, self._logged = State(stage=stage), Meter(), time.monotonic()
        self._line(f"{stage}: begins")
        self._screen.show(self._state)
        if self._tracking is not None:
            self._tracking.begins(stage, fingerprint)

    def ends(self, stage: str, seal: Seal) -> None:
        self._rest()
        self._line(f"{stage}: {summary(stage, seal.counts)} in {duration(seal.seconds)}")
        if self._tracking is not None:
            self._tracking.ends(seal.counts)

    def skipped(self, stage: str, seal: Seal, why: str = "already done") -> None:
        self._rest()
        self._line(f"{stage}: {why} ({summary(stage, seal.counts)})")
        if self._tracking is not None:
            self._tracking.skipped(stage, seal)

    def phase(self, phase: Phase, what: str) -> None:
        """Something that takes long begins or ends."""
        stage, phases = self._state.stage or None, self._state.phases
        if not phase.ended:
            phases[phase.number] = (what, time.monotonic())
            self._log(Doing(stage=stage, what=what))
        elif phase.number in phases:
            since = phases.pop(phase.number)[1]
            seconds = time.monotonic() - since
            if not phases and self._state.noted <= since:
                self._meter.leave_out(seconds)
            if seconds >= WORTH_TELLING:
                self._log(Did(stage=stage, what=what, seconds=round(seconds, 3)))
        self._screen.show(self._state)

    def counted(self, counted: Counted) -> None:
        """Counts of what has no name of its own, such as rows that are written."""
        work = f"{self._state.stage}: {counted.unit}"
        self._at(work, counted.done, counted.of, counted.unit.split()[0], counted.told, {})

    def harvesting(self, price: Price | None, most: float | None) -> Harvested:
        """What a harvest calls as it goes on, with what its answers cost and at most may cost."""

        def told(done: int, wanted: int, counts: dict[str, int]) -> None:
            judged = max(1, sum(counts.get(name, 0) for name in ("correct", "wrong", "unknown")))
            said = ", ".join(f"{counts.get(name, 0):,} {name}" for name in ("correct", "wrong", "unknown"))
            figures: dict[str, float] = dict(counts)
            if "accepted" in counts:
                figures["accepted_share"] = counts["accepted"] / judged
                said += f", {100 * figures['accepted_share']:.1f} % accepted"
            if price is not None and "completion_tokens" in counts:
                spent = (counts["prompt_tokens"] * price.prompt + counts["completion_tokens"] * price.completion) / 1e6
                figures["cost"] = spent
                said += f", {in_money(spent)}{f' of {in_money(most)}' if most is not None else ''} spent"
            self._at("harvest" if "accepted" in counts else "harvest: judge", done, wanted, "traces", said, figures)

        return told

    def judging(self, judge: str, price: Price | None) -> Harvested:
        """What calls with the replies of a judge to rows of a file, and what they cost."""

        def told(done: int, wanted: int, counts: dict[str, int]) -> None:
            said, figures = judge, {name: float(n) for name, n in counts.items()}
            if price is not None and done:
                tokens = counts.get("judge_prompt_tokens", 0), counts.get("judge_completion_tokens", 0)
                figures["cost"] = (tokens[0] * price.prompt + tokens[1] * price.completion) / 1e6
                said += f", {in_money(figures['cost'])} spent"
            if wanted:
                self._at(f"{self._state.stage}: judge", done, wanted, "replies", said, figures)

        return told

    def domains(self, done: int, wanted: int) -> None:
        self._at(f"{self._state.stage or 'curate'}: domains", done, wanted, "problems", "", {})

    def trained(self, line: Counts) -> None:
        accuracy, speed = line.get("mean_token_accuracy"), line.get("tokens_per_second")
        told = f"loss {float(line['loss']):.3f}" + (f", token accuracy {float(accuracy):.3f}" if accuracy else "")
        told += f", {float(speed):,.0f} tokens/s" if speed else ""
        self._step("train", line, told)

    def on_policy(self, line: Counts) -> None:
        told = f"reverse KL {float(line['loss']):.3f}, {float(line['mean_tokens']):.0f} tokens an answer"
        self._step("on_policy", line, f"{told}, {100 * float(line['finished']):.0f} % whole")

    def evaluated(self, who: str, done: int, wanted: int, counts: Mapping[str, int] | None = None) -> None:
        """Answers of a model, and how many of them have which verdict."""
        said, figures = "", {name: float(n) for name, n in (counts or {}).items()}
        if counts and done:
            said = ", ".join(f"{counts.get(name, 0):,} {name}" for name in ("correct", "wrong", "unknown"))
            said += f", {100 * counts.get('correct', 0) / done:.1f} % correct"
        self._at(f"evaluate {who}", done, wanted, "answers", said, figures)

    def _step(self, stage: str, line: Counts, told: str) -> None:
        figures = {k: float(v) for k, v in line.items() if k not in ("step", "of") and isinstance(v, int | float)}
        if self._tracking is not None:
            self._tracking.note(line["step"], figures)
        self._at(stage, line["step"], line["of"], "steps", told, figures)

    def _at(self, work: str, done: int, of: int, unit: str, told: str, figures: dict[str, float]) -> None:
        """So much of some work is done."""
        state = self._state
        if state.work != work:
            self._meter, self._logged = Meter(), time.monotonic()
        state.work, state.done, state.of, state.unit, state.told = work, done, of, unit, told
        state.pace, state.noted = self._meter.note(done, of), time.monotonic()
        self._screen.show(state)
        if done != of and state.noted - self._logged < QUIET_SECONDS:
            return
        self._logged = state.noted
        speed, left = state.pace
        event = Progressed(
            stage=state.stage,
            work=work,
            done=done,
            of=of,
            unit=unit,
            per_second=round(speed, 6) if speed else None,
            seconds_left=None if left is None else round(left, 1),
            figures=figures,
        )
        self._log(event)
        if work == "harvest" and self._tracking is not None:
            self._tracking.note(done, figures)

    def _rest(self) -> None:
        self._state = State()
        self._screen.show(self._state)

    def _line(self, text: str) -> None:
        """What others said may hold terminal escapes."""
        self._screen.line("".join(c if c.isprintable() else " " for c in text))

    def _log(self, event: Event) -> None:
        if self._run is not None:
            with suppress(OSError):  # a full disk ends the stage in its own words
                self._run.log(event)


class Notices(logging.Handler):
    """Shows what the stages say beside their progress: a server that rests, an engine that starts."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.INFO)
        self.progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        said: dict[str, Any] = record.__dict__
        if "phase" in said:
            self.progress.phase(said["phase"], record.getMessage())
        elif "counted" in said:
            self.progress.counted(said["counted"])
        else:
            self.progress.notice(record.getMessage())
