"""What stands beside a box or a formula and makes another value of what is in it, or denies it.

A box may stand alone, behind words or behind a relation; whatever else touches it belongs to the answer.
"""

import re

from distill.verify.elsewhere import changed_elsewhere
from distill.verify.wording import (
    BOUND,
    EXCLUDE,
    FUNCTION,
    INSTEAD,
    MAYBE,
    MIGHT,
    NOT,
    REJECTED,
    SCALE,
    SIGN,
    TIMES,
    WRONG,
    roots,
)

_SPACES = re.compile(r"(?:\s|\\n(?![a-z])|\\[,;:! ]|~|\\q?quad(?![a-z])|\\hspace\{[^{}]*\}|\\displaystyle(?![a-z]))+")
_OPENING = re.compile(
    r"(?:^|\\$|\\\\|\\\[|\\\(|\$|[=:.?!;,≈⇒→∴&|*_`\"']|[^\x00-\x7f−±∓×÷·√∛≤≥≠¬]|<\w+>|^\s*>|[=-]>|\bso\b|\\(?:implies|Rightarrow|Longrightarrow|rightarrow|to"
    r"|therefore|because|iff|approx|simeq|equiv|sim|text\w*\s*\{[^{}]*\}|math\w*\s*\{[A-Za-z ]*\})"
    r"|\\begin\{\w+\*?\}|\\(?:text\w*|bf|rm|underline|mathbf|mathrm|large|Large|huge|color\{\w+\}|textcolor\{\w+\})\s*\{?)$"
)
"""May stand right before it."""

_CLOSING = re.compile(
    r"$|\$|\\\)|\\\]|\\\\|\\end\{|[;:?!,、。，；）)\]}&|*_`\"'“”«»‘’—–](?!\d)|\.(?!\d)|\\(?:text\w*|mathrm|mathbf|operatorname)\s*\{"
    r"|(?:[<>≤≥≠]|\\(?:neq?|leq?|geq?|lt|gt|ll|gg)(?![a-zA-Z]))\s*-?\d+\s*(?:$|\$|\\\)|\\\])|mod\b|modulo\b"
    r"|\\(?:hfill|newline|par|quad|qquad|blacksquare|square|Box|qed|checkmark|tag|label|approx|simeq|Rightarrow|implies|because|therefore|in|end"
    r"|big\w?|Big\w?|right|pmod|bmod|mod)(?![a-zA-Z])|%(?!\d)"
)
"""May stand right behind it."""

_WORD_BEFORE = re.compile(r"(?<![\\A-Za-z])([A-Za-zÀ-ÿ\u0400-\u04ff\u3040-\u9fff\uac00-\ud7af]+)$")
_MINUS = re.compile(r"(?<![-\w\n])[-−]$")
_RATIO = re.compile(r"\d\s*:$")
_RATIO_IN_TEXT = re.compile(r"\b(?:is|are|be|get|of|ratio|gives) \d+:$")
"""`6:` may number what follows too."""

_OF_IT = re.compile(
    rf"\b(?:{SIGN}|{TIMES}|{BOUND}|{MAYBE}|(?:{FUNCTION}) of)(?: of)?\s*\$?$",
    re.IGNORECASE,
)
"""Words right before it that make another value of it."""

_DENIED = re.compile(
    rf"\b(?:{NOT}|{INSTEAD}|(?:every|any)thing but)(?: be| have| equal| the answer)?\s*\$?$"
    rf"|\b(?:{WRONG})\s+(?:final )?"
    r"(?:answer|result|value|solution|choice|option)s?(?: here)? (?:is|would be|was)\s*:?\s*\$?$"
    rf"|\b(?:{MIGHT}) (?:think|guess|expect|say|believe|suspect|be tempted)\b[^,;]*$"
    rf"|\b(?:{EXCLUDE})\s+\$?$|<!--\s*$|~~\$?$"
    r"|^\W*if (?:it|this|that|[a-z]) (?:were|was|had)\b[^.;\n]{0,40}[:,]?\s*\$?$"
    r"|\\boxed\s*\{[^{}]*\}[^.\n]{0,20}\bif\b[^.;\n]{0,40}[:,]?\s*\$?$",
    re.IGNORECASE,
)
_QUOTED = re.compile(
    r"\b(?:for (?:example|instance)|e\.g\.)[,:]?\s*[\"'“`]?\$?$"
    r"|(?:^|[.:;,\"'“(]\s*|\b(?:please|must|should|to) )"
    r"(?:put|place|write|give|enclose|present|box|state|format|provide|return|express|enter|report|submit|wrap)"
    r" your (?:final )?(?:answer|result|solution)s?\b[^.:;\n]{0,20}[\s\"'“`$]$",
    re.IGNORECASE,
)
"""An example, or the task in its own words."""

