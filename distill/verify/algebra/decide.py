"""Is an answer the same as the gold answer, in any way of reading them?"""

import re

from distill.verify.algebra.affine import flat, same_flats
from distill.verify.algebra.alternatives import are_apart, says_or
from distill.verify.algebra.applied import functions
from distill.verify.algebra.compare import Comparison
from distill.verify.algebra.exact import NotRational, Undefined
from distill.verify.algebra.families import same_unsaid
from distill.verify.algebra.magnitude import least_bits
from distill.verify.algebra.nodes import (
    Call,
    Family,
    Node,
    Num,
    Sym,
    TooBig,
    Unread,
)
from distill.verify.algebra.order import is_ordered, same_order
from distill.verify.algebra.quantities import names_unit
from distill.verify.algebra.readings import readings, readings_of_both
from distill.verify.algebra.roots import same_roots
from distill.verify.algebra.rules import Rules
from distill.verify.algebra.solved import line_of, same_plane
from distill.verify.algebra.symbols import free, natural

_DECIMAL_COMMA = re.compile(r"([-+\s]*\d+),(\d+)(\D*)")
_LETTER = re.compile(r"\s*(?:\\text(?:bf)?\s*\{)?\(?([A-E])\)?\}?\s*")
_OPTION = re.compile(
    r"\s*(?:\\(?:text(?:bf|rm)?|mathrm|mathbf)\s*\{)?\s*\(([A-E])\)\s*\}?(?:\s|\\[ ,;:])*(?=[^\s}(,*/^+-])"
)
_OTHER_FUNCTIONS = re.compile(
    r"\\(?:zeta|Gamma|(?:var)?phi|sigma|tau|mu|psi|Phi|Psi|Lambda|beta|chi|omega|Omega)\s*(?:\\left)?\("
)
_NAMED = re.compile(r"\s*\\(?:text|mathrm)\w*\s*\{([^{}=:]+)\}\s*=")
_OPTIONS = re.compile(r"\(([A-E])\)")


def decide(gold: str, answer: str, rules: Rules) -> bool | None:
    """Is an answer the same as the gold answer, in any way of reading them? None where that is not decided.

    Raises:
        Unread: one of them is in a notation that is not known.
    """
    if (told := _same_options(gold, answer)) is not None:
        return told
    option, asked = _OPTION.match(answer[:60]), _OPTION.match(gold[:60])
    if option and asked and asked[1] != option[1]:
        return None
    try:
        same = Comparison(rules)
        letters = functions(gold, answer)
        golds, answers = readings_of_both(gold, answer, letters.applied)
        pairs = [(ours, theirs) for ours in golds for theirs in answers]
        if any(isinstance(a, Family) and isinstance(b, Family) for a, b in pairs) and "mod" in gold and "mod" in answer:
            pairs = pairs[:1]  # residues by their modulus too
        found = [_same(ours, theirs, same) for ours, theirs in pairs]
        if True in found and (is_ordered(gold) or is_ordered(answer)):
            found = [told and (same_order(*pair) or None) for told, pair in zip(found, pairs, strict=True)]
        either = says_or(gold), says_or(answer)
        if True in found and either[0] != either[1] and any(are_apart(*pair, either) for pair in pairs):
            return False
        if True in found and _has_doubtful_comma(gold):
            lists = [_same(golds[0], theirs, same) for theirs in answers[:1]]
            return True if lists == [True] else None
    except (ArithmeticError, ValueError, RecursionError, NotRational, Undefined) as e:
        raise Unread from e
    if letters.bare or bool(_OTHER_FUNCTIONS.search(gold)) != bool(_OTHER_FUNCTIONS.search(answer)):
        found = [same or None for same in found]  # a function of number theory, and no product
    if True in found and _named_apart(gold, answer):
        return None
    if True not in found and "log" in gold + answer and any(_same(natural(a), natural(b), same) for a, b in pairs):
        return True
    if True not in found and "\\pi" in gold and any(same_unsaid(a, b, same) for a, b in pairs):
        return True
    return True if True in found else None if None in found else False


def _same_options(gold: str, answer: str) -> bool | None:
    """One a letter, the other one a letter too, or a letter in brackets before the option's text; None for others."""
    for one, other in ((gold, answer), (answer, gold)):
        letter, option = _LETTER.fullmatch(one[:30]), _OPTION.match(other[:60])
        if letter and option and len(_OPTIONS.findall(other)) == 1:
            return letter[1] == option[1]
    letter, other_letter = _LETTER.fullmatch(gold[:30]), _LETTER.fullmatch(answer[:30])
    return True if letter and other_letter and letter[1] == other_letter[1] else None


def _named_apart(gold: str, answer: str) -> bool:
    """`\\text{Area} = 5` and `\\text{Perimeter} = 5`."""
    names = [_NAMED.match(text) for text in (gold, answer)]
    return bool(names[0] and names[1] and names[0][1].strip().lower() != names[1][1].strip().lower())


def _same(gold: Node, answer: Node, same: Comparison) -> bool | None:
    """Lines and planes as wholes, anything else by its parts."""
    ours, theirs = (line_of(node) or flat(node) for node in (gold, answer))
    told = None
    if ours and theirs:
        told = same_flats(ours, theirs)
    elif ours or theirs:
        told = same_plane(answer if ours else gold, ours or theirs, same)  # type: ignore[arg-type]
    if told is None:
        told = same_roots(gold, answer, same)
    return same(gold, answer) if told is None else told


def _has_doubtful_comma(gold: str) -> bool:
    """`2,4` is a list of two, or a number in some countries; `2,74` and `1000,99` are numbers."""
    found = _DECIMAL_COMMA.fullmatch(gold.strip().strip("$"))
    return found is not None and len(found[2]) == 1


def is_larger(gold: str, answer: str) -> bool:
    """Is an answer that is too large to be worked out larger than a number, in all ways of reading it?

    Raises:
        Unread, TooBig: that is not told.
    """
    number = readings(gold)[0]
    if not isinstance(number, Num):
        raise TooBig
    bits = number.value.numerator.bit_length() + 1
    return all(least_bits(node) > bits for node in readings(answer))


def are_measured(gold: str, answer: str) -> bool:
    """Is one of them a number with a unit, whose letters are those of no matrix?"""
    return any(names_unit(node) and not free(node) for one in readings_of_both(gold, answer) for node in one)


def are_constants(gold: str, answer: str) -> bool:
    """Are both expressions without unknowns, of which no other reader can tell more?"""
    return all(
        isinstance(node, Num | Call | Sym) and not free(node) for text in (gold, answer) for node in readings(text)
    )
