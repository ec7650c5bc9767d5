"""The final answer of a response as it is written, found from the end.

Cost is linear in the length of the response, and small: what stands far from the end is only looked at for a box.
"""

import re

from distill.verify.algebra.tokens import FUNCTIONS
from distill.verify.algebra.units import MONTHS
from distill.verify.beside import changed_beside
from distill.verify.clause import is_hedged, short_clause, unit_behind, with_unit
from distill.verify.notation import CHANGING, OPERATIONS, WITHDRAWN, last_answer_tag, words
from distill.verify.phrases import ANSWER, HASHES, KEYWORDS, announcement

TAIL_CHARACTERS = 4000
"""Without a box, the answer is looked for this near to the end."""

FARTHEST = 2_000_000
"""Characters in which the ends of boxes are looked for."""

BEFORE_BOX = 6_000
"""So far before the last box may the other boxes of one list begin, or one that holds what does not close."""

MOST_BOXES = 50
"""So many boxes are looked at, from the end."""

LONGEST = 4000
"""A longer answer is not read: no verdict."""

SHORT = 300
"""A response of one line that is no longer may be nothing but its answer."""

_BOX = re.compile(r"\\(?:f?boxed|fbox)\s*(?:\{|(-?\d[\d.,/]*\d|\d|\\[a-z]?frac\s*\d\s*\d|[A-Za-z](?![A-Za-z])))")
APPROXIMATELY = "\\approx"
_ROUNDED = re.compile(r"\\approx(?![a-zA-Z])|≈|\b(?:approximately|numerically|roughly|which is about)\b")
"""Between two boxes: the second is the first one rounded."""

_BETWEEN = re.compile(
    r"(?:[\s,;.$&]|\\[,;:!()\[\]]|\\q?quad|\\text\s*\{\s*(?:and|or)\s*\}|\band\b|\bor\b|和|或|、|，)*"
)
_PHRASE = announcement(ANSWER)
_NUMBERING = re.compile(
    r"(?:\b(?:steps?|cases?|parts?|problems?|questions?|methods?|figures?|equations?|options?|lines?|examples?)|#)\s*$",
    re.IGNORECASE,
)
NUMBER_IN_TEXT = re.compile(r"(?<![A-Za-z\d_.])-?\$?(?:\d[\d,]*(?:\.\d+)?(?:/\d+)?|\.\d+)%?")
_FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<!\\)\$([^$\n]+?)(?<!\\)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
NEAR = 40
"""Characters beside a box that are looked at."""

_DENIED = re.compile(
    r"(?:\bnot|n't|\bnever|\bneither|\bnor|\binstead of|\brather than)\s+(?:the |a |an )?(?:\$|\*\*|\\\()?$",
    re.IGNORECASE,
)
"""Right before a formula or bold type."""

_REVISED = re.compile(
    r"\b(?:but|however|actually|correction|sorry|wait|re-?checking|checking again|on reflection)\b[^\n]{0,60}?"
    r"\b(?:it|this|that|the (?:answer|result|value|sum|total)) (?:should|must|ought to) (?:actually |really |instead )?"
    r"(?:be|equal)\s+([^\n]{1,200})",
    re.IGNORECASE,
)
_DENIED_BOX = re.compile(r"[\s$.)]{0,4}(?:is|was) (?:incorrect|wrong|not (?:right|correct|the answer))\b|\?\s*No\b")
_CASE = re.compile(r"\d\s+(?:for|if|when|unless|where)\s", re.IGNORECASE)
"""`5 for even n, 6 for odd n`."""

_CLOSERS = {"$": "$", "$$": "$$", "\\[": "\\]", "\\(": "\\)"}
_OF = re.compile(r"(?<!total )\bof\s*$", re.IGNORECASE)
"""`the square of 5`; a total of five is five."""

_BOLD = re.compile(r"(?<![\w)\]}*])\*\*(?=\S)([^*\n]+)(?<=\S)\*\*(?!\w)")  # x**2 is a power
_LED_TO = re.compile(r"[^$*\\]*[A-Za-z=:][^$*\\]*(?:\$|(?<![\w)\]}])\*\*(?=\S)|\\\()")
"""A word or a sign, then a formula or something in bold."""

_CODE = re.compile(r"\w\([^)]*['\"]|__\w+__|\blambda\b|\bimport\b")
_DASHES = str.maketrans("−–", "--")
_CLOSINGS = re.compile(
    r"(?:I hope (?:it|this) (?:is correct|helps)[.!]?|<\|[a-z_]+\|>\w*|\\end\{(?:align|equation|gather)\*?\}|\s)+$"
)


