"""Is there one block of thinking, closed, with an answer after it?"""

import re

THINK_TAG = re.compile(r"[<＜]\s{0,3}/?\s{0,3}think\s{0,3}/?\s{0,3}[>＞]|◁/?think▷|\[/?THINK\]", re.IGNORECASE)
"""The tag in whatever spelling: a student learns what is written, not what was meant."""

OTHER_TAG = re.compile(r"</?(?:thinking|thoughts?|reasoning|scratchpad|seed:think)>", re.IGNORECASE)
"""How other families mark their thinking; left in a text, they were not understood."""

SPECIAL_TOKEN = re.compile(
    r"<\|[a-zA-Z_]{2,40}\|>|<[|｜][^|｜<>\n]{2,40}▁[^|｜<>\n]{1,40}[|｜]>|<｜(?:User|Assistant)｜>"
    r"|<(?:start|end)_of_turn>|<\|?/?tool_calls?\|?>|\[/?INST\]|<</?SYS>>|</?s>\s*\Z"
)
"""Marks of any chat template, those of tools included; as text they end a turn in somebody's tokenizer."""


def malformed(reasoning: str, response: str, must_think: bool = False) -> str | None:
    """What is wrong with the form of an answer whose reasoning stands apart, in words that group well."""
    parts = reasoning, response
    if any(map(THINK_TAG.search, parts)):
        return "more than one block of thinking"
    if any(map(OTHER_TAG.search, parts)):
        return "thinking in tags of another kind"
    if any(map(SPECIAL_TOKEN.search, parts)):
        return "holds special tokens"
    if not response.strip():
        return "no answer after the thinking"
    return "no thinking" if must_think and not reasoning.strip() else None


def malformed_text(text: str, must_think: bool = False) -> str | None:
    """The same for a whole turn with its tags; the opening one may be missing, as some templates write it."""
    tags = list(THINK_TAG.finditer(text))
    marks = ["/" in tag[0] for tag in tags]
    if marks and marks[-1] is False:
        return "thinking never closes"
    if marks not in ([], [True], [False, True]):
        return "more than one block of thinking"
    if marks == [False, True] and text[: tags[0].start()].strip():
        return "text before the thinking"
    start = tags[0].end() if len(tags) == 2 else 0
    reasoning = text[start : tags[-1].start()] if tags else ""
    return malformed(reasoning, text[tags[-1].end() :] if tags else text, must_think)