_SAYS = re.compile(r"\w")
_DENYING = re.compile(
    "|".join(
        (*roots(NOT, INSTEAD, WRONG, MIGHT, EXCLUDE), "n't", "thing but", "<!--", "~~", "if", "your", "for ", "e.g")
    )
)
"""One of them stands in every denial; looking for them is faster."""

_GOES_ON = re.compile(
    rf"\s*(?:(?:\\text\s*\{{\s*)?(?!mod)(?:{SCALE})\b"
    rf"|(?:(?!when)[a-z]{{1,4}}\b)?[,;]?\s*(?:or|to|plus|minus|times|over|divided by)"
    rf"(?: (?:also|even|{MAYBE}))?\s+(?:\$|\\\(|\\boxed\s*\{{)?\s*[-−]?\d"
    r"|,?\s*and\s+(?:\$|\\\()?\s*[-−]?\d[\d.,]*\s*(?:[.$)]|$)"
    r"|[-−+*/±]\s*(?:\$|\\\()\s*[-−]?\d|;\s*\$\s*[-−]?\d"
    r"|,?\s*(?:if|when|unless|for)\b[^.\n]*\b(?:and|or|else|otherwise)\b"
    r"|,? but (?:it|the answer|this) (?:may|might|could|is|should)\b|!(?!\s|$))",
    re.IGNORECASE,
)
_IN_TEXT = re.compile(r"\\(?:text|mathrm)\s*\{([^{}]*)\}")
_LISTS_MORE = re.compile(
    r"[\s$]*(?:,?\s*(?:or|and)\s+(?:more|less|larger|greater|smaller|fewer|higher|lower)\b"
    r"|,?\s*or[\s$]+(?:[a-zA-Z]\s*=\s*)?[$]?-?\d|,?\s*and also\s+[$]?-?\d|,\s*another (?:solution|answer)\b"
    r"|,?\s*and[\s$]+(?:[a-zA-Z]\s*=\s*)?[$]?-?\d[\d.,/]*\s*(?:[.$)]|$)"
    r"|,\s*-?\d+\s*[$.]?\s*$)",
    re.IGNORECASE,
)
"""One of several values, or a bound."""

BEHIND = 60
"""Characters behind a box in which they are looked for."""

