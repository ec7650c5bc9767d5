"""A terminal for tests: a pseudo-terminal for the program, and the screen that a person would see."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

TOKEN = re.compile(rb"\x1b\[([0-9;?]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n]+)")


class Terminal:
    """Understands what rich writes: text, line ends, cursor up, erase in line, colours; refuses anything else."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[str] = [""]
        self.row = self.column = 0
        self.widest = 0
        self.rows_used = 0

    def feed(self, data: bytes) -> None:
        """Show what a program has written, whole sequences only."""
        at = 0
        for found in TOKEN.finditer(data):
            assert found.start() == at, data[at : at + 20]
            at = found.end()
            argument, command, back, down, text = found.groups()
            if back:
                self.column = 0
            elif down:
                self.row, self.column = self.row + 1, 0
            elif text is not None:
                self._write(text.decode())
            else:
                self._control(argument.decode(), command.decode())
            while len(self.lines) <= self.row:
                self.lines.append("")
        assert at == len(data), data[at : at + 20]

    def _write(self, text: str) -> None:
        self.column += len(text)
        assert self.column <= self.width, f"wider than {self.width}: {text!r}"
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[: self.column - len(text)] + text + line[self.column :]

    def _control(self, argument: str, command: str) -> None:
        match command:
            case "A":
                self.row -= int(argument or 1)
                assert self.row >= 0
            case "K":
                assert argument == "2"
                self.lines[self.row] = ""
            case "m":
                pass
            case _:
                raise AssertionError(f"the cursor is hidden, or an unknown sequence: {argument}{command}")

    def shown(self) -> list[str]:
        """Lines that hold something."""
        return [line.rstrip() for line in self.lines if line.strip()]


def run_in_terminal(
    arguments: list[str], width: int = 80, closed: bool = False, seconds: float = 60.0, **environment: str
) -> tuple[int, list[bytes]]:
    """Run Python with stderr on a terminal; returns its exit code and what it wrote, write by write."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "COLUMNS": str(width), "TERM": "xterm", **environment}
    env = {**env, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen([sys.executable, *arguments], stderr=theirs, stdout=subprocess.DEVNULL, env=env)
    os.close(theirs)
    if closed:
        os.close(ours)
        return process.wait(seconds), []
    pieces: list[bytes] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 0.1)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            piece = os.read(ours, 1 << 16)
        except OSError:  # the other side is closed
            break
        pieces.append(piece)
    os.close(ours)
    return process.wait(seconds), pieces
