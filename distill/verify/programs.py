"""The program in a response: fenced blocks, and which of them belong together. Nothing is parsed that a model wrote."""

import re

from distill.verify.stop_tokens import without_stop_tokens

MOST_CHARACTERS = 200_000
"""A longer program is not run."""

_PYTHON = ("python", "py", "python3", "py3", "")
_DEFINES = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]*)?=(?!=)", re.MULTILINE)
_METHOD = re.compile(r"^[ \t]+(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)
_MARKS = tuple(
    (re.compile(rf"(?<![^\s:>*]){opening}", re.IGNORECASE), re.compile(closing, re.IGNORECASE))
    for opening, closing in (
        (r"\[BEGIN\]", r"\[DONE\]"),
        (r"\[PYTHON\]", r"\[/PYTHON\]"),
        (r"\\begin\{(?:code|verbatim|lstlisting|minted)\}(?:\[[^\]\n]*\]|\{python\})*", r"\\end\{\w+\}"),
        (r"<code>", r"</code>"),
        (r"<answer>", r"</answer>"),
    )
)
"""What begins and ends a program where nothing is fenced; within a line of code none begins one."""

_ENDED = re.compile(r"^[ \t]*\[(?:DONE|/PYTHON)\]", re.IGNORECASE | re.MULTILINE)
"""Ends a program whose beginning stands in the prompt, as MBPP's own has it."""

_WORD = re.compile(r"\w+")
_IMPORTS = re.compile(r"^[ \t]*(?:from[ \t]+(\w+)|import[ \t]+([^\n#;]+))", re.MULTILINE)
_PACKAGES = frozenset(
    "numpy pandas scipy sympy matplotlib seaborn sklearn statsmodels networkx torch tensorflow jax numba requests bs4 "
    "lxml yaml PIL cv2 nltk regex sortedcontainers more_itertools gmpy2 mpmath shapely cvxpy ortools z3 pulp".split()
)
_READS = re.compile(r"\binput\(|\bstdin\b|\bopen\(0\)")
_BEGINS = re.compile(
    r"(?:def|class|import|from|async def|@)[ \t]*\w|#|\w+[ \t]*=|(?:for|while|if|with|print)\b.*[:)]\s*$"
)
_SENTENCE = re.compile(r"(?:[A-Z][a-z']*|I|A),? (?!=|in\b|\w+ =|[-+*/%|&<>])[\w'`]+(?: [\w'`(),]+){2,}.*[.:!?]\s*$")
_LOOKS_LIKE_CODE = re.compile(r"^(?:def|class|import|from|async def|@)[ \t]*\w|^[ \t]+return\b|\bprint\(", re.MULTILINE)


def extract(response: str, names: tuple[str, ...]) -> str | None:
    """The program of a response, None where it has none; `names` are those that tests use, none for whole programs.

    The last block that defines what is tested counts (else the last one), after those before it that
    define what it uses.
    """
    response = without_stop_tokens(response)
    blocks = _blocks(response)
    if not blocks and "```" in response:
        return None
    if not blocks and not (blocks := _marked(response)):
        return _bare(_ENDED.split(response, maxsplit=1)[0]) if _LOOKS_LIKE_CODE.search(response) else None
    if not names:
        reading = [at for at, block in enumerate(blocks) if _READS.search(block)]
        return _with_what_it_uses(blocks, reading[-1] if reading else len(blocks) - 1)
    defining = [at for at, block in enumerate(blocks) if _defined(block) & set(names)]
    if not defining:
        return blocks[-1]
    return _with_what_it_uses(blocks, defining[-1], set(names))


def third_party(program: str) -> str | None:
    """A package that it imports and that Python does not bring along, of those that many programs use."""
    for found in _IMPORTS.finditer(program):
        if lacking := [name for name in _WORD.findall(found[1] or found[2]) if name in _PACKAGES]:
            return lacking[0]
    return None


def _blocks(response: str) -> list[str]:
    """What stands in fences that are Python's or nobody's, in order; the last may be left open."""
    found: list[tuple[str, list[str]]] = []
    fence, margin = "", 0
    for line in response.split("\n"):
        text = line.strip()
        if fence:
            if set(text) == {fence[0]} and len(text) >= len(fence):
                fence = ""
            elif text.endswith(fence) and text.count(fence) == 1:  # closed on the line of its last statement
                found[-1][1].append(line.rstrip().removesuffix(fence).removeprefix(" " * margin))
                fence = ""
            else:
                found[-1][1].append(line.removeprefix(" " * margin))
        elif text.startswith(("```", "~~~")):
            language = text.lstrip(text[0])
            if "`" not in language:
                fence, margin = text[: len(text) - len(language)], len(line) - len(line.lstrip())
                found.append((language.strip().partition(" ")[0].lower(), []))
    blocks = ["".join(f"{line}\n" for line in lines) for language, lines in found if language in _PYTHON]
    return [block for block in blocks if block.strip()]


def _marked(response: str) -> list[str]:
    """What stands between marks of one kind, in order, where it is code; the last may be left open."""
    for opening, closing in _MARKS:
        begun = list(opening.finditer(response))
        ends = [*(mark.start() for mark in begun[1:]), len(response)]
        parts = [
            closing.split(response[mark.end() : end], maxsplit=1)[0] for mark, end in zip(begun, ends, strict=False)
        ]
        if blocks := [part.strip("\n") + "\n" for part in parts if _is_code(part)]:
            return blocks
    return []


def _is_code(text: str) -> bool:
    return bool(_LOOKS_LIKE_CODE.search(text) or _DEFINES.search(text))


def _bare(response: str) -> str:
    """A program without fences: from the first line that can begin one to the first that is a sentence."""
    lines = response.split("\n")
    continues = response.strip("\n")[:1].isspace()  # the body of a function whose head stands in the prompt
    start = 0 if continues else next((at for at, line in enumerate(lines) if _BEGINS.match(line)), 0)
    end = next((at for at in range(start + 1, len(lines)) if _SENTENCE.match(lines[at])), len(lines))
    return "\n".join(lines[start:end]) + "\n"


def _defined(block: str) -> set[str]:
    found = {function or value for function, value in _DEFINES.findall(block)}
    return found | set(_METHOD.findall(block)) if "Solution" in found else found


def _with_what_it_uses(blocks: list[str], main: int, names: set[str] | None = None) -> str:
    """A block and those before it that define what it, or the tests, name and it does not define."""
    chosen, wanted = [blocks[main]], set(_WORD.findall(blocks[main])) | (names or set())
    have = _defined(blocks[main])
    for block in reversed(blocks[:main]):
        if (_defined(block) - have) & wanted:
            chosen.insert(0, block)
            have |= _defined(block)
            wanted |= set(_WORD.findall(block))
    return "\n".join(chosen)