_NONE = (
    rf"(?:{WRONG}|{REJECTED}|impossible|too (?:small|large|big|low|high)|to be (?:discarded|rejected|excluded)"
    r"|not (?:right|correct|valid|the answer|possible|allowed|permitted|admissible|acceptable|a (?:valid )?solution"
    r"|(?:a )?(?:positive|negative|prime|integer|an integer)))"
)
_DOES_NOT = (
    r"(?:does(?:n't| not) (?:work|satisfy|fit)|fails\b(?! to be (?:smaller"
    r"|larger))|leads to (?:a |an )?(?:contradiction|impossib)"
    r"|(?:can(?:not|'t)|must not) be (?:right|correct|the answer)|violates|contradicts"
    r"|(?:must|should|has to|can) be (?:discarded|rejected|excluded))"
)
_FAILS = re.compile(
    rf"[\s$.)\]]{{0,4}}(?:(?:is|was|seems) (?:clearly |also |therefore )?{_NONE}|{_DOES_NOT})\b"
    rf"|[\s$.)\]]{{0,4}}(?:That|This|It|I)(?:(?:'s| is| was| am|'m) {_NONE}| {_DOES_NOT})\b"
    rf"|[\s$.)\]]{{0,4}},?\s*(?:(?:which|but (?:this|that|it|this value))(?:'s"
    rf"| is) {_NONE}|(?:which|but (?:this|that|it)) {_DOES_NOT})\b"
    r"|[\s$.)\]]{0,4}would (?:be|have been) (?:right|correct|true|valid"
    r"|obtained|the answer)\b[^.!?\n]{0,40}\b(?:if|for|in|when|had|were)\b"
    r"|[\s$.)\]]{0,4}\?\s*No\b|\?\?|\s*~~|\s*-->"
    rf"|[\s$.)\]\"'”’]{{0,4}}(?:(?:But|However),? (?:that|this|it)(?:'s| is) (?:{WRONG})|\((?:{WRONG})\b"
    r"|,? which contradicts\b|(?:is|was) what (?:most|many|some|others?|people|everyone)\b"
    r"|is (?:the|an?) (?:common|usual|typical|frequent|popular|tempting|naive) (?:\w+ )?(?:answer|mistake|error|trap)\b"
    r"|(?:would be|is|shows) (?:only |just )?(?:the|an?) (?:\w+ )?(?:format|example|placeholder|template)\b)"
)


def fails_behind(behind: str) -> bool:
    """Do the words that follow a formula say that its value is none?"""
    return _FAILS.match(behind) is not None


SHORTEST_FAILURE = 1
"""Characters of what says so: a mark, and `~~`."""

LONGEST_WORDS = 40
"""Characters of what stands right before it."""

LONGEST_SPACE = 10
"""Characters of one space, in LaTeX."""

_CLEAN_ENDS = ("is $", "is: $", "is:", "=", "is $$")
"""Most boxes stand behind one of these, which tell at a glance that nothing is changed."""

_ENDS = frozenset(("", ".", "$", "$.", "$$", "$$.", "**", "**.", "$**", "$.**", "\\)", "\\).", "\\]"))
"""And before one of these."""


_DOLLAR = re.compile(r"(?<!\\)\$")
_BRACE_ALONE = re.compile(r"(?:^|[\s$=])\{$")
_UNSPACED = re.compile(r"(?:\s|\\n|\\[,;:! ]|~|\\q?quad)$")
_ENDS_A_NUMBER = re.compile(r"\d[.,]$")
_ENDS_A_PART = re.compile(r"[)\]}\d%]$|</?\w+>$")
_INDEXED = re.compile(r"_\{?\d")
_GOES_ON_AS_TEXT = re.compile(r"[^\W\d_]{2,}|[^\x00-\x7f]|\(|</|<\|")
_OTHER_SCRIPT = re.compile(r"[^\x00-\x7f]|</|<\|")
_CLOSES = re.compile(r"\s*(?:\$+|\\\)|\\\])")


_LABEL = re.compile(r"\s*(?:\\(?:text|textbf|mathrm|mathbf)\s*\{\s*)?\([A-J]\)\s*\}?\s*")
"""Of an option, whose text follows."""


def changed_beside(before: str, behind: str, content: str) -> str | None:
    """The answer with what changes it (`-\\boxed{5}` is -5); None where nothing does, empty where it is denied."""
    if len(behind) > SHORTEST_FAILURE and _FAILS.match(behind):
        return ""
    before, behind = before.rpartition("\n")[2], "" if _LABEL.fullmatch(content) else behind.partition("\n")[0]
    lower = before.lower()
    if _DENYING.search(lower):
        if _DENIED.search(before):
            return ""
        if _QUOTED.search(before) and _SAYS.search(content):
            return rf"\text{{perhaps }} {content}"
    is_plain = before.endswith(_CLEAN_ENDS)
    if is_plain and behind in _ENDS:
        return None
    if (word := None if is_plain else changed_elsewhere(before, behind)) is not None:
        return word and f"{word} {content}"
    in_math = _in_math(before)
    head, tail = _unspaced_end(before), behind
    while (head.endswith(("(", "\\left(")) and tail.lstrip().startswith((")", "\\right)"))) or (
        head.endswith("{") and tail.startswith("}") and (_OPENING.search(head) or _BRACE_ALONE.search(head))
    ):  # (5) is 5, and so is \text{5}
        head = _unspaced_end(re.sub(r"(?:\\left\($|\($|\\?[a-zA-Z]*\s*\{$)", "", head))
        tail = re.sub(r"^\s*(?:\\right\)|\)|\})", "", tail)
    opened = head if not _is_clean_before(head, before, in_math) else ""
    closed = tail if not _is_clean_behind(tail, in_math) else ""
    if not opened and not closed:
        return None
    return _together(opened, content, closed, in_math)


