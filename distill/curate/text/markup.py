"""Texts as they were before they were packed: HTML entities and tags, escapes of JSON, the marks of quotations in
Markdown and of turns in chat templates. What comes has as many characters, so that places stay what they are."""

import html
import re

_ENTITY = re.compile(r"&(?:amp;)*(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8}\d{0,2});")
_COMMANDS = """abla atural ot otin otag e eq eg i u mid exists less leq leqslant geq geqslant gtr parallel cong sim
prec succ subseteq supseteq rightarrow leftarrow Rightarrow Leftarrow earrow warrow earrow ewline ewcommand obreak
oindent onumber olimits ormalsize orm um"""
_NO_LINE = "|".join(sorted(_COMMANDS.split(), key=len, reverse=True))
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}"
    rf"|(?<!\\\\)(?:[\"/]|[tr](?![A-Za-z])|n(?![\u0370-\u04ff]|(?:{_NO_LINE})(?![A-Za-z]))))"
)
"""`\\n` that begins the name of a LaTeX command is none; `\\t` and `\\r` that may begin one are none, nor is one before
Cyrillic or Greek letters: they stand for Latin ones."""
_TAG = re.compile(r"</?([A-Za-z][\w-]{0,20})(?:\s[^<>]{0,300})?/?>")
_CLOSING = re.compile(r"</([A-Za-z][\w-]{0,20})\s*>")
_ALONE = frozenset("br hr p li".split())
_DRAWN = frozenset("svg asy img".split())
_INLINE = frozenset("b i u a em strong span code font small big tt mark var".split())
_TURN = re.compile(r"<\|[^|<>\n]{1,40}\|>|\[/?INST\]")
_QUOTED = re.compile(r"^[ \t]*(?:>(?!>)[ \t]?)+", re.MULTILINE)


def without_markup(text: str) -> str:
    """A text as a reader sees it, as long as it was."""
    if "&" in text and ";" in text:  # single characters are looked for some times faster than two
        text = _ENTITY.sub(_char, text)
    if "\\" in text and ("\\n" in text or '\\"' in text or "\\u" in text):
        text = _ESCAPE.sub(_unescaped, text)
    if "<" in text and ("</" in text or "<br" in text or "<BR" in text):
        text = _without_tags(text)
    if ("|" in text and "<|" in text) or ("]" in text and "INST]" in text):
        text = _TURN.sub(_line, text)
    if ">" in text and text.count("\n>") + text.startswith(">") > 1:  # in one line alone it may be a sign
        text = _QUOTED.sub(lambda found: " " * len(found[0]), text)
    return text


def _char(found: re.Match[str]) -> str:
    """The character that an entity names, however often it was escaped; what names none stays."""
    written = found[0]
    char = html.unescape(re.sub("&(?:amp;)+(?=.)", "&", written))
    return char.ljust(len(written)) if len(char) < len(written) and char[-1] != ";" else written


def _unescaped(found: re.Match[str]) -> str:
    escape = found[0]
    if escape[1] == "u":
        units = bytes.fromhex(escape.replace("\\u", ""))
        return units.decode("utf-16-be", "replace").ljust(len(escape))
    return {"n": " \n", "r": " \n", "t": "  "}.get(escape[1], f" {escape[1]}")


def _line(found: re.Match[str]) -> str:
    return "\n".ljust(len(found[0]))


def _without_tags(text: str) -> str:
    """Without tags whose names are closed somewhere: `a<b` and `c>d` are none. Indices keep their sign."""
    names = {*(name.lower() for name in _CLOSING.findall(text)), *_ALONE} - _DRAWN

    def blank(found: re.Match[str]) -> str:
        name, size = found[1].lower(), len(found[0])
        if name not in names:
            return found[0]
        sign = {"sup": "^", "sub": "_"}.get(name) if found[0][1] != "/" else None
        return (sign or ("\n" if name not in _INLINE and name not in ("sup", "sub") else " ")).ljust(size)

    return _TAG.sub(blank, text)
