"""The final answer of a response as it is written, found from the end.

Cost is linear in the length of the response, and small: what stands far from the end is only looked at for a box.
"""

import re

from distill.verify.beside import changed_beside
from distill.verify.box_marks import CONTROLS, legible, with_boxes
from distill.verify.boxes import FARTHEST, boxes_at_the_end, last_box, last_boxes
from distill.verify.clause import unit_behind
from distill.verify.closing import with_units_whole
from distill.verify.conclusion import SHORTEST, called_none, concludes_none, later_number
from distill.verify.doubts import SHORTEST as SHORTEST_DOUBT
from distill.verify.dressing import undressed
from distill.verify.ending import NO_SOLUTION, unmarked
from distill.verify.notation import CHANGING, OPERATIONS, last_answer_tag, unwrapped, words
from distill.verify.phrases import ANSWER, HASHES, KEYWORDS, announced_in, announcement, last_in_json
from distill.verify.plain_number import as_number
from distill.verify.second_thoughts import (
    WITHDRAWN,
    corrected,
    given_later,
    put_in_place,
    without_remarks,
    worked_out_later,
)
from distill.verify.statement import phrase_end, stated
from distill.verify.stop_tokens import without_stop_tokens
from distill.verify.wording import REJECTED

TAIL_CHARACTERS = 4000
"""Without a box, the answer is looked for this near to the end."""

BEFORE_BOX = 6_000
"""So far before the last box may the other boxes of one list begin, or one that holds what does not close."""

LONGEST = 4000
"""A longer answer is not read: no verdict."""

SHORT = 300
"""A response of one line that is no longer may be nothing but its answer."""

_AND_NOT = re.compile(
    r"[\s$).]{0,6},?\s*(?:(?:and|but) )?(?:not|instead of"
    r"|rather than|statt|und nicht|et non|y no|而不是|，?不是)[\s$(\\]{0,6}"
)
"""Between a box and one that is denied."""

_ONLY_REJECTED = re.compile(rf"[^\d]*\d[\d.,/]*\D*\b(?:{REJECTED})\b\W*")
"""A single number in a box, and that it is none."""

_PHRASE = announcement(ANSWER)
BESIDE = 80
"""Characters beside a box that are looked at."""

_IF = re.compile(r"\b(?:if|when|unless|suppose)\b[^.!?\n]{0,200}?\banswers?\b", re.IGNORECASE)
"""What the answer is in another case is no other answer."""

_FORMAL = re.compile(r"\s*(?:\*\*)?[-$\\\d(\[]")
_MARKS_OF_NUMBERS = ("#### ", "is ", "is $", "is **", "**", ": ", ": $")
LONGEST_NUMBER = 40
"""Characters of one behind which another is looked for."""

_AMOUNT_SAID = re.compile(r"[A-Z][A-Za-z']*(?: [a-z']+){2,12} ([$€£]\d[\d.,]*(?<![.,]))")
_SAYS_MORE = re.compile(r"[^\W_]")
_MARKED_GOLD = re.compile(r"(?:^|\n)A:[ \t]*(\S[^\n]*?)\s*$")
"""The last line of a solution, or all of it."""

_IN_PROSE = re.compile(r"(?i:the )((?:[a-z]+ ){1,8})(?:is|are|equals) \$([^$]+)\$[.]?")
"""A gold answer in a sentence."""

_CLOSERS = {"$": "$", "$$": "$$", "\\[": "\\]", "\\(": "\\)"}
_ALIGNED = re.compile(r"\\begin\{(?:align|equation|gather|aligned)\*?\}")
_SPELLINGS = CONTROLS | {ord(dash): "-" for dash in "−–"}
_THOUGHT = re.compile(
    r"</think>|</thinking>|</thought>|</reasoning>|</seed:think>|\[/THINK\]|<\|end_of_thought\|>"
    r"|<\|channel\|>final<\|message\|>",
    re.IGNORECASE,
)
"""Ends the thinking, with the marks of several models."""

_SOLUTION = re.compile(r"\s*<\|(?:begin_of_solution|begin_of_text|message)\|>\s*")


