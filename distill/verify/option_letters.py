"""Letters that a sentence calls the answer: "B is correct", "I choose B", "that leaves only B"."""

import re

from distill.verify.wording import NOT, RETRACTION, REVISION, SECOND_THOUGHT, SUPPOSED

CALLED = (
    r"(?:the )?(?:option|choice|answer|letter|statement|antwort|lösung|choix|r[ée]ponse|opción"
    r"|alternativa|alternative|opção|opzione|вариант|ответ|选项)"
    r"\s*:?\s*"
)
"""What may stand before a letter to say that it is one."""

_CORRECT = re.compile(
    r"(?:\b(?P<doubt>(?i:if|whether|suppose|assume|assuming|unless|when|why|neither|nor))(?: that)? )?"
    rf"(?<![\w'])(?:{CALLED})?\(?([A-J])\)? (?:is|must be|would be|seems|ist|est) "
    r"(?:therefore |clearly |indeed |thus )?(?:the )?(?:only )?(?:correct|right|best|richtig|korrekt|correcte)\b"
    rf"|\b(?:ist|sind) (?:damit |also |daher |somit )?(?i:{CALLED})\(?(?P<german>[A-J])\)? (?:richtig|korrekt|wahr)\b"
    rf"|\b(?i:richtig|korrekt) ist (?:damit |also |daher |somit )?(?i:{CALLED})?\(?(?P<first>[A-J])\)?(?=[.!,]|\s*$)"
    r"|选项\s*(?P<chinese>[A-J])\s*是?(?:正确|对)的?"
)
_CHOSEN = re.compile(
    r"(?:\b(?P<who>[\w']{1,30}) )?\b(?i:choose|select|pick|go with|opt for)\s+"
    rf"(?:{CALLED}\(?([A-J])\)?(?![\w'])|\(([A-J])\)|([B-HJb-hj])(?=[.!]|\s*$|\s+[—–-]\s)"
    r"|(A)(?=[.!]|\s*$))",
    re.M,
)
_CHOOSING = frozenset("i i'd i'll we we'd we'll let's us would will must should therefore thus hence so and".split())
"""Words before "choose B" with which it is the answer, and not what others would take for one."""

_ON_SECOND_THOUGHT = re.compile(rf"\s*(?:\.\.\.|…|[.!?,;–—-])\s*(?:no|{SECOND_THOUGHT})\b", re.IGNORECASE)
_LEFT = re.compile(
    rf"\b(?:leaves|leaving)\s+(?:us\s+)?(?:with\s+)?(?:only\s+)?(?:{CALLED})?\(?([A-J])\)?(?=[.!]|\s*$)"
    rf"|\b[Oo]nly\s+(?:{CALLED})?\(?([A-J])\)?"
    r"\s+(?:remains|is left|works|fits|holds|matches|is (?:possible|correct))\b",
    re.M,
)


_ARROW = re.compile(
    r"(?:→|⇒|⟹|=>|->|\\(?:Right|right)arrow\s*\$?)\s*(?:(?i:option|choice|answer) )?\(?([A-J])\)?[.!]?\s*$"
)
_BUT = re.compile(
    r"\b(?:not|nicht|pas|no)\s+(?:es )?\(?[A-J]\)?,? "
    r"(?:but|sondern|mais|sino|rather)\s+(?:rather )?\(?([A-J])\)?(?![\w'])"
)
_COLON = re.compile(
    r"(?:^|[.!?]\s+)(?:(?:so|thus|therefore|hence)\b[,:]?|(?:final|result|correct)\s*[,:])\s*\(?(?-i:([A-J]))\)?(?:[.):]\s*(.{0,200}))?[.!]?\s*$",
    re.IGNORECASE,
)
_JUDGED = re.compile(
    r"^\s*(?:[-*•]\s*)?(?:(?:option|statement|choice)\s+)?\(?([A-J])\)?\s*(?:[:.)–—-]|is)\s*(?:is\s+)?"
    r"(true|false|correct|incorrect|right|wrong|yes|no)\b",
    re.IGNORECASE | re.MULTILINE,
)
_MARKED = re.compile(r"(?<![\w'])\(?([A-J])\)?\s?[:.)]?\s?([✓✔✅☑]|[✗✘❌×☒])")
_TICKS = frozenset("✓✔✅☑")
_IN_CHINESE = re.compile(r"(?<![A-Za-z不])([A-J])(?:选项|项)?(?:是|为)?(?:正确|对)(?!吗|的是|错)")
"""`B项正确`; what is not right has a word before that."""

