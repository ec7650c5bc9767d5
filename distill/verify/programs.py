"""The program in a response: which of its blocks it is, and which of them belong together.

Nothing is parsed that a model wrote.
"""

import re

from distill.verify.bare_program import bare
from distill.verify.fences import Block, blocks
from distill.verify.stop_tokens import without_stop_tokens

MOST_CHARACTERS = 200_000
"""A longer program is not run."""

_DEFINES = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]*)?=(?!=)", re.MULTILINE)
_FUTURE = re.compile(r"^from __future__ import \w[\w, \t]*", re.MULTILINE)
_METHOD = re.compile(r"^[ \t]+(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)
_WORD = re.compile(r"\w+")
_READS = re.compile(r"\binput\(|\bstdin\b|\bopen\(0\b|\bread\(0\b|\bfileinput\b|\binput\b.*\breadline\b")
_WRITES = re.compile(r"\bprint\(|\bstdout\b|\bwrite\(")
_INDENT = re.compile(r"^[ \t\u00a0\u200b\ufeff]*[\u00a0\u200b\ufeff][ \t\u00a0\u200b\ufeff]*", re.MULTILINE)
_INVISIBLE = dict.fromkeys((0x200B, 0xFEFF)) | {0xA0: " "}


def extract(response: str, names: tuple[str, ...]) -> str | None:
    """The program of a response, None where it has none; `names` are those that tests use, none for whole programs.

    The last block that defines what is tested counts (else the last one), after those before it that
    define what it uses.
    """
    response = _INDENT.sub(lambda found: found[0].translate(_INVISIBLE), without_stop_tokens(response))
    found = blocks(response)
    if not found:
        return bare(response) if "```" not in response else None
    texts = [block.text for block in found]
    if not names:
        return _with_what_it_uses(texts, _whole(found))
    for defines in (_functions, _defined):
        if defining := [at for at, text in enumerate(texts) if defines(text) & set(names)]:
            return _with_what_it_uses(texts, defining[-1], set(names))
    return texts[-1]


def _whole(found: list[Block]) -> int:
    """Which block is a program of its own: the last that reads its input, else that prints, else of all.

    What no fence calls Python is a sample of the output where another is called so.
    """
    every = range(len(found))
    named = [at for at in every if found[at].is_python] or every
    for does in (_READS, _WRITES):
        for among in (named, every):
            if doing := [at for at in among if does.search(found[at].text)]:
                return doing[-1]
    return named[-1]


def behind(prefix: str, program: str) -> str:
    """A program with what its problem puts before it; imports from the future come first of all."""
    if not prefix or "__future__" not in program:
        return prefix + program
    return "".join(f"{line}\n" for line in _FUTURE.findall(program)) + prefix + _FUTURE.sub("", program)


def _functions(block: str) -> set[str]:
    """Functions and classes of a block, and the methods of a `Solution`."""
    found = {function for function, _ in _DEFINES.findall(block) if function}
    return found | set(_METHOD.findall(block)) if "Solution" in found else found


def _defined(block: str) -> set[str]:
    return _functions(block) | {value for _, value in _DEFINES.findall(block) if value}


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
