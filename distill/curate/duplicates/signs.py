"""Signs between tokens: do they make another formula of the same numbers and symbols?"""

import re

from distill.curate.duplicates.problem_tokens import Tokens, is_symbol

_SIGN = re.compile(r"\}\{|[-−+*/^=<>≤≥≠×÷·|\[\]()!%'’′]")
_SIGN_OF = {"−": "-", "×": "*", "·": "*", "÷": "/", "}{": "/", "’": "'", "′": "'"}
_CLOSING = frozenset(")!%'")
"""Signs of what stands before them: after a word they are punctuation."""

_BOUND = _CLOSING | {"]", "|"}
"""Those among the signs before a word that belong to a formula."""

_OPERATOR = re.compile(r"[-−+*/^=<>≤≥≠][\s~]*$")
_OPENING = re.compile(rf"[$~({{\[|_]$|{_OPERATOR.pattern}")
_BEHIND_SYMBOL = re.compile(r"[$~)}\]|_'’!]|\s*[-−+*/^=<>≤≥≠]")
"""What stands before, or behind, an `a` that is a symbol and no article."""

_QUOTE = re.compile(r"['’‘][\s~$]*$")


def signs_differ(first: Tokens, second: Tokens, equal: list[tuple[int, int, int]]) -> bool:
    """Do signs beside the same number or symbol differ? `equal`: blocks of tokens, where they begin in each and how
    many they are."""
    for begin, other, length in equal:
        ends = begin + length == len(first.words) and other + length == len(second.words)
        count = length + (ends and length > 0)  # what stands behind the last token, too
        ours, theirs = first.between[begin : begin + count], second.between[other : other + count]
        if ours != theirs:
            skipped = bool(begin or other)
            for at, (one, another) in enumerate(zip(ours, theirs, strict=True)):
                if one != another and at >= skipped and _sign_differs(first, begin + at, another):
                    return True
    return False


def has_sign(between: str) -> bool:
    return bool(_SIGN.search(between))


def _sign_differs(text: Tokens, at: int, theirs: str) -> bool:
    ours = text.between[at]
    behind = at > 0 and _is_symbol(text, at - 1)
    before = at < len(text.written) and (_is_symbol(text, at) or (behind and _follows(ours, theirs)))
    if not (behind or before):
        return False
    left_out = _CLOSING | {"("} if not behind else frozenset() if before else None
    one, other = (_signs(between, left_out) for between in (ours, theirs))
    if behind and _QUOTE.search(text.between[at - 1]):  # 'x' is no derivative
        one, other = ([sign for sign in signs if sign != "'"] for signs in (one, other))
    return one != other


def _is_symbol(text: Tokens, at: int) -> bool:
    if text.written[at] not in ("a", "A"):
        return is_symbol(text.written[at])
    return bool(_OPENING.search(text.between[at]) or _BEHIND_SYMBOL.match(text.between[at + 1]))


def _follows(*between: str) -> bool:
    """A word behind an operator is part of the formula: `x - abc`."""
    return any(map(_OPERATOR.search, between))


def _signs(between: str, left_out: frozenset[str] | None) -> list[str]:
    """None: only those that may end a formula before a word."""
    signs = [_SIGN_OF.get(sign, sign) for sign in _SIGN.findall("".join(between.split()))]
    return [sign for sign in signs if (sign in _BOUND if left_out is None else sign not in left_out)]
