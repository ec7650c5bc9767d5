"""Where progress is shown: one live block on a terminal, sparse lines elsewhere.

rich draws the block: each frame is one write that goes back over the last one, so nothing flickers, and what libraries
print meanwhile stands above it. Terminals without cursor movement (TERM=dumb) get lines.
"""

import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TextIO

from distill.console import duration
from distill.meter import UNKNOWN, Pace, rate

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

QUIET_SECONDS = 30.0
"""Off a terminal, progress is told this often at most."""

FRAMES = 8
"""A second, so that a person sees that something lives."""

WIDEST_BAR = 48


@dataclass
class State:
    """What goes on just now."""

    stage: str = ""
    """Empty between stages."""
    since: float = field(default_factory=time.monotonic)
    phases: dict[int, tuple[str, float]] = field(default_factory=dict)
    """By number: what is done that counts nothing, and since when. The last is told."""
    work: str = ""
    """What is counted; empty before anything is."""
    done: int = 0
    of: int = 0
    """0 where it is not known."""
    unit: str = ""
    pace: Pace = UNKNOWN
    noted: float = 0.0
    """When `done` was told last."""
    told: str = ""
    """What is known by now, such as verdicts, loss, money."""

    def doing(self) -> str:
        """What is done that counts nothing; empty where nothing is."""
        if not self.phases:
            return ""
        what, since = list(self.phases.values())[-1]
        return f"{what}, for {duration(time.monotonic() - since)}"

    def counted(self) -> str:
        """`12 of 40 traces, 3.0 traces/s, 9 s left`, as far as it is known."""
        share = f"{self.done:,} of {self.of:,} {self.unit}" if self.of else f"{self.done:,} {self.unit}"
        parts = [share, *([rate(self.pace.per_second, self.unit)] if self.pace.per_second else [])]
        if self.pace.seconds_left is not None:
            parts.append(f"{duration(max(0.0, self.pace.seconds_left - (time.monotonic() - self.noted)))} left")
        return ", ".join(parts)

    def sentence(self) -> str:
        """All in one line."""
        named = self.work or self.stage
        said = self.doing() or (
            self.counted() if self.work else f"at work for {duration(time.monotonic() - self.since)}"
        )
        return f"{named}: {said}" + (f"; {self.told}" if self.told and not self.phases else "")


class Screen(Protocol):
    """Shows lines that stay, and a state that changes."""

    def line(self, text: str) -> None:
        """One that stays."""
        ...

    def show(self, state: State) -> None:
        """What goes on now; the state may be changed and is looked at again."""
        ...

    def close(self) -> None:
        """Leave nothing behind but lines."""
        ...


class Lines:
    """Off a terminal: lines, and what goes on every half minute, also while nothing is counted."""

    def __init__(self, stream: TextIO | None, quiet: float = QUIET_SECONDS) -> None:
        self._stream = stream
        self._quiet = quiet
        self._told = time.monotonic()
        self._state = State()
        self._closed = threading.Event()
        self._lock = threading.RLock()
        threading.Thread(target=self._watch, name="progress", daemon=True).start()

    def line(self, text: str) -> None:
        with self._lock:
            self._told = time.monotonic()
            write(self._stream, text + "\n")

    def show(self, state: State) -> None:
        with self._lock:
            self._state = state
            if state.stage and time.monotonic() - self._told >= self._quiet:
                self.line(state.sentence())

    def close(self) -> None:
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(min(1.0, self._quiet)):
            self.show(self._state)


class Block:
    """On a terminal: a few lines that are drawn again and again."""

    def __init__(self, console: "Console") -> None:
        from rich.live import Live

        self._console = console
        self._state = State()
        self._spinner = 0
        self._live = Live(
            console=console,
            get_renderable=self._drawn,
            refresh_per_second=FRAMES,
            transient=True,
            redirect_stdout=sys.stdout is not None and not sys.stdout.closed and sys.stdout.isatty(),
        )
        self._live.start()

    def line(self, text: str) -> None:
        from rich.text import Text

        self._console.print(Text(text))

    def show(self, state: State) -> None:
        self._state = state

    def close(self) -> None:
        self._live.stop()

    def _drawn(self) -> "RenderableType":
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        state = self._state
        if not state.stage:
            return Text("")
        marks = "-\\|/" if self._console.options.ascii_only else "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
        self._spinner += 1
        said = state.doing() or (state.counted() if state.work else f"for {duration(time.monotonic() - state.since)}")
        rows: list[RenderableType] = [
            Text.assemble(f"{marks[self._spinner % len(marks)]} ", (state.work or state.stage, "bold"), f"  {said}")
        ]
        if state.work and state.of:
            share = 100 * state.done / state.of
            room = max(4, min(WIDEST_BAR, self._console.width - 10))
            bar = Table.grid(padding=(0, 1))
            drawn = ProgressBar(state.of, min(state.done, state.of), room, complete_style="cyan", finished_style="cyan")
            bar.add_row(" ", drawn, f"{share:.0f} %")
            rows.append(bar)
        if state.told:
            rows.append(Text(f"  {state.told}", "dim"))
        return Group(*rows)


class Steady:
    """A stream for rich that never fails: it may be closed or full, and a run does not end for want of an audience."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = stream.encoding

    def write(self, text: str) -> int:
        write(self._stream, text, flush=False)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()


def screen() -> Screen:
    """What fits stderr as it is."""
    stream = sys.stderr
    if stream is None or stream.closed or not stream.isatty():
        return Lines(stream)
    from rich.console import Console

    class Quiet(Console):
        """Leaves the cursor as it is: a run that is killed could not bring it back."""

        def show_cursor(self, show: bool = True) -> bool:
            return False

    steady: TextIO = Steady(stream)  # type: ignore[assignment]
    console = Quiet(file=steady, force_terminal=True, highlight=False, markup=False, emoji=False)
    return Block(console) if console.is_interactive and not console.is_dumb_terminal else Lines(stream)


def write(stream: TextIO | None, text: str, flush: bool = True) -> None:
    """To a stream that may be absent, closed, full, or know other letters."""
    if stream is None:
        return
    with suppress(OSError, ValueError):
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "replace").decode(encoding))
        if flush:
            stream.flush()
