"""Boxes that are not written as LaTeX has them: with tokens of a model, or with a backslash that was lost."""

import re

_OPENED, _CLOSED = "<|begin_of_box|>", "<|end_of_box|>"
_UNESCAPED = "\x08oxed{"
"""`"\\boxed{5}"` in a program, where a backslash and b are one character."""

_BARE = re.compile(r"(?<![\\\w])boxed\{")
_ESCAPE = re.compile(r"\x1b\[[\d;]{0,12}[A-Za-z]")
"""Colours of a terminal."""

CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127, 0x200E, 0x200F, *range(0x202A, 0x202F), 0xFEFF])
"""Characters that show nothing, for `str.translate`."""


def with_boxes(text: str) -> str:
    """A text without any LaTeX box, with the boxes that it has in another spelling as such."""
    if _OPENED in text:
        text = text.replace(_OPENED, "\\boxed{").replace(_CLOSED, "}")
    if "boxed{" in text and "\\boxed" not in text:
        text = _BARE.sub(r"\\boxed{", text)
    return text.replace(_UNESCAPED, "\\boxed{") if _UNESCAPED in text else text


def legible(text: str) -> str:
    """A piece of a text without characters that show nothing."""
    if text.isprintable():
        return text
    return (_ESCAPE.sub("", text) if "\x1b" in text else text).translate(CONTROLS)