def final_answer(response: str) -> str | None:
    """What a response gives as its answer, None where there is none.

    In this order: the last box (with those that stand right before it), `<answer>`, `####`, "the answer is", a response
    that is nothing but an answer, a formula or bold type in the last line, the last number.
    """
    response = relevant(response)
    if "<think>" in response:
        return None  # the thinking has no end
    boxes = _last_boxes(response)
    if boxes is not None:
        start, content, end = boxes
        beside = changed_beside(response[max(0, start - NEAR) : start], response[end : end + NEAR], content)
        return beside if beside is not None else _unless_withdrawn(content, response[end:])
    tail = response[-TAIL_CHARACTERS:].translate(_DASHES)
    tail = _CLOSINGS.sub("", tail)
    if (tagged := last_answer_tag(tail)) is not None:
        return _unless_withdrawn(_phrase_end(tagged), tail[tail.lower().rfind("</answer>") + len("</answer>") :])
    if found := HASHES.findall(tail):
        return _phrase_end(found[-1]) or None
    if (said := _said(tail)) is not None:
        behind = tail[tail.rfind(said) :]
        if revised := _REVISED.search(behind, len(said)):
            return _stated(revised[1]) or None
        return None if WITHDRAWN.search(behind) else _stated(said) or None
    return _unmarked(tail.strip(), whole=len(response) < SHORT)


def relevant(response: str) -> str:
    """The part that `final_answer` looks at: what follows the thinking, from a good way before the last box."""
    end = response.rfind("</think>")
    response = response[end + len("</think>") :] if end >= 0 else response
    if "<think>" in response:
        return "<think>"
    box = max(response.rfind("\\boxed"), response.rfind("\\fbox"))
    last = min(box if box >= 0 else len(response), len(response) - TAIL_CHARACTERS)
    return response[max(0, last - BEFORE_BOX) :]


def _said(tail: str) -> str | None:
    """The line behind the last "the answer is"."""
    lower = tail.lower()
    found = list(_PHRASE.finditer(tail)) if any(word in lower for word in KEYWORDS) else []
    if not found:
        return None
    line = str(found[-1][1])
    if (opening := line.strip()) in _CLOSERS:  # a formula on lines of its own
        inside, closed, _ = tail[found[-1].start(1) :].replace(opening, "", 1).partition(_CLOSERS[opening])
        return inside.strip() if closed else line
    return line


def _unless_withdrawn(boxed: str, after: str) -> str | None:
    """A box, unless what follows takes it back, or says another answer."""
    said = _said(after)
    if said is not None and re.match(r"\s*(?:\*\*)?[-$\\\d(\[]", said):
        return _stated(said) or None
    if WITHDRAWN.search(after) or _DENIED_BOX.match(after):
        return _stated(said) if said is not None else None
    return _with_unit_behind(boxed.strip(), after) or None


def _with_unit_behind(boxed: str, after: str) -> str:
    """A box that ends on a number, and the unit that stands behind it: `\\boxed{5} km`."""
    unit = unit_behind(after.partition("\n")[0].removeprefix("$"), 0) if re.search(r"\d\W*$", boxed) else ""
    if not unit:
        return boxed
    return f"{boxed} {unit}" if "\\" in unit else rf"{boxed} \text{{ {unit}}}"


def _stated(text: str) -> str:
    """What a phrase such as "the answer is" announces: a formula, something in bold, or the clause that follows."""
    formula = _FORMULA.search(text)
    if formula and not re.search(r"[A-Za-z\d]{2}", re.sub(r"approximately|about|exactly", "", text[: formula.start()])):
        after = re.match(r"\s*\\?%", text[formula.end() :])
        if re.match(r"\s*(?:,|or\b|and\b)\s*\$", text[formula.end() :]):
            return text.strip()
        unit = after[0].strip() if after else unit_behind(text, formula.end())
        return _inside(formula) + (f" {unit}" if unit else "")
    return _phrase_end(text)


def _unmarked(text: str, whole: bool) -> str | None:
    """An answer that nothing announces."""
    if not text:
        return None
    last = text[text.rfind("\n") + 1 :]
    if whole and "\n" not in text and not _prose(text) and not _LED_TO.match(text):
        return text
    formulas = list(_FORMULA.finditer(text[-1000:]))
    if formulas and (not NUMBER_IN_TEXT.search(text[-1000:][formulas[-1].end() :])):
        return last[-SHORT:].strip() if _DENIED.search(text[-1000:][: formulas[-1].start()]) else _inside(formulas[-1])
    if bold := list(_BOLD.finditer(last)):
        return last[-SHORT:].strip() if _DENIED.search(last[: bold[-1].start()]) else _phrase_end(bold[-1][1]) or None
    if (clause := short_clause(last)) is not None:
        return clause
    for found in reversed(list(NUMBER_IN_TEXT.finditer(text))):
        if not _NUMBERING.search(text, max(0, found.start() - 20), found.start()):
            if is_hedged(text, found.start(), found.end()):
                return last[-SHORT:].strip()
            return with_unit(text, found.start(), found.end())
    return None


