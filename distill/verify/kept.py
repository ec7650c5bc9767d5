"""Verdicts that survive a kill: rows are written as they come, and the same command goes on behind the last of them."""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, get_args

from distill.errors import DistillError, Refused
from distill.files import json_line, parsed_row, replacing, torn_bytes
from distill.records import VerdictName

Rows = Iterator[dict[str, Any]]

FLUSH_EVERY = 1.0
"""Seconds after which rows are on disk at the latest: some take a minute to judge."""

ADDED = ("verdict", "extracted", "reason", "verdict_of")
"""What is added to every row, `verdict_of` for the digest of the text that was judged; `flaw` to those whose form is
looked at."""

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
        held = json.loads(mark.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return [f"{mark.name}, which tells what was judged, is gone"]
    except (ValueError, RecursionError):
        held = None
    if not isinstance(held, dict) or held.keys() != identity.keys():
        return [f"{mark.name}, which tells what was judged, is damaged"]
    return [key for key, value in identity.items() if held[key] != value]


def _put(partial: Path, out: Path) -> None:
    if out.suffix != ".gz":
        partial.replace(out)
        return
    with replacing(out) as packed, partial.open("rb") as lines:
        shutil.copyfileobj(lines, packed)
    partial.unlink()


@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    for place in (path, path.with_suffix(".of")):
        if place.exists() and not place.is_file():
            hint = "Rows lie there until all are judged; move it away, or choose another --out."
            raise Refused(f"{place} is there and is no file.", hint)
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
    """What an earlier call has written.

    Raises:
        Refused: something else has written there.
    """
    with partial.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = parsed_row(line.decode("utf-8"), partial, number, halves=True)
            except (DistillError, UnicodeDecodeError) as e:
                raise _damaged(partial) from e
            if not _is_judged(row):
                raise _damaged(partial)
            yield row


def _is_judged(row: dict[str, Any]) -> bool:
    """Has it what is added to a row?"""
    if not set(ADDED) <= row.keys() or row["verdict"] not in get_args(VerdictName):
        return False
    texts = all(isinstance(row[key], str) for key in ("reason", "verdict_of"))
    return texts and all(isinstance(row.get(key), str | None) for key in ("extracted", "flaw"))


def behind(earlier: Rows, given: Rows, out: Path) -> Rows:
    """The `earlier` rows, each of which is one of the `given` ones with what is added; these are then behind them.

    Raises:
        Refused: they are not.
    """
    for row in earlier:
        held = {key: value for key, value in row.items() if key not in (*ADDED, "flaw")}
        one = next(given, None)
        if one is None or json_line(one) != json_line(held):
            raise _damaged(partial_of(out))
        yield row


def _damaged(partial: Path) -> Refused:
    return Refused(
        f"{partial} is damaged: something else has written there.", "Delete it; the same command starts over."
    )
