"""What announces an answer in a sentence: "the answer is", in a few languages; and `####`."""

import re

from distill.verify.wording import CLAIMED, MIGHT, NOT, SUPPOSED, WRONG

HASHES = re.compile(r"####[ \t]*(\S[^\n]*)")

ANSWER = (
    r"\banswers?(?:\s+to\s+[^.\n]{1,60}?)?|\bantwort|\blösung|\b(?:(?:bonne )?r[ée]ponse|respuesta|risposta|resposta)"
    r"(?: (?:corr?ec?t[ae]|finale?))?|\b(?:ответ|odpowiedź|odpověď|svar|antwoord|cevap)"
)
"""Nouns for it, of which the English one is taken for mathematics too."""

CHOICE = (
    r"\b(?:answer|solution)(?: choice| option| letter)?(?: here)?|\b(?:correct|right|best) (?:options?|choices?)"
    rf"|\b(?:final|my|selected) (?:choice|option|selection|verdict|decision)"
    r"|\b(?:opción|opção|opzione|option) (?:correcta|correta|corretta|correcte)|\b(?:bonne|richtige) option"
    rf"|(?m:^)(?:final|correct)(?=\s*[:：])|\bans(?=\s*[.:])\.?|\b(?:option |choice )?selected|{ANSWER}"
)
"""The same and what else stands before one of several options."""

KEYWORDS = (
    *("answer", "antwort", "lösung", "réponse", "reponse", "respuesta", "risposta", "resposta", "ответ"),
    *("उत्तर", "câu", "đáp", "ans", "correct"),
    *("odpowied", "odpov", "svar", "antwoord", "cevap", "答", "选", "選", "解", "답", "إجابة", "جواب", "خيار"),
)
"""One of them stands in every announcement of an answer; looking for them is faster than the expression."""

_IS = r"is|are|would be|must be|should be|ist|lautet|wäre|est|es|è|é"
_SO = r"therefore|thus|hence|then|so|just|simply|in fact|indeed|clearly|donc|also|daher|portanto|por tanto|dunque"
_CHINESE = (
    r"(?:答案|正确选项)(?:应该|应)?(?:是|为|选|[:：])[:：]?|(?:故|应|所以|因此|本题)选(?:择)?[:：]?"
    r"|(?:(?m:^)|(?<=[，。；,;]))选(?:择)?[:：]?(?=\s*[(（]?[A-J](?![a-z]))"
    r"|(?:答え|解答|回答|正解|選択肢)(?:は|[:：])[:：]?|(?:정답|답)(?:은|[:：])[:：]?"
    r"|उत्तर[:：]?(?=\s)|(?:câu trả lời|đáp án)(?: đúng)? là|(?:doğru )?cevap(?=\s+\(?[A-J]\b)"
    r"|(?:الإجابة|الاجابة|الجواب|الخيار)(?: (?:الصحيحة?|النهائية?|النهائي|الصحيح))?(?: (?:هي|هو))?\s?[:：]?"
)
_NOT_YET = r"correct\b|right\b|wrong\b|incorrect\b|as follows|found\b|given\b|based\b"


def announcement(nouns: str) -> re.Pattern[str]:
    """Ends before the answer; group 1 is what follows on its line."""
    return re.compile(
        rf"(?:(?:{nouns})(?:\s+(?:{_IS})\b ?[:：]?| ?[:：=]| [—–](?= ))|{_CHINESE})[\s*:]{{0,20}}"
        rf"(?:(?:{_SO})\b,?[\s*:]{{0,20}})?"
        rf"(?!\s|{_NOT_YET})(?=([^\n]{{1,4000}}))",
        re.IGNORECASE,
    )


_IF = re.compile(
    rf"\b(?:{SUPPOSED}|had|wenn|si|если)\b[^.!?\n]*$|(?:^|[.!?\n])\s*(?:under|without) [^.!?\n]*$", re.IGNORECASE
)
_DOUBT = re.compile(
    rf"\b(?:{NOT}|{WRONG}|{SUPPOSED}|{CLAIMED}|nobody|no one|(?:do|does|did|would|can)(?:n't| not)"
    rf"|(?:{MIGHT}) (?:think|say|guess)|impossible|mistake is"
    r"|least likely|worst|second[- ]best|many"
    r"|(?:text)?books? says?|(?:teachers?|students?|friends?|key|some|people) (?:says?|thinks?|said|thought))\b"
    r"[^.!?:;,\n]*$"
    r"|\b(?:student|friend|teacher|someone|everybody)s?['’]s?\s*$"
    r"|\b(?:first|initial) (?:thought|guess|instinct|impression|idea|reaction)\b[^.!?;\n]{0,30}$"
    r"|\b(?:check|checking|verify|verifying|confirm|test|testing) (?:our|the|my|this|that|your) (?:final )?$",
    re.IGNORECASE,
)
"""In the clause before an announcement: somebody else's, a question, or none."""

_ASKED = re.compile(
    rf"[^.!\n]{{0,80}}\?|[^.!\n]{{0,20}}\((?:{WRONG})\b|[^.!\n]{{0,40}}, which is (?:{WRONG}|not)"
    rf"|[^.!\n]{{0,40}}[.!] (?:False|Wrong|Not)\b|[^.!\n]{{0,40}}[;,] (?:they|he|she|it|that) (?:are|is) (?:{WRONG})"
    r"|[^.!\n]{0,40}, said the\b"
)
_WOULD = re.compile(r"\bwould\b|\bwäre\b|\bserait\b", re.IGNORECASE)


def announced_in(text: str, phrase: re.Pattern[str]) -> list[re.Match[str]]:
    """Where an answer is announced; what the answer would be, if the question were another one, is none."""
    several = [
        found
        for found in phrase.finditer(text)
        if not (_WOULD.search(found[0]) and _is_supposed(text, found))
        and not _DOUBT.search(text, max(0, found.start() - 100), found.start())
        and not _ASKED.match(text, found.end())
    ]
    while len(several) > 1 and _OTHER_CASE.search(text, max(0, several[-1].start() - 100), several[-1].start()):
        several.pop()
    return several


def _is_supposed(text: str, found: re.Match[str]) -> bool:
    before = _IF.search(text, max(0, found.start() - 200), found.start())
    return before is not None or _ONLY_IF.match(text, found.end()) is not None


_OTHER_CASE = re.compile(
    r"(?:^|[.!?\n])\s*(?:For (?!this|the|these|that|our|all|both|part|question|problem|example|which)[^.!?\n\d]{2,60}"
    r"|If [^.!?\n]{1,60}\b(?:were|had)\b[^.!?\n]{1,60})$"
)
"""Begins a sentence about something else than what the answer before it is about."""


_ONLY_IF = re.compile(r"[^.!?\n]{0,60}\bif\b", re.IGNORECASE)
_IN_JSON = re.compile(
    r"[\"'](?:final[_ ]?)?answer[\"']\s*:\s*(?:\"((?:[^\"\\]|\\.){1,400})\"|(-?[\d.]+))", re.IGNORECASE
)
"""An object with the answer in a field of its own."""


def last_in_json(text: str) -> str | None:
    """The answer in the last JSON object that has one."""
    found = list(_IN_JSON.finditer(text)) if "answer" in text.lower() else []
    return (found[-1][1] or found[-1][2] or "").replace("\\\\", "\\") or None if found else None
