"""Brings figures to one tracker in a thread of its own: a tracker that hangs or fails holds up nothing."""

import queue
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from distill.files import read_json, write_json
from distill.tracking.tracker import Figures, TrackedRun, Tracker

PATIENCE = 60.0
"""Seconds, at most, that the end of a command waits for a tracker."""

History = Callable[[], Iterable[tuple[int, Figures]]]
"""What the run's own records hold of a stage, by step."""


class Courier:
    """One tracker's. What it fails to take is told once, and brought by the next command that tracks the stage."""

    def __init__(self, tracker: Tracker, tell: Callable[[str], None]) -> None:
        self._tracker = tracker
        self._tell = tell
        self._errands: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._failed = False
        self._is_open = False
        self._last = -1
        self._blind = False
        """Can the tracker not tell which steps it holds?"""
        self._note: Path | None = None
        """Tells that a tracked run has ended, and of a tracker that is blind the last step."""
        self._thread = threading.Thread(target=self._work, name=tracker.name, daemon=True)
        self._thread.start()

    def begins(self, run: TrackedRun, history: History) -> None:
        self._errands.put(lambda: self._open(run, history))

    def note(self, step: int, figures: Figures) -> None:
        self._errands.put(lambda: self._log(step, figures))

    def ends(self, whole: bool) -> None:
        """The tracked run is at its end, or `whole` is False and somebody will go on with it."""
        self._errands.put(lambda: self._close(whole))

    def close(self) -> None:
        """Wait until all is brought, for a while."""
        self._errands.put(None)
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            self._tell(f"{self._tracker.name} has not taken all figures in {PATIENCE:.0f} s and is left behind.")

    def _work(self) -> None:
        while (errand := self._errands.get()) is not None:
            if self._failed:
                continue
            try:
                errand()
            except Exception as e:  # noqa: BLE001 - whatever goes wrong there, the run goes on
                self._failed = True
                said = " ".join(str(e).split())[:300] or type(e).__name__
                self._tell(
                    f"{self._tracker.name} failed and gets nothing more of this run ({said}); the run goes on, and "
                    "its own records are whole."
                )

    def _open(self, run: TrackedRun, history: History) -> None:
        self._note = run.folder / f"{self._tracker.name}.{run.key}.json"
        noted = read_json(self._note) if self._note.exists() else {"step": -1, "ended": False}
        self._is_open = not noted["ended"]
        if not self._is_open:
            return
        held = self._tracker.open(run)
        self._blind = held is None
        self._last = noted["step"] if held is None else held
        for step, figures in history():
            self._log(step, figures)

    def _log(self, step: int, figures: Figures) -> None:
        if not self._is_open or step <= self._last:
            return
        if self._blind:  # first: a step that is missing after a kill is better than one that is there twice
            self._write(step, ended=False)
        self._tracker.log(step, figures)
        self._last = step

    def _close(self, ended: bool) -> None:
        if self._is_open:
            self._is_open = False
            self._tracker.close()
            if ended:
                self._write(self._last, ended)

    def _write(self, step: int, ended: bool) -> None:
        assert self._note is not None
        write_json(self._note, {"step": step, "ended": ended})
