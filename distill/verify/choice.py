"""Multiple choice: the option that a response settles on, by its letter, by its text, or by both.

What names several options is wrong; what cannot be read is no verdict.
"""

import re

from distill.verify.clause import last_sentence
from distill.verify.extract import behind_boxes
from distill.verify.final import MAX_ANSWER, TAIL, last_line, said_behind, stated, unmarked, without_emphasis
from distill.verify.judgement import Judgement, correct, unknown, wrong
from distill.verify.option_letters import CALLED, announced, asserted, judged_each, last_said, second_thoughts, ticked
from distill.verify.option_reader import (
    ALONE,
    BEFORE_REASON,
    HEAD,
    NAME,
    Unread,
    bare,
    by_text,
    options_with,
    read,
    with_mark,
)
from distill.verify.option_text import names
from distill.verify.options import LETTERS, letters_with, options_of, plain
from distill.verify.reconsidered import settles_elsewhere
from distill.verify.suppositions import without_suppositions
from distill.verify.wording import EXCLUDE, INSTEAD, MAYBE, MIGHT, NOT, SUPPOSED, WRONG

_IS_IT = r"(?:\b(?:is|are|was|were|be|called|equals)|[:=→])\s+(?:the |an? )?{}[.!]?$"
_HEDGED = re.compile(rf"\b(?:{SUPPOSED}|{MIGHT}|would|some|{MAYBE}|unlikely|{WRONG})\b", re.I)
_LISTED = re.compile(rf"(?:[-*•]\s*)?(?:{CALLED})?[(\[{{]?\s*([A-J])\s*[)\].:]", re.IGNORECASE)
_IT_IS = re.compile(
    rf"(?:.*[.;,]\s)?(?:(?:so|thus|therefore|hence),? )?(?:it|that)(?: is|'s| must be| has to be|'s got to be)"
    rf" (?:{CALLED})?\(?([A-HJ])\)?(?:,? (?:even though|though|although|while)\b[^.!?]*)?[.!]?",
    re.IGNORECASE,
)
_BEHIND = re.compile(r"\b(?:it|that|answer|option) is \(?([A-HJ])\)?[.!]?$")
"""Behind a box that is denied."""

NEAR = 300
"""Characters at the end in which letters are ticked and crossed out."""

_AND_ALSO = re.compile(r"\n\s*(?:and |but )?also \(?[A-J]\)?[.!]?\s*$")
_SEVERAL = re.compile(r"\(?[A-J]\)?(?:\s*(?:[,;/&、]|,?\s(?:and|und|et|y)\s|和|)\s*\(?[A-J](?![a-z])\)?)+")
_BOLD = re.compile(r"(?<!\w)\*\*(?=\S)([^*\n]+)(?<=\S)\*\*(?!\w)")
_DENYING = re.compile(rf"\b(?:{NOT}|{INSTEAD}|{EXCLUDE}|without|except|opposite|rule|but)\b|n't\b|\?", re.I)
_TWO_BOXES = re.compile(
    r"\\boxed\s*\{[^{}]{0,40}(?:\{[^{}]{0,40}\})?\s*\}[\s$)\\]{0,6}(?:and|or|,|/|&|und|oder|et|ou)[\s$(\\]{0,6}\\?boxed"
)


SHORTEST_SENTENCE = 5
"""Characters of a gold answer that may state an option instead of being one."""


def judge(response: str, answer: str, data: dict) -> Judgement:
    """Judge a response by the option that it settles on.

    `data` may hold `options`, their texts in order; without them only letters can be read.
    """
    options = options_of(data)
    gold = letter_of(answer, options)
    if gold is None and (several := letters_of(answer)):
        return _judge_several(response, several)
    if gold is None and (gold := _stated_in(answer, options)) is None:
        return unknown(None, "gold answer is no option")
    try:
        letter = chosen(response, options)
    except Unread as e:
        shown = (stated(response) or "")[:100] or None
        return (wrong if e.is_wrong else unknown)(shown, str(e))
    if letter is None:
        return wrong(None, "no answer")
    if options and letter not in LETTERS[: len(options)]:
        return wrong(letter, "no such option")
    return correct(letter, "same option") if letter == gold else wrong(letter, "another option")


