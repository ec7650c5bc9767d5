"""Text of a model as a page may show it: escaped, what cannot be seen made visible, what was sought marked."""

import re

from markupsafe import Markup, escape

from distill.view.needle import Needle

LONGEST_SHOWN = 200_000
"""Characters of one text on a page; the rest is a link away."""

AROUND = 90
"""Characters on each side of what was sought, in a list."""

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0d\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Control characters (terminal escapes among them), marks that turn the direction of what follows, letters and tags of
no width, halves of surrogate pairs. Joiners (U+200C, U+200D) and the forms of emoji (U+FE0E, U+FE0F) stay."""


def visible(text: str, needle: Needle | None = None) -> Markup:
    """A text as HTML: nothing in it is markup, every character is seen, and what was sought stands in `<mark>`."""
    shown = text.replace("\r\n", "\n")
    if needle is None:
        return Markup(_UNSEEN.sub(_named, str(escape(shown))))
    parts, at = [], 0
    for begin, end in needle.places(shown):
        parts += [visible(shown[at:begin]), Markup("<mark>"), visible(shown[begin:end]), Markup("</mark>")]
        at = end
    return Markup("").join([*parts, visible(shown[at:])])


def bounded(text: str, needle: Needle | None = None, most: int = LONGEST_SHOWN) -> Markup:
    """The begin of a text that may be of any length, and how much of it is left out."""
    left_out = len(text) - most
    return visible(text[:most], needle) + (f" … and {left_out:,} further characters" if left_out > 0 else "")


def plain(text: str) -> str:
    """A text for places that hold no markup, such as a title."""
    return _UNSEEN.sub(lambda found: f"U+{ord(found[0]):04X}", text)


def _named(found: re.Match[str]) -> str:
    code = ord(found[0])
    name = "ESC" if code == 0x1B else f"U+{code:04X}"
    return f'<span class="unseen">{name}</span>'


def line(text: str, length: int, needle: Needle | None = None) -> Markup:
    """A text as one line of at most so many characters."""
    flat = " ".join(text[: 4 * length].split())
    cut = len(flat) > length or len(text) > 4 * length
    return visible(flat[:length], needle) + ("…" if cut else "")


def around(text: str, needle: Needle) -> Markup | None:
    """What stands around the first place of what was sought; None where there is none."""
    place = next(iter(needle.places(text)), None)
    if place is None:
        return None
    begin, end = max(0, place[0] - AROUND), place[1] + AROUND
    flat = " ".join(text[begin:end].split())
    return ("…" if begin else "") + visible(flat, needle) + ("…" if end < len(text) else "")