def final_answer(response: str) -> str | None:
    """What a response gives as its answer, None where there is none.

    In this order: the last box (with those that stand right before it), `<answer>`, `####`, "the answer is", a response
    that is nothing but an answer, a formula or bold type in the last line, the last number.
    """
    response = relevant(response)
    if "<think>" in response:
        return None  # the thinking has no end
    boxes = boxes_at_the_end(response)
    if boxes is not None:
        start, content, end = boxes
        if _ONLY_REJECTED.fullmatch(content):
            return None
        content = legible(content)
        around = response[max(0, start - BESIDE) : start], response[end : end + BESIDE]
        beside = changed_beside(legible(around[0]), legible(around[1]), content)
        if beside == "":
            return _in_place(response, boxes)
        if len(response) - end > SHORTEST and concludes_none(content, response[end:]):
            return NO_SOLUTION
        return _unless_withdrawn(content if beside is None else beside, response[end:], is_whole=beside is not None)
    tail = with_units_whole(undressed(legible(response[-TAIL_CHARACTERS:]).translate(_SPELLINGS)))
    if (tagged := last_answer_tag(tail)) is not None:
        opened = tail.lower().rfind("<answer>")
        if changed_beside(tail[max(0, opened - BESIDE) : opened], "", "") == "":
            return None
        return _unless_withdrawn(phrase_end(tagged), tail[tail.lower().rfind("</answer>") + len("</answer>") :])
    if found := list(HASHES.finditer(tail)):
        return _unless_withdrawn(phrase_end(found[-1][1]), tail[found[-1].end() :], is_whole=True)
    if (field := last_in_json(tail)) is not None:
        return field
    if (said := _said(tail)) is not None:
        whole_line = tail.rfind(f"{said}\n")
        behind = tail[whole_line if whole_line >= 0 else tail.rfind(said) :]
        if (later := given_later(behind) or given_later(behind[len(said) :])) is not None:
            return later or None
        if (other := corrected(behind[len(said) :]) or worked_out_later(stated(said), behind)) is not None:
            return stated(other) or None
        return None if WITHDRAWN.search(behind) else _of_sentence(stated(said)) or None
    return unmarked(tail.strip(), whole=len(response) < SHORT)


def _of_sentence(said: str) -> str:
    """The amount of `He made a profit of $70,000`; another text as it is."""
    found = _AMOUNT_SAID.fullmatch(said)
    return found[1] if found and unmarked(said, whole=False) == found[1] else said


def _in_place(response: str, denied: tuple[int, str, int]) -> str | None:
    """What stands in place of a box that is denied: `not 45 but 40`, `40 and not 45`, "That fails. So it is 40."."""
    start, content, end = denied
    after = response[end:]
    if concludes_none(content, after):
        return NO_SOLUTION
    if (instead := put_in_place(after[:BESIDE])) is not None:
        return instead
    before = last_box(response, start)
    if before is not None and _AND_NOT.fullmatch(response, before[2], start):
        return before[1].strip()
    return _unless_withdrawn("", after, is_whole=True) or later_number(response[:start], content, after)


def concluded_later(response: str, extracted: str) -> str | None:
    """The number that is concluded behind the box that was extracted, so that either may be the answer."""
    at = response.rfind("\\boxed")
    if at < 0:
        return _concluded_behind_words(response[-TAIL_CHARACTERS:], extracted)
    if len(response) - max(at, response.rfind("}", at)) < SHORTEST:
        return None  # nothing stands behind it
    response = relevant(response)
    boxes = boxes_at_the_end(response)
    if boxes is None or boxes[1].strip() not in extracted or not _SAYS_MORE.search(response, boxes[2]):
        return None
    after = response[boxes[2] :]
    if called_none(boxes[1], after):
        return ""
    return later_number(response[max(0, boxes[0] - TAIL_CHARACTERS) : boxes[0]], boxes[1], without_remarks(after))


def _concluded_behind_words(tail: str, extracted: str) -> str | None:
    """The same behind `####`, bold type or "the answer is"."""
    said = extracted[:LONGEST_NUMBER].partition(" ")[0]
    if as_number(said) is None:
        return None
    marked = [mark + said for mark in _MARKS_OF_NUMBERS if mark + said in tail]
    end = max((tail.rfind(mark) + len(mark) for mark in marked), default=len(tail))
    if len(tail) - end < SHORTEST or not _SAYS_MORE.search(tail, end):
        return None
    return later_number(tail[: end - len(said)], said, without_remarks(tail[end:].removeprefix("**")))


def relevant(response: str) -> str:
    """The part that `final_answer` looks at: what follows the thinking, from a good way before the last box."""
    end = response.rfind("</think>")
    response = response[end + len("</think>") :] if end >= 0 else _behind_thinking(response)
    if "<think>" in response:
        return "<think>"
    response = without_stop_tokens(response)
    box = max(response.rfind("\\boxed"), response.rfind("\\fbox"))
    if box < 0 and (marked := with_boxes(response)) is not response:
        response, box = marked, marked.rfind("\\boxed")
    last = min(box if box >= 0 else len(response), len(response) - TAIL_CHARACTERS)
    response = response[max(0, last - BEFORE_BOX) :]
    return response.replace("\\framebox", "\\fbox") if "\\framebox" in response else response


def _behind_thinking(response: str) -> str:
    """What follows thinking that other marks than `</think>` end."""
    if not any(map(response.__contains__, ("thinking>", "ought", "easoning>", "HINK", ":think>", "<|channel|>"))):
        return response
    ends = [found.end() for found in _THOUGHT.finditer(response)]
    if not ends:
        return response
    opened = _SOLUTION.match(response, ends[-1])
    return response[opened.end() if opened else ends[-1] :]