_DOUBT_IN_CHINESE = re.compile("有人|他人|别人|如果|假如|假设|若|是否|吗|？|误以为|选错")

_YES = frozenset(("true", "correct", "right", "yes"))
_ENDS = r"(?=[.!]|\s*$|\s+(?:because|since)\b)"
_X = rf"(?:{CALLED}\(?([A-J])\)?(?![\w'])|\(([A-J])\)|([B-HJ]){_ENDS}|(A){_ENDS})"
_CONCLUDED = re.compile(
    r"\b(?:(?:I|we)(?: \w+)? (?:think|believe|conclude|say|guess|am sure|'m sure)(?: that)? (?:it's|it is|that it is)"
    r"|(?:chang|revis|switch|correct)(?:e|es|ed|ing) my (?:answer|choice|mind|selection) to"
    r"|(?:I|we) (?:have )?(?:switch|chang|mov)(?:e|ed) to"
    r"|(?:[Ss]o|[Tt]hus|[Hh]ence|[Tt]herefore),? (?:[a-z]+ ){1,8}is"
    r"|(?:[Tt]he )?(?:correct|right|best) [a-z]+ (?:is|must be|would be)|(?:option|choice|one) that [a-z]+ is"
    r"|(?<=,\s)(?:so|thus)(?: it(?:'s| is))?"
    r"|\b[Tt]he (?:option|choice) is|\b[Mm]atch(?:es)?|\bclosest to|\b[Tt]his is"
    rf"|(?:corresponds? to|which (?:matches|fits|agrees with)|which is|that is"
    rf"|this is|[Ss]o it's|[Ss]o it is|\b[Hh]ence|\b[Tt]herefore))\s+{_X}",
    re.M,
)
_REVISING = re.compile(rf"\b(?:{REVISION}|flaw)\b", re.IGNORECASE)
_DENYING = re.compile(
    rf"\b(?:{NOT}|nothing|none|{SUPPOSED}|fails?|false|mistake|doubt|but|however|except|opposite)\b|n't\b|\?",
    re.IGNORECASE,
)
_REASON = re.compile(r"\b(?:because|since)\b")
_DOUBT = re.compile(r"\b(?:mistake|doubt|false|some|others|many|might|may|deny|untrue)\b|n't\b", re.IGNORECASE)


def announced(tail: str) -> set[str]:
    """Letters that the most telling sentences name, none where there is no such sentence."""
    line = tail.strip().rpartition("\n")[2]
    if found := _ARROW.search(line) or _BUT.search(line):
        return {found[1]}
    told, concluded = _called_correct(tail) or _chosen(tail) or _left(tail), _concluded(tail)
    return concluded or told if _REVISING.search(tail) else told or concluded


_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_FILLING = frozenset(
    """so thus hence therefore then and it it's this that that's i i'd i'll i'm we we'd is be should must
    has have to got definitely clearly certainly surely obviously probably likely most am think believe say
    guess would going with by elimination process of the only consistent possible remaining plausible viable
    valid correct right best answer ans option choice letter final my our pick select choose which leaves
    leaving left matches match remains holds as seems here
    fits fit works answers completes sense makes most naturally logically well""".split()
)
"""Words of a sentence that says no more than that some option is the answer."""