def _prose(text: str) -> bool:
    if _CODE.search(text):
        return False
    return (
        len(words(text) - FUNCTIONS) > 2
        or bool(re.match(r"(?:it|that|this|so|then|we)\b", text, re.IGNORECASE) or re.match(r"I [a-z]{3,}", text))
        or bool(re.search(r"[.:?!]\s+\S|[\u3040-\u9fff\u0600-\u06ff\u0400-\u04ff]", text))
    )


def _inside(formula: re.Match[str]) -> str:
    return next(part for part in formula.groups() if part is not None).strip()


def last_boxed(text: str) -> str | None:
    """Content of the last `\\boxed{...}` whose braces close, or of a `\\boxed 5` behind it."""
    found = _last_box(text, len(text))
    return found[1] if found else None


def last_boxes(text: str) -> str | None:
    """As `last_boxed`; several boxes with nothing but "and" between them are one list."""
    found = _last_boxes(text)
    return found[1] if found else None


def last_answer_in_boxes(text: str) -> str | None:
    """As `last_boxes`, unless what follows takes it back."""
    found = _last_boxes(text)
    return None if found is None or WITHDRAWN.search(text[found[2] :]) else found[1]


def _last_boxes(text: str) -> tuple[int, str, int] | None:
    found = _last_box(text, len(text))
    if found is None:
        return None
    start, content, end = found
    parts = [content]
    while len(parts) < MOST_BOXES:
        before = _last_box(text, start)
        if before is None or start - before[2] > 60:
            break
        if len(parts) == 1 and _ROUNDED.search(text[before[2] : start] + content[:10]):
            return before[0], f"{before[1]} \\approx {content.strip().removeprefix(APPROXIMATELY)}", end
        if not _BETWEEN.fullmatch(text, before[2], start):
            break
        if "\n\n" in text[before[2] : start]:
            break
        start = before[0]
        parts.append(before[1])
    if len(set(parts)) < len(parts):
        return start, content, end  # the last of several attempts, no list
    return start, ", ".join(reversed(parts)), end


def _last_box(text: str, end: int) -> tuple[int, str, int] | None:
    """Start, content and end of the last box before `end`; one that does not close is passed over."""
    at, left = end, FARTHEST
    for _ in range(MOST_BOXES):
        at = max(text.rfind("\\boxed", 0, at), text.rfind("\\fbox", 0, at))
        if at < 0:
            return None
        found = _BOX.match(text, at)
        if found is None:
            continue
        if found[1]:
            return at, found[1], found.end()
        close = _closing(text, found.end(), left)
        left -= (close or len(text)) - at
        if close is not None and close < end:
            return _outermost(text, at, text[found.end() : close], close + 1)
    return None


def _outermost(text: str, start: int, content: str, end: int) -> tuple[int, str, int]:
    """The box around a box, if there is one: `\\boxed{6\\boxed{5}}` is not 5."""
    outer = max(text.rfind("\\boxed", max(0, start - NEAR), start), text.rfind("\\fbox", max(0, start - NEAR), start))
    found = _BOX.match(text, outer) if outer >= 0 else None
    if found is None or found[1] or (close := _closing(text, found.end(), end + NEAR - outer)) is None or close < end:
        return start, content, end
    inside = text[found.end() : close]
    return outer, content if inside.strip() == text[start:end] else inside, close + 1


_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def _closing(text: str, start: int, farthest: int) -> int | None:
    """Where the brace closes that was opened before `start`; `\\{` and `\\}` are no braces."""
    depth = 1
    for found in _BRACE.finditer(text, start, start + max(LONGEST, farthest)):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth == 0:
            return found.start()
    return None


def _phrase_end(text: str) -> str:
    """Cut a sentence down to its answer: markdown, the final stop and what explains the number go.

    A number that the words around it change ("not 42", "42 million") stays with them, and is no number then.
    """
    text = re.sub(r"[.*。\s]+$", "", text.strip().strip("*").strip())
    if "\\" in text or not words(text):
        return text
    head = re.match(r"(" + NUMBER_IN_TEXT.pattern + r")(?=\s|,\s|$)", text)
    clause = re.split(r"[,;(]\s|\s\((?=[a-z]{3})|\s(?:because|since|as|which|so)\s", text)[0] if head else text
    if _CASE.search(clause) and NUMBER_IN_TEXT.search(text, len(clause)):
        return text
    numbers = NUMBER_IN_TEXT.findall(clause)
    if len(numbers) == 1 and not words(clause) & (CHANGING | MONTHS | OPERATIONS):
        at = clause.index(numbers[0])
        if _OF.search(clause, 0, at) or _NUMBERING.search(clause, 0, at):
            return text
        return with_unit(clause, at, at + len(numbers[0]))
    return text