def _said(tail: str) -> str | None:
    """The line behind the last "the answer is"."""
    lower = tail.lower()
    found = announced_in(tail, _PHRASE) if any(map(lower.__contains__, KEYWORDS)) else []
    if not found:
        return None
    line = str(found[-1][1])
    before = tail[: found[-1].start(1)]
    if before.endswith("**"):
        line = line.partition("**")[0]
    if before.endswith("\n") and line.startswith("- "):
        line = line[2:]  # an item
    opening = line.strip()
    if opening in _CLOSERS or _ALIGNED.fullmatch(opening):
        return _on_lines_of_its_own(opening, tail[found[-1].start(1) :]) or line
    return line


def _on_lines_of_its_own(opening: str, text: str) -> str | None:
    """The formula that begins with this line; of several that are aligned the last."""
    inside, closed, _ = text.replace(opening, "", 1).partition(_CLOSERS.get(opening) or opening.replace("begin", "end"))
    if opening in _CLOSERS:
        return inside.strip() if closed else None
    last = inside.strip().removesuffix("\\\\").rpartition("\\\\")[2]
    return last.replace("&", "").strip().removesuffix(".").removeprefix("=").strip()


def _unless_withdrawn(boxed: str, after: str, is_whole: bool = False) -> str | None:
    """An answer, unless what follows takes it back, or gives another one; nothing where it is denied already.

    With `is_whole` no unit is looked for behind it.
    """
    if not _SAYS_MORE.search(after):
        return boxed.strip() or None
    after = without_remarks(after)
    if (later := given_later(after)) is not None:
        return later or None
    said = None if "nswer" in after and _IF.search(after) else _said(after)
    if said is not None and (_FORMAL.match(said) or as_number(said.strip(" .*")) is not None):
        return stated(said) or None
    if WITHDRAWN.search(after):
        return stated(said) if said is not None else None
    if (other := corrected(after)) is not None:
        return stated(other) or None
    return (boxed.strip() if is_whole else _with_unit_behind(boxed.strip(), after)) or None


def _with_unit_behind(boxed: str, after: str) -> str:
    """A box that ends on a number, and the unit that stands behind it: `\\boxed{5} km`."""
    unit = unit_behind(after.partition("\n")[0].removeprefix("$"), 0) if re.search(r"\d\W*$", boxed) else ""
    if not unit:
        return boxed
    return f"{boxed} {unit}" if "\\" in unit else rf"{boxed} \text{{ {unit}}}"


def behind_answer(response: str, extracted: str) -> str:
    """What follows the last mark of an answer (a box, `</answer>`, a line with `####`), if the answer stands there."""
    tail = response[-TAIL_CHARACTERS:].rpartition("</think>")[2]
    marks = (tail.rfind("\\boxed"), tail.rfind("</answer>"), tail.rfind("####"))
    at = max(marks)
    if at < 0 or len(tail) - max(at, tail.rfind("}", at)) < SHORTEST_DOUBT:
        return ""
    if at == marks[0]:
        boxes = boxes_at_the_end(tail)
        return tail[boxes[2] :] if boxes and boxes[1].strip() in extracted else ""
    if at == marks[1]:
        return tail[at + len("</answer>") :] if extracted in tail[:at] else ""
    said, _, after = tail[at:].partition("\n")
    return after if extracted in said else ""


def last_boxes_apart(response: str, count: int) -> list[str] | None:
    """The last so many boxes of a response that has no more of them, each the answer to a part of the problem."""
    text, end = relevant(response), FARTHEST
    found: list[str] = []
    while len(found) <= count and (box := last_box(text, min(end, len(text)))) is not None:
        found.insert(0, box[1].strip())
        end = box[0]
    return found if len(found) == count else None


def gold_answer(text: str) -> str:
    """A gold answer; of a solution, as in GSM8K's answer column, what it marks as its answer."""
    text = text[text.rfind("</think>") + len("</think>") :] if "</think>" in text else text
    if marked := _MARKED_GOLD.search(text):
        return marked[1].strip()
    if text.startswith("{") and (field := last_in_json(text)) is not None:
        return field
    if "boxed" in text or "####" in text or "</answer>" in text.lower() or _says_answer(text):
        text = final_answer(text) or last_boxes(text) or text
    elif (prose := _IN_PROSE.fullmatch(text)) and not words(prose[1]) & (CHANGING | OPERATIONS):
        text = prose[2]
    return unwrapped(text.strip()) if text.startswith(("$", "\\(", "\\[")) else text


def _says_answer(text: str) -> bool:
    return "answer" in text.lower() and _said(text[-TAIL_CHARACTERS:]) is not None


def behind_boxes(text: str) -> str:
    """What follows the last box."""
    found = boxes_at_the_end(text)
    return text[found[2] :] if found else ""


def last_answer_in_boxes(text: str) -> str | None:
    """As `last_boxes`, unless what follows takes it back."""
    found = boxes_at_the_end(text)
    return None if found is None or WITHDRAWN.search(text[found[2] :]) else found[1]