def _in_math(before: str) -> bool:
    if len(_DOLLAR.findall(before)) % 2:
        return True
    return max(before.rfind("\\["), before.rfind("\\(")) > max(before.rfind("\\]"), before.rfind("\\)"))


def _unspaced_end(text: str) -> str:
    while text and (found := _UNSPACED.search(text, max(0, len(text) - LONGEST_SPACE))):
        text = text[: found.start()]
    return text


def _is_clean_before(head: str, before: str, in_math: bool) -> bool:
    if not head or head.endswith(_CLEAN_ENDS) or (not in_math and head.endswith(" is")):
        return True
    if _MINUS.search(head):
        return bool(not in_math and head != before and re.fullmatch(r"\s*[-−]", head))  # an item of a list
    if _OF_IT.search(head, max(0, len(head) - LONGEST_WORDS)):
        return False
    if (in_math and _RATIO.search(head)) or (head == before and _RATIO_IN_TEXT.search(head)):
        return False
    if _OPENING.search(head):
        return head != before or not _ENDS_A_NUMBER.search(head)
    word = _WORD_BEFORE.search(head)
    if word:
        return not in_math or len(word[1]) > 2
    if not in_math and head != before and _ENDS_A_PART.search(head):
        return True  # the end of a sentence, of another formula
    return not in_math and head.endswith(("(", "[", "）", "】", "」"))


def _is_clean_behind(tail: str, in_math: bool) -> bool:
    end = _closing_of_formula(tail) if in_math else 0
    if _GOES_ON.match(tail, end) or _lists_more(tail):
        return False
    if (in_math and tail.startswith(("!", "_"))) or _INDEXED.match(tail):
        return False
    spaces = _SPACES.match(tail)
    at = spaces.end() if spaces else 0
    if _CLOSING.match(tail, at):
        return True
    if tail[at : at + 1] == "=":
        return True  # what follows says the same once more
    return bool(at and not in_math and _GOES_ON_AS_TEXT.match(tail, at)) or bool(
        not in_math and _OTHER_SCRIPT.match(tail, at)
    )


def _lists_more(tail: str) -> bool:
    """Does another value follow, or a word that makes a bound of it?"""
    near = tail[:BEHIND]
    if "," not in near and "or" not in near and "and" not in near:
        return False
    return _LISTS_MORE.match(_IN_TEXT.sub(r" \1 ", _SPACES.sub(" ", near))) is not None


def _closing_of_formula(tail: str) -> int:
    found = _CLOSES.match(tail)
    return found.end() if found else 0


def _together(head: str, content: str, tail: str, in_math: bool) -> str:
    """The whole formula; outside of one, the clause."""
    if head and _MINUS.search(head):
        head = "-"
        content = content if re.fullmatch(r"[\d.,]+|\\d?frac\{[^{}]*\}\{[^{}]*\}", content) else f"({content})"
    elif head:
        head = re.split(r"=|\\approx|(?<!\\)\$|\\\[|\\\(|\. |, |: ", head)[-1]
    inside = re.split(r"(?<!\\)\$|\\\]|\\\)", tail)[0] if in_math else re.split(r"\.\s|\n", tail)[0][:40]
    tail = inside or tail
    if re.match(r"\s*[.,]?\d", tail) or re.search(r"\d[.,]?$", head):
        return f"{head} ? {content} ? {tail}"  # a brace in the wrong place
    simple = re.fullmatch(r"[\w.,\\]+", content) or not (head or tail)
    return f"{head}{content if simple else '{' + content + '}'}{tail}".strip()
