"""What is sought in traces: any text, as it stands there, capitals or not.

A trace is a line of JSON on disk. Before a line is parsed it is looked through for a piece of what is sought that every
writer of JSON leaves as it is; most lines end there, at half a gigabyte a second, so that no index of words is needed
(SQLite's FTS5 takes 0.08 s a megabyte for words, 0.33 s for pieces of them: `benchmarks/view_scale.py`).
"""

import re
from collections.abc import Iterator
from functools import cached_property

LONGEST = 200
"""Characters that may be sought."""

_PLAIN = re.compile(r"[ !#$%()*,\-.0-9:;=?@A-Z\[\]^_a-z{|}~]+")
"""What no writer of JSON escapes: not quotes, slashes, <, >, &, +, nor letters beyond ASCII."""


class Needle:
    """A text that is sought."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._pattern = re.compile(r"\s+".join(map(re.escape, text.split())), re.IGNORECASE)
        pieces = [piece for word in text.split() for piece in _PLAIN.findall(word)]
        self._piece = max(pieces, key=len, default="").lower()
        self._probe = self._piece.encode()
        self._has_letters = self._probe.upper() != self._probe

    def may_be_in(self, line: bytes) -> bool:
        """Can the line of JSON hold it? True for all of them where nothing of it can be sought without parsing."""
        if not self._probe:
            return self._letters.search(line) is not None
        return self._probe in (line.lower() if self._has_letters else line)

    def is_in(self, text: str) -> bool:
        return self._piece in text.lower() and self._pattern.search(text) is not None

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """Begin and end of each place where it stands."""
        return (found.span() for found in self._pattern.finditer(text))

    @cached_property
    def _letters(self) -> re.Pattern[bytes]:
        """The first character, beyond ASCII or escaped, in either case and in either way of writing it."""
        first = self.text.split()[0][0]
        forms = {first, *first.lower(), *first.upper(), *first.upper().lower()}
        raw = [re.escape(form.encode("utf-8", "surrogatepass")) for form in forms]
        escaped = [rb"\\u%s" % unit for form in forms for unit in _units(form)]
        short = [rb"\\"] if first < " " or first in '"\\/' else []
        return re.compile(b"|".join([*raw, *escaped, *short]), re.IGNORECASE)


def _units(character: str) -> list[bytes]:
    """The first escape of four digits that stands for a character."""
    data = character.encode("utf-16-be", "surrogatepass")
    return [b"%02x%02x" % (data[0], data[1])]
