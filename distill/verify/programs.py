"""The program in a response: fenced blocks, and which of them belong together. Nothing is parsed that a model wrote."""

import re

MOST_CHARACTERS = 200_000
"""A longer program is not run."""

_PYTHON = ("python", "py", "python3", "py3", "")
_DEFINES = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]*)?=(?!=)", re.MULTILINE)
_FUTURE = re.compile(r"^from __future__ import \w[\w, \t]*", re.MULTILINE)
_METHOD = re.compile(r"^[ \t]+(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)
_WORD = re.compile(r"\w+")
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
    blocks = _blocks(response)
    if not blocks:
        return _bare(response) if _LOOKS_LIKE_CODE.search(response) and "```" not in response else None
    if not names:
        reading = [at for at, block in enumerate(blocks) if _READS.search(block)]
        return _with_what_it_uses(blocks, reading[-1] if reading else len(blocks) - 1)
    defining = [at for at, block in enumerate(blocks) if _defined(block) & set(names)]
    if not defining:
        return blocks[-1]
    return _with_what_it_uses(blocks, defining[-1], set(names))


def behind(prefix: str, program: str) -> str:
    """A program with what its problem puts before it; imports from the future come first of all."""
    if not prefix or "__future__" not in program:
        return prefix + program
    return "".join(f"{line}\n" for line in _FUTURE.findall(program)) + prefix + _FUTURE.sub("", program)


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