def asserted(sentence: str) -> str | None:
    """The one letter of a sentence of nothing but such words: "It should be A.", "Hence, option A.", "B it is."."""
    if len(sentence) > LONGEST_ASSERTION or "?" in sentence:
        return None
    tokens = [token.replace("’", "'") for token in _TOKEN.findall(sentence)]
    letters = [token for token in tokens if len(token) == 1 and token in "ABCDEFGHJ"]
    others = [token.lower() for token in tokens if token not in letters]
    is_led = bool(others) or sentence.lstrip().startswith("∴")
    return letters[0] if len(letters) == 1 and is_led and _FILLING.issuperset(others) else None


LONGEST_ASSERTION = 80
"""Characters of such a sentence."""


def judged_each(tail: str) -> str | None:
    """The one option of all that are called true or false, each on a line of its own, that is true."""
    told = dict(_JUDGED.findall(tail))
    true = [letter for letter, word in told.items() if word.lower() in _YES]
    return true[0] if len(told) > 2 and len(true) == 1 else None


def ticked(end: str) -> str | None:
    """The one letter of at least three that is ticked where the others are crossed out: `A ✗ B ✓ C ✗`."""
    if not any(map(end.__contains__, _TICKS)):
        return None
    told = dict(_MARKED.findall(end))
    true = [letter for letter, mark in told.items() if mark in _TICKS]
    return true[0] if len(told) > 2 and len(true) == 1 else None


_SECOND_THOUGHT = re.compile(
    rf"\b(?:i mean|{RETRACTION}|no)\b[,:.]?\s*(?:no\b[,:.]?\s*)?"
    r"(?:(?:it|that)(?:'s| is) )?\(?(?-i:([A-J]))\)?(?![\w'])|\n\s*\(?(?-i:([A-J]))\)?[.!]?\s*$",
    re.IGNORECASE,
)


def second_thoughts(tail: str, said: str) -> set[str]:
    """Letters that take the place of one that was said before."""
    at = tail.rfind(said[:40])
    return {m[1] or m[2] for m in _SECOND_THOUGHT.finditer(tail, max(at, 0))}


def last_said(line: str) -> tuple[str, str] | None:
    """The letter behind "so:" at the end of a line, and the text behind that."""
    found = _COLON.search(line)
    return (found[1], (found[2] or "").strip(" .")) if found else None


def _called_correct(tail: str) -> set[str]:
    if "正确" in tail or "对" in tail:
        line = tail.rpartition("\n")[2]
        return set() if _DOUBT_IN_CHINESE.search(line) else set(_IN_CHINESE.findall(line))
    return {
        m[2] or m["german"] or m["first"] or m["chinese"]
        for m in _CORRECT.finditer(tail)
        if not m["doubt"] and not _is_doubted(tail, m.start(), m.end())
    }


def _is_doubted(tail: str, start: int, end: int) -> bool:
    """Does the sentence around it say that somebody else says so, or ask?"""
    before = re.split(r"[.!?\n]", tail[max(0, start - 60) : start])[-1]
    behind = re.match(r"[^.!\n]{0,60}", tail[end:])
    return bool(_DOUBT.search(before)) or bool(behind and re.search(r"\?|\bonly if\b|\bdistractor\b", behind[0]))


def _chosen(tail: str) -> set[str]:
    found = (
        m
        for m in _CHOSEN.finditer(tail)
        if (m["who"] is None or m["who"].lower() in _CHOOSING) and not _ON_SECOND_THOUGHT.match(tail, m.end())
    )
    return {(m[2] or m[3] or m[4] or m[5]).upper() for m in found}


def _left(tail: str) -> set[str]:
    return {m[1] or m[2] for m in _LEFT.finditer(tail)}


def _concluded(tail: str) -> set[str]:
    """The letter on which the last line settles."""
    line = tail.strip().rpartition("\n")[2]
    found = [
        m
        for m in _CONCLUDED.finditer(line)
        if not _DENYING.search(
            re.split(r"[.!;]|, (?:so|therefore)\b|,\s*$", line[: m.start()])[-1] + _REASON.split(line[m.end() :])[0]
        )
    ]
    return {next(filter(None, found[-1].groups()))} if found else set()