def letter_of(answer: str, options: list[str]) -> str | None:
    """The letter of a gold answer, which may be written as a letter or as the text of one option."""
    if len(answer) > MAX_ANSWER:
        return None
    alone = ALONE.fullmatch(bare(answer))
    if alone and (not options or alone[1].upper() in LETTERS[: len(options)]):
        return alone[1].upper()
    if letters_of(answer):
        return None
    if not options and (head := HEAD.fullmatch(bare(answer))) and (letter := head["b"] or head["c"]):
        return str(letter).upper()  # `(D) its text`
    matches = options_with(answer, options)
    return matches[0] if len(matches) == 1 else None


def _stated_in(gold: str, options: list[str]) -> str | None:
    """The letter that a gold answer states, where it is a sentence or a solution."""
    if len(gold) <= SHORTEST_SENTENCE:
        return None
    try:
        return chosen(gold, options)
    except Unread:
        return None


def letters_of(answer: str) -> set[str]:
    """The letters of a gold answer or an answer that names several options and nothing else: `ACD`, `A, C and D`."""
    if len(answer) > MAX_ANSWER or not _SEVERAL.fullmatch(bare(answer)):
        return set()
    letters = re.findall("[A-J](?![a-z])", bare(answer))
    return set(letters) if len(set(letters)) == len(letters) else set()


def _judge_several(response: str, gold: set[str]) -> Judgement:
    said = stated(response) or last_line(response)
    if not said:
        return wrong(None, "no answer")
    if _AND_ALSO.search(unmarked(response)):
        return unknown(said[:100], "second thoughts")
    letters = letters_of(said.rstrip(".。")) or {m[1].upper() for m in [ALONE.fullmatch(bare(said))] if m}
    if not letters:
        return unknown(said[:100], "names no options")
    return correct(said, "same options") if letters == gold else wrong(said, "other options")


def chosen(response: str, options: list[str]) -> str | None:
    """The letter that a response settles on; None where it says nothing of an answer.

    Raises:
        Unread: it names several options, or none.
    """
    if _TWO_BOXES.search(response[-TAIL:]):
        raise Unread("several options", is_wrong=True)
    response = response[:-TAIL] + without_suppositions(response[-TAIL:])
    said = stated(response)
    if said is not None:
        announced_one = read(said, options)
        if any(other != announced_one for other in second_thoughts(unmarked(response), said)):
            raise Unread("several options")
        if settles_elsewhere(_behind(response, said, announced_one), announced_one, options):
            raise Unread("second thoughts")
        return announced_one
    tail = unmarked(response)
    if "\\boxed" in response and (behind := _BEHIND.search(last_sentence(behind_boxes(response)))):
        return behind[1]
    letter = _unannounced(response, tail, options)
    line = last_line(response)
    if letter and any(other != letter for other in second_thoughts(line, line)):
        raise Unread("several options")
    return letter


def _behind(response: str, said: str, letter: str) -> str:
    """What follows a stated answer, which may itself go on behind its letter or its first sentence."""
    if "\\boxed" in response:
        behind = behind_boxes(response)
        later = said_behind(behind)
        return later.string[later.end(1) :] if later else without_emphasis(behind)
    if (closed := response.lower().rfind("</answer>")) >= 0:
        return response[closed + len("</answer>") :]
    tail = without_emphasis(response[-TAIL:])
    head = re.match(rf"\W*(?:{CALLED})?\(?{letter}\b", said, re.IGNORECASE) or re.match(r"[^.!?;\n]*", said)
    at = tail.rfind(said[:40])
    return tail[at + (head.end() if head else len(said)) :] if at >= 0 else ""


def _unannounced(response: str, tail: str, options: list[str]) -> str | None:
    told = announced(tail)
    if len(told) > 1:
        raise Unread("several options")
    if told:
        return told.pop()
    return (
        _by_last_line(last_line(response), tail, options)
        or judged_each(tail)
        or ticked(response[-NEAR:].replace("\n", " "))
        or _by_last_said(last_line(response), options)
        or asserted(last_sentence(bare(last_line(response))))
        or _by_bold(response, options)
        or _by_first_line(unmarked(response), options)
        or _by_named_text(last_line(response), options)
    )


