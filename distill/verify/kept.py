"""Verdicts that survive a kill: rows are written as they come, and the same command goes on behind the last of them."""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from distill.errors import DistillError, Refused
from distill.files import json_line, parsed_row, replacing, torn_bytes

Rows = Iterator[dict[str, Any]]

FLUSH_EVERY = 1.0
"""Seconds after which rows are on disk at the latest: some take a minute to judge."""

Tell = Callable[[str], object]
"""Hears a line about how it goes."""


def partial_of(out: Path) -> Path:
    """Where rows lie until all of them are written."""
    return out.with_name(f".{out.name}.partial")


def mark_of(out: Path) -> Path:
    """What rows of which file and settings lie there."""
    return partial_of(out).with_suffix(".of")


def write_rows_kept(
    out: Path, identity: dict[str, str], rows: Callable[[Rows], Rows], tell: Tell = lambda _: None
) -> None:
    """Write what `rows` yields, as JSON lines, to `out`; it replaces what was there when all are written.

    `rows` is given those that an earlier call with the same `identity` (file and settings) wrote before it ended, and
    yields the ones behind them. Where it is another, `tell` hears the keys of what differs.

    Raises:
        Refused: the file cannot be written, or another process writes it; what was there stays.
    """
    partial, mark = partial_of(out), mark_of(out)
    try:
        with _locked(partial) as lines:
            if changed := _changed(mark, identity):
                if lines.seek(0, os.SEEK_END):
                    tell(f"starts over: {', '.join(changed)}")
                lines.truncate(0)
                mark.write_text(json.dumps(identity), encoding="utf-8")
            if torn := torn_bytes(partial):  # a kill or a full disk leaves half a line
                lines.truncate(lines.seek(0, os.SEEK_END) - torn)
            flushed = time.monotonic()
            with _gone_if_empty(lines, partial, mark):
                for row in rows(_rows_of(partial)):
                    lines.write(json_line(row))
                    if time.monotonic() - flushed > FLUSH_EVERY:
                        lines.flush()
                        flushed = time.monotonic()
                lines.flush()
            os.fsync(lines.fileno())
            _put(partial, out)
            mark.unlink()
    except OSError as e:
        raise Refused(
            f"{out} cannot be written: {e.strerror}.", "What was judged is kept; the same command goes on."
        ) from e


def _changed(mark: Path, identity: dict[str, str]) -> list[str]:
    """Keys of `identity` that are others than those that an earlier call has left."""
    try:
        left = json.loads(mark.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        left = None
    held = left if isinstance(left, dict) else {}
    return [key for key, value in identity.items() if held.get(key) != value]


def _put(partial: Path, out: Path) -> None:
    if out.suffix != ".gz":
        partial.replace(out)
        return
    with replacing(out) as packed, partial.open("rb") as lines:
        shutil.copyfileobj(lines, packed)
    partial.unlink()


@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    with path.open("ab+") as lines:
        try:
            fcntl.flock(lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise Refused(
                f"{path} is being written by another process.", "Wait for it, or choose another --out."
            ) from e
        if not path.exists() or not os.path.samestat(os.fstat(lines.fileno()), path.stat()):
            raise Refused(f"{path} has been finished by another process.", "Run the command again.")
        yield lines


@contextmanager
def _gone_if_empty(lines: IO[bytes], *paths: Path) -> Iterator[None]:
    """What ends before its first row leaves nothing behind."""
    try:
        yield
    except BaseException:
        if lines.seek(0, os.SEEK_END) == 0:
            for path in paths:
                path.unlink()
        raise


def _rows_of(partial: Path) -> Rows:
    with partial.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = parsed_row(line, partial, number, halves=True)
            except (DistillError, UnicodeDecodeError) as e:
                raise _damaged(partial) from e
            if not {"verdict", "extracted", "reason"} <= row.keys():
                raise _damaged(partial)
            yield row


def _damaged(partial: Path) -> Refused:
    return Refused(
        f"{partial} is damaged: something else has written there.", "Delete it; the same command starts over."
    )
