"""A program that stands in a response without fences, or between tags: where it begins and where prose goes on."""

import keyword
import re

_BEGINS = re.compile(
    r"(?:def|class|import|from|async def|@)[ \t]*\w|#|\w+(?:, ?\w+)*[ \t]*=|(?:for|while|if|with|print)\b.*[:)]\s*$"
)
_LOOKS_LIKE_CODE = re.compile(
    r"^(?:def|class|import|from|async def|@)[ \t]*\w|^[ \t]+(?:return|yield)\b|\bprint\(|^\w+[ \t]*=[ \t]*lambda\b"
    r"|^[\w, \t]+=.*\binput\(",
    re.MULTILINE,
)
_TAGS = (
    ("[PYTHON]", "[/PYTHON]"),
    ("[BEGIN]", "[DONE]"),
    ("<answer>", "</answer>"),
    ("<code>", "</code>"),
)
"""What stands around a program; [BEGIN] and [DONE] are MBPP's."""

_ENVIRONMENT = re.compile(
    r"\\begin\{(code|verbatim|lstlisting|minted)\}(?:\[[^\]\n]*\]|\{python\})*\n?(.*?)\\end\{\1\}", re.DOTALL
)
"""LaTeX's ways of setting a program."""

_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_CUT = re.compile(r"(?:\"|(?<![A-Za-z]{2})')[^\"']*$")
"""A text that the head of a line does not close."""

_DOCSTRING = re.compile("\"\"\"|'''")
_PAIR = re.compile(r"\b(\w+)[ \t]+(?=(\w+))")
_ALONE = re.compile(r"(\w+)[.:!?]\s*")
_MARKED = re.compile(r"\*\*\w.*\*\*:?\s*$")
_KEYWORDS = frozenset((*keyword.kwlist, "match", "case", "type"))
_HEAD = 200
"""Characters of a line that tell what it is."""


def tagged(response: str) -> str:
    """What stands in the last pair of tags that holds a program; all of it where none does.

    The first [DONE] ends what nothing but the prompt begins.
    """
    for opening, closing in _TAGS:
        first, last = response.find(closing), response.rfind(closing)
        begins = response.find(opening)
        if max(first, begins) < 0 or (opening[0] == "<" and min(first, begins) < 0):
            continue
        if begins < 0 or 0 <= first < begins:
            inner = response[:first]
        else:
            end = len(response) if last < begins else last
            inner = response[response.rfind(opening, 0, end) + len(opening) : end]
        if _LOOKS_LIKE_CODE.search(inner):
            return inner.strip("\n")
    return response


def bare(response: str) -> str | None:
    """From the first line that can begin a program to the first that is prose; None where nothing looks like one."""
    if environments := _ENVIRONMENT.findall(response):
        return str(environments[-1][1])
    while (inner := tagged(response)) != response:
        response = inner
    if not _LOOKS_LIKE_CODE.search(response):
        return None
    lines = response.split("\n")
    continues = response.strip("\n")[:1].isspace()  # the body of a function whose head stands in the prompt
    begins = (at for at, line in enumerate(lines) if _BEGINS.match(line[:_HEAD]) and not is_prose(line))
    start = 0 if continues else next(begins, 0)
    return "\n".join(lines[start : _end(lines, start)]).rstrip("\n") + "\n"


def _end(lines: list[str], start: int) -> int:
    in_docstring = False
    for at in range(start, len(lines)):
        if at > start and not in_docstring and is_prose(lines[at]):
            return at
        in_docstring ^= len(_DOCSTRING.findall(lines[at])) % 2 == 1
    return len(lines)


def is_prose(line: str) -> bool:
    """No line of Python: two words that no keyword joins stand side by side, or a word and a full stop, or markup."""
    head = _QUOTED.sub('""', line[:_HEAD])
    line = (_CUT.sub("", head) if len(line) > _HEAD else head).partition("#")[0]
    if _MARKED.match(line) or ((alone := _ALONE.fullmatch(line)) and alone[1] not in _KEYWORDS):
        return True
    return any(not {first, second} & _KEYWORDS for first, second in _PAIR.findall(line))
