"""Standard streams of a program as an interpreter of its own has them, from its start to its end."""

import atexit
import builtins
import gc
import io
import os
import sys
import threading
import types
from contextlib import suppress
from typing import Any

_OF_DEVICES = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
"""There is no /proc that these could lead to."""

_open = io.open


def begin() -> None:
    """Fresh streams over 0, 1 and 2, which stay open whatever becomes of the objects over them."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        mode = "w" if number else "r"
        stream = _open(number, mode, encoding="utf-8", errors="surrogateescape", closefd=False)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)  # what a program swaps must neither close nor lose the first
    builtins.open = io.open = _opened


def _opened(file: Any, *given: Any, **named: Any) -> Any:
    """`open`, for which /dev/stdin is the stream that it is elsewhere."""
    number = _OF_DEVICES.get(file) if isinstance(file, str) else None
    return _open(file if number is None else os.dup(number), *given, **named)


def end(main: types.ModuleType, own: Any) -> bool:
    """As an interpreter ends: threads that are left, what was registered, streams, objects; has all been written?

    `own` is the standard output that the program began with.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    written = _flushed(sys.stdout)
    sys.stdout = own
    main.__dict__.clear()  # files that it left open are written as they go
    with suppress(BaseException):
        gc.collect()
    return _flushed(own) and written


def _flushed(stream: Any) -> bool:
    try:
        stream.flush()
    except ValueError:  # closed, and written by that
        return True
    except Exception:  # noqa: BLE001 - may be the program's own
        return False
    return True