def _by_bold(response: str, options: list[str]) -> str | None:
    """The option whose text stands in bold in the last line, if it is one alone."""
    line = response[-TAIL:].strip().rpartition("\n")[2]
    found = {letter for text in _BOLD.findall(line) for letter in _named_in_bold(text, options)}
    return found.pop() if len(found) == 1 and not _DENYING.search(line) else None


def _named_in_bold(text: str, options: list[str]) -> list[str]:
    """The options whose text this is, after the letter of one or alone."""
    head = HEAD.fullmatch(bare(text))
    found = letters_with(head["rest"] if head else text, options, as_formula=False)
    return [letter for letter in found if not head or letter == (head["a"] or head["b"] or head["c"]).upper()]


def _by_last_said(line: str, options: list[str]) -> str | None:
    found = last_said(line)
    if found is None or (found[1] and options and by_text(found[1], options) != [found[0]]):
        return None
    return found[0]


def _by_named_text(line: str, options: list[str]) -> str | None:
    """The option whose words stand in a last line that denies nothing, where no other's do: "so it is Canberra"."""
    last = last_sentence(bare(line))
    lettered = list(zip(LETTERS, map(plain, options), strict=False))
    if not all(NAME.search(option) for _, option in lettered) or _DENYING.search(last) or _HEDGED.search(last):
        return None
    found = [letter for letter, option in lettered if names(last, option)]
    if len(found) != 1 or not re.search(_IS_IT.format(re.escape(dict(lettered)[found[0]])), last, re.IGNORECASE):
        return None
    return found[0]


def _by_last_line(line: str, tail: str, options: list[str]) -> str | None:
    """The option that the last line is, unless it ends a list of them."""
    before = tail.strip().splitlines()[-4:-1]
    listed = {letter for other in before for letter in letters_with(other, options, as_formula=False)}
    if before and (alone := ALONE.fullmatch(bare(before[-1]))) and alone[1].isupper():
        listed.add(alone[1])
    letter = _read_line(line, tail, options)
    return None if letter and listed - {letter} else letter


def _by_first_line(text: str, options: list[str]) -> str | None:
    """The option that a short response begins with, before it explains; no list of options begins so."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if len(text) >= TAIL or len(lines) < 2:
        return None
    letters = {head[1].upper() for line in lines if (head := _LISTED.match(bare(line)))}
    texts = {letter for line in lines for letter in letters_with(line, options, as_formula=False)}
    if len(letters) > 1 or len(texts) > 1 or (not letters and not re.match(r"\s*[^\n]+\n\s*\n", text)):
        return None
    letter = _read_line(lines[0], "", options)
    if letter and settles_elsewhere("\n".join(lines[1:]), letter, options):
        raise Unread("second thoughts")
    return letter


def _read_line(line: str, tail: str, options: list[str]) -> str | None:
    """The option on a line that nothing announces: the whole line must be one, and not the last of a list of them."""
    listed = [m for m in map(HEAD.fullmatch, map(bare, tail.strip().splitlines()[:-1])) if m and not m["called"]]
    plain = bare(line)
    head = HEAD.fullmatch(plain)
    matches = by_text(line, options)
    if len(line) <= MAX_ANSWER and not listed and "?" not in line and BEFORE_REASON.match(plain):
        return read(line, options)
    if (listed and head) or len(line) > MAX_ANSWER:
        return None
    if not matches and (it_is := _IT_IS.fullmatch(plain)) and it_is[1].isupper():
        return it_is[1]
    if ALONE.fullmatch(plain) or (matches and (len(matches) == 1 or not head)):
        return read(line, options)
    if head and (not head["rest"] or not options or by_text(head["rest"], options)):
        return read(line, options)
    beside = with_mark(plain, options)
    return beside[1] if beside and beside[0] == [beside[1]] and plain.rstrip(".)]}").endswith(beside[1]) else None
