"""Does an answer come from somewhere else than from thinking: a hint, a refusal, an error saved as text?

Phrases only. Each was looked for in 14,000 real solutions and traces; those that say something harmless there are not
among them ("that is the correct answer", "I'm sorry, but none of the tools ...").
"""

import re
from collections.abc import Iterator

HEAD = 400
"""Characters at the beginning of a response in which a refusal or an error stands."""

_GIVEN = r"(?:given|provided|supplied|stated|expected|known|reference|golden|gold|ground[- ]truth|official)"
_TRUE = r"(?:reference|golden|gold|ground[- ]truth|official)"
_SAYS = r"(?:is|was|says|states|claims|concludes|gives|shows|must be|confirms|indicates|mentions|seems to be)"
_BY = r"(?:according to|consistent with|based on|match(?:es|ing)?|agrees? with|compared? (?:with|to))"

HINT = re.compile(
    rf"\b(?:the|their|your) (?:{_GIVEN} (?:final )?answer|{_TRUE} solution|provided solution) {_SAYS}\b"
    rf"|\b{_BY} the (?:{_GIVEN} (?:final )?answer|{_TRUE} solution)\b"
    r"|\bthe answer (?:is |was )?(?:given|provided|stated|supplied) (?:in|by) the "
    r"(?:prompt|hint|system|user|reference)\b"
    r"|\bthe (?:prompt|system|reference|answer key) (?:says|states|tells (?:me|us)|gives) (?:that )?the answer\b"
    r"|\bi(?: was| am| have been|'ve been) (?:given|told) the (?:correct |final |right )?answer\b"
    r"|(?:参考答案|标准答案|给定的?答案|提供的答案)(?:是|为|说|中|给出)"
)
"""What a teacher writes that was shown the answer."""

AS_HINTED = re.compile(
    r"\b(?:as|like) (?:the|your) hint (?:says|states|suggests|tells|mentions|indicates|gives|shows)\b"
    r"|\b(?:according to|per|following|based on) (?:the|your) hint\b"
    r"|\bthe hint (?:says|states|tells (?:me|us)|gives) (?:that )?the (?:final )?answer\b|(?:根据|按照)提示"
)
"""The same of a hint; a question may have one of its own."""

AS_AN_AI = re.compile(
    r"\b(?:as|i am|i'm|being) (?:just |only )?an? (?:ai|artificial intelligence|large language model|language model)"
    r"(?: language model| model| assistant)?(?= ?[,.;:]| (?:i|developed|trained|created|without)\b)"
    r"|作为(?:一个|一名|一位)?(?:ai|人工智能|语言模型|大型语言模型)"
    r"|\bals (?:eine )?ki(?:-sprachmodell|-modell|-assistent)?\b[, ]"
)

_AN_AI = ("an ai", "artificial intelligence", "language model", "作为", "als ki", "als eine ki")

REFUSAL = re.compile(
    r"\W{0,5}(?:(?:i'm|i am|we are) (?:very |really |so |terribly )?sorry[,.]? (?:but )?(?:i|we)"
    r"|(?:sorry|unfortunately)[,.]? (?:but )?(?:i|we)|i)"
    r"(?: cannot| can't| can not| won't| will not| am unable to|'m unable to| are unable to| am not able to)"
    r" (?:assist|help|comply|answer|provide|fulfil|discuss|continue|engage|support|do that|solve)"
    r"|\W{0,5}(?:很抱歉|对不起|抱歉)[，,]?\s?我?(?:无法|不能)"
)

_WHAT = r"rate limit|time[d-]? ?out|connection|server|quota|api|unauthori[sz]ed|exceeded|unavailable|refused|overload"
ERROR = re.compile(
    r"<!doctype html|<html\b|<\?xml\b[^>]{0,200}> ?<(?:error|html)"
    r"|\{ ?\"errors?\" ?:|\{ ?\"(?:object|type|status)\" ?: ?\"error\""
    rf"|\{{ ?\"(?:detail|message)\" ?: ?\"[^\"]{{0,200}}(?:error|limit|forbidden|not found|invalid|{_WHAT})"
    r"|traceback \(most recent call last\)|(?:openai|httpx|requests|aiohttp|litellm|anthropic)\.[\w.]{0,60}error\b"
    r"|(?:api|http|server|network|connection|gateway|rate ?limit|timeout|request) ?error\b(?! (?:of|in|is|bars?)\b)"
    r"|error code: \d{3}\b"
    r"|(?:http )?(?:400 bad request|401 unauth|402 payment|403 forbidden|404 not found|408 request time|429 too many"
    r"|500 internal server|502 bad gateway|503 service|504 gateway)"
    rf"|(?:error|failed|request failed) ?:.{{0,200}}?(?:{_WHAT})"
    r"|(?:rate limit (?:reached|exceeded)|too many requests|(?:upstream|gateway) (?:connect|request|time)"
    r"|service unavail"
    r"|internal server error|request timed out|the server is overloaded)"
)
"""What programs print instead of an answer."""

ERROR_MARK = re.compile(r"^[ \t]*(?:\[(?:api |server |tool |http )?error\b[^\]\n]{0,200}\]|<error>)", re.I | re.M)
"""The same on a line of its own, wherever it stands."""

NEAR = 80
"""Characters around the word `answer` that are looked at."""


def leaked(reasoning: str, response: str, question: str = "") -> str | None:
    """What was not thought, in words that group well; None where there is nothing of the kind."""
    head = _plain(response[: 2 * HEAD])[:HEAD]
    if ERROR.match(head) or any("error" in part.lower() and ERROR_MARK.search(part) for part in (reasoning, response)):
        return "an error saved as text"
    if REFUSAL.match(head):
        return "refuses"
    asked = _plain(question)
    for text in (_plain(reasoning), _plain(response)):
        if any(map(text.__contains__, _AN_AI)) and AS_AN_AI.search(text):
            return "speaks as an AI"
        if any(map(HINT.search, _around(text))) and not HINT.search(asked):
            return "quotes an answer it was given"
        if any(word in text and word not in asked for word in ("hint", "提示")) and AS_HINTED.search(text):
            return "quotes a hint"
    return None


def _plain(text: str) -> str:
    """In lower case, with plain apostrophes and single spaces."""
    return " ".join(text.replace("’", "'").lower().split())


def _around(text: str) -> Iterator[str]:
    """What stands around each word without which there is no hint: the whole text takes twenty times as long."""
    for word in ("answer", "solution", "答案"):
        at = text.find(word)
        while at >= 0:
            yield text[max(0, at - NEAR) : at + NEAR]
            at = text.find(word, at + 1)
