"""What stands around an answer and is none of it: courtesies, marks of the end, a check of the result, quotes."""

import re

from distill.verify.stop_tokens import without_stop_tokens

NEAR_THE_END = 400
"""Characters in which they are looked for."""

_COURTESY = re.compile(
    r"(?:^|\n)[\s*_>-]*(?:I hope|Hope(?:fully)? (?:this|that|it)|Let me know|Feel free|Please (?:let|feel)"
    r"|If you (?:have|need|want|would|'d)|Would you like|Happy to|Thank(?:s| you) for|You're welcome)\b"
    r"(?![^\n]*[Aa]nswer)[^\n]*\s*$",
    re.IGNORECASE,
)
_COURTEOUS = re.compile(
    r"(?<=[.!?$})*])\s+(?:I hope (?:it|this|that)|Hope (?:this|that|it)|Let me know|Feel free to)\b"
    r"(?![^\n]*[Aa]nswer)[^\n]*$",
    re.IGNORECASE,
)
_END = re.compile(
    r"(?:[\s*_$.]|\\\(|\\\))*(?:Q\.?\s?E\.?\s?D\.?|[∎■□▮✓✔✅🎉]\ufe0f?|\\(?:blacksquare|square|Box|checkmark|qed)"
    r"|\\(?:hfill|newline|par|smallskip|medskip|bigskip)|\n\s*-{3,}|\\end\{(?:align|equation|gather)\*?\})"
    r"(?:[\s*_$.]|\\\(|\\\))*$"
)
_NOTE = re.compile(r"\n\s*[(\[][^()\[\]\n]*[a-z]{3}[^()\[\]\n]*[)\]]\s*$")
_CHECK = re.compile(
    r"\n[\s*#_]*(?:verification|check(?:ing)?|sanity check|let(?:'s| us) (?:verify|check))\b[^\n]{0,30}\n",
    re.IGNORECASE,
)
_STRUCK = re.compile(r"(?<![\w}\\~])~~(?=[^\s~])[^~\n]{1,80}(?<=[^\s~])~~(?![\w\\{~])")
"""Struck out in markdown."""

_WORDS = ("hope", "know", "eel free", "lease", "you", "appy to", "hank")
_SIGNS = ("Q", "∎", "■", "□", "▮", "✓", "✔", "✅", "🎉", "\\", "---", ")", "]")
_DRESSING = (*_WORDS, *_SIGNS)
"""One of them stands in whatever is taken away."""

_LEADING = re.compile(r"\s*(?:=>|->|[→⇒∴➜])\s*")
_QUOTES = ("**", "__", "*", "_", "'", '"', "`")


def undressed(tail: str) -> str:
    """The end of a response without what follows its answer."""
    tail = without_stop_tokens(tail).rstrip()
    tail = _STRUCK.sub("", tail).rstrip() if "~~" in tail else tail
    end = tail[-NEAR_THE_END:]
    if not any(map(end.__contains__, _DRESSING)):
        return _without_check(tail)
    head = tail[: len(tail) - len(end)]
    for _ in range(4):
        shorter = end
        for pattern in (_COURTESY, _COURTEOUS, _END, _NOTE):
            shorter = pattern.sub("", shorter)
        if shorter == end or not (head + shorter).strip():
            break
        end = shorter
    return _without_check(head + end)


def _without_check(tail: str) -> str:
    """Without a section that checks the result before it."""
    found = _CHECK.search(tail) if "heck" in tail or "erif" in tail else None
    return tail[: found.start()] if found and re.search(r"\d", tail[: found.start()]) else tail


def unquoted(text: str) -> str:
    """A text that is nothing but an answer, without an arrow before it or marks around it."""
    text = _LEADING.sub("", text, count=1) if text[:1] in "=-→⇒∴➜" and _LEADING.match(text) else text
    for mark in _QUOTES:
        inner = text[len(mark) : -len(mark)]
        if text.startswith(mark) and text.endswith(mark) and inner.strip() and mark not in inner:
            return inner.strip()
    return text
