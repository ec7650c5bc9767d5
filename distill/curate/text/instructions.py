"""What published sets write around every question: how to answer, and who does. It is no part of a problem."""

import re

NEAR = 700
"""Characters at each end of a question in which such sentences are looked for."""

_INSTRUCTING = (
    *(
        "\\boxed",
        "step by step",
        "step-by-step",
        "####",
        "your answer",
        "your response",
        "final answer",
        "final response",
    ),
    *("following", "assistant", "expert", "question:", "problem:", "一步", "逐步", "最终答案", "instruction"),
)
_TO_ANSWER = (
    r"(?=[^.!?。\n]*\b(?:answer|response|result|solution|think|reason|solve)\b)"
    r"[^.!?。\n]*(?:\\boxed\s*\{[^{}]{0,20}\}|step[ -]by[ -]step|####)[^.!?。\n]*[.!:。]?"
    r"(?:\s*Therefore, the final answer is: \$?\\boxed[^\n]{0,80})?"
)
_SOLVE = (
    r"(?:please\s+)?(?:solve|answer|consider)\s+(?:the\s+)?(?:following|this|below)\s+(?:\w+\s+){0,3}"
    r"(?:problem|question|exercise|task)s?\b[^.:!?\n]{0,80}[.:!]"
)
_WHO = r"you\s+are\s+an?\s+[^.\n]{0,60}\b(?:assistant|mathematician|expert|tutor|teacher|solver)\b[^.\n]{0,60}\."
_LAST = r"(?:the\s+)?last\s+line\s+of\s+your\s+(?:response|answer|solution)\s+should\s+be\b"
_LAST_LINE = rf"{_LAST}[^\n]{{0,200}}?\(without\s+quotes\)[^.\n]{{0,120}}\.|{_LAST}[^\n]{{0,200}}?\.(?=\s|$)"
_REMEMBER = (
    r"(?:please\s+|remember\s+to\s+|make\s+sure\s+to\s+)?(?:put|give|place|write|return|provide)\s+(?:your|the)\s+(?:final\s+)?"
    r"(?:answer|response|result)\s+(?:on\s+its\s+own\s+line|within|inside|after)\b[^\n]{0,60}?"
    r"(?:[\"”'’]\.?|\.(?=\s|$)|\Z)"
)
_CHINESE = r"请?[^。\n]{0,12}(?:一步|逐步)[^。\n]{0,40}[。：]|请[^。\n]{0,20}最终答案[^。\n]{0,40}[。：]"
_LABEL = r"(?:#{1,4}\s*)?(?:question|problem|instruction|input)\s*:\s*"
_ANSWER = r"(?:#{1,4}\s*)?(?:answer|solution|response)\s*:"
_ONE = rf"{_LAST_LINE}|{_SOLVE}|{_WHO}|{_TO_ANSWER}|{_REMEMBER}|{_CHINESE}"
_BEFORE = re.compile(rf"^(?:\s*(?:{_ONE}|{_LABEL}))+(?:\s+|(?=[^\W\d_]|[$\\]))", re.IGNORECASE)
_BEHIND = re.compile(rf"(?:(?:(?<=[.!?$}}\])])\s+|\n\s*)(?:{_ONE}|{_ANSWER}))+\s*$", re.IGNORECASE)


def without_instructions(question: str) -> str:
    """A question without the sentences around it that say how to answer, which published sets write before all of
    theirs: "Please reason step by step, and put your final answer within \\boxed{}."."""
    near = question[:NEAR].lower() + question[-NEAR:].lower()
    if not any(map(near.__contains__, _INSTRUCTING)):
        return question
    kept = _BEFORE.sub("", question[:NEAR]) + question[NEAR:]
    kept = (kept[:-NEAR] + _BEHIND.sub("", kept[-NEAR:])).strip()
    return kept or question
