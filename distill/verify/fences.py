"""Blocks of a response that are fenced as Python's or as nobody's. Nothing is parsed that a model wrote."""

import re
from typing import NamedTuple

_NAMED = re.compile(r"[{.\s]*([a-z]*)")
_PYTHON = ("python", "py", "pycon", "ipython")
_PROSE = ("markdown", "md")
"""Fences around a response that has fences of its own."""

_QUOTE = re.compile(r"(?:> ?)+(?=[`~]{3})")
_DOCSTRING = re.compile("\"\"\"|'''")
_PROMPT = re.compile(r"(?:>>>|\.\.\.)(?: |$)")
CONTINUES = 4
"""Columns from which on a fence may be a line of what is fenced."""


class Block(NamedTuple):
    """What is fenced."""

    text: str
    is_python: bool
    """By the name on its fence."""


class _Open:
    """A fence that is open, and what stands in it so far."""

    def __init__(self, fence: str, language: str, margin: int, quote: str) -> None:
        self.fence, self.language, self.margin, self.quote = fence, language, margin, quote
        self.lines: list[str] = []
        self.in_docstring = False

    def take(self, line: str) -> bool:
        """Add a line; True if it closes the fence."""
        line = line.removeprefix(self.quote) if line.startswith(self.quote) else line.removeprefix(self.quote.rstrip())
        text = line.strip()
        deeper = len(line) - len(line.lstrip()) - self.margin
        if set(text) == {self.fence[0]} and len(text) >= len(self.fence):
            if deeper < CONTINUES or not self.in_docstring:
                return True
        elif text.endswith(self.fence) and text.count(self.fence) == 1:  # closed on the line of its last statement
            self._add(line.rstrip().removesuffix(self.fence))
            return True
        self._add(line)
        return False

    def _add(self, line: str) -> None:
        self.lines.append(line.removeprefix(" " * self.margin))
        self.in_docstring ^= len(_DOCSTRING.findall(line)) % 2 == 1

    def block(self) -> Block | None:
        """As a block; None if it is in another language, or empty."""
        lines = without_prompts(self.lines)
        if self.language not in (*_PYTHON, "") or not any(line.strip() for line in lines):
            return None
        return Block("".join(f"{line}\n" for line in lines), self.language != "")


def blocks(response: str) -> list[Block]:
    """In their order; the last may be left open."""
    found: list[_Open] = []
    now: _Open | None = None
    around = ""
    for line in response.split("\n"):
        if now is not None:
            now = None if now.take(line) else now
        elif (opened := _opened(line)) is not None:
            if opened.language in _PROSE:
                around = opened.fence
            elif not (around and line.strip() == around):
                now = opened
                found.append(opened)
    return [block for one in found if (block := one.block()) is not None]


def _opened(line: str) -> _Open | None:
    quote = found[0] if (found := _QUOTE.match(line)) else ""
    text = line[len(quote) :].strip()
    if not text.startswith(("```", "~~~")):
        return None
    language = text.lstrip(text[0])
    named = _NAMED.match(language.lower())
    if "`" in language or named is None:
        return None
    margin = 0 if quote else len(line) - len(line.lstrip())
    return _Open(text[: len(text) - len(language)], named[1] or language.strip(), margin, quote)


def without_prompts(lines: list[str]) -> list[str]:
    """Lines as a session of the interpreter shows them, without its prompts and what it printed."""
    first = next((line for line in lines if line.strip()), "")
    if not first.startswith(">>>"):
        return lines
    return [line[4:] for line in lines if _PROMPT.match(line)]
