"""Is a text in the language that was asked for, all of it?

Two tests. Letters of foreign scripts are counted, which finds a Chinese word in an English thought. Stretches of
about a thousand characters are classified one by one (py3langid), which finds a change of language within a script.
Formulas, code, numbers, symbols and single letters are left out of both: they are in no language.
"""

import math
import re
import unicodedata
from functools import lru_cache
from typing import Any

SCRIPTS = {
    "ar": ("ARABIC",),
    "el": ("GREEK",),
    "fa": ("ARABIC",),
    "he": ("HEBREW",),
    "hi": ("DEVANAGARI",),
    "ja": ("CJK", "HIRAGANA", "KATAKANA"),
    "ko": ("HANGUL",),
    "ru": ("CYRILLIC",),
    "th": ("THAI",),
    "uk": ("CYRILLIC",),
    "zh": ("CJK",),
}
"""Scripts of a language, as Unicode names its letters; Latin for the others."""

ALIASES = {"KATAKANA-HIRAGANA": "KATAKANA", "IDEOGRAPHIC": "CJK"}
"""How Unicode names the mark of a long vowel and the mark of a character said twice."""

WEIGHTS = {"CJK": 2, "HANGUL": 2}
"""Letters that one character of a script stands for."""

MOST_FOREIGN_LETTERS = 8
"""Letters of other scripts in different words: a name, never a sentence, however long the text around it is."""

LEAST_GLUED_LETTERS = 2
"""Foreign letters in one word with Latin ones: the thought slipped. One Cyrillic letter is a mistyped Latin one."""

MOST_LATIN_LETTERS = 200
"""Latin letters where the script is another that need no words around them: an answer, functions, units, variables."""

MOST_LATIN_SHARE = 0.5
"""Share of Latin letters in longer texts where the script is another."""

GREEK_WORD = 4
"""Greek letters that are a word if there is nothing else in it; `sinθ`, `kΩ` and `Δx` are symbols."""

STRETCH = 1000
"""Characters that are classified together."""

SHORTEST = 200
"""Characters below which a classification is a guess: `Total km` is in no language."""

MOST_STRETCHES = 20
"""Stretches of a long text that are classified, evenly spread."""

MOST_FOREIGN_STRETCHES = 0.1
"""Share of stretches in another language; one of two thousand of English R1 traces is taken for one."""

MARKS = "".join(c for c in map(chr, range(0x300, 0x3100)) if unicodedata.category(c)[0] == "M")
"""Vowels and accents that are no letters of their own; Hindi and Thai fall to pieces without them."""

# What opens a formula is never looked for beyond the next opening: else many that are left open cost their square.
MATH_AND_CODE = re.compile(
    rf"```.*?```|\$\$.*?\$\$|\$[^$\n]*\$"
    rf"|(?<!\\)\\\[(?:\\[^\[\]]|[^\\])*+\\\]|(?<!\\)\\\((?:\\[^()]|[^\\])*+\\\)|\\[a-zA-Z]+"
    rf"|\([^\W\d_]{{1,6}}\)"  # a short word in brackets tells how a name is written
    rf"|(?<![\w{MARKS}])[^\W\d_](?![\w{MARKS}])|[^\w\s'’{MARKS}]|\d+|_",
    re.DOTALL,
)
WORD = re.compile(r"[^\W\d_]+")
PIECE = 100
"""Characters brought into one form together: a long run of accents costs its square."""


def foreign(text: str, language: str) -> str | None:
    """What speaks against a text being in a language, in words that group well; None if nothing does."""
    prose = _prose(text, language)
    if _mixes(prose, SCRIPTS.get(language, ("LATIN",))):
        return "mixes scripts"
    stretches = [prose[i : i + STRETCH] for i in range(0, len(prose), STRETCH)]
    told = [s for s in stretches[:: math.ceil(len(stretches) / MOST_STRETCHES) or 1] if len(s) >= SHORTEST]
    elsewhere = sum(_classifier().classify(s)[0] != language for s in told)
    return f"not in '{language}'" if elsewhere > MOST_FOREIGN_STRETCHES * len(told) else None


def _prose(text: str, language: str) -> str:
    """What is in some language: full-width letters and superscripts as plain ones, no formulas, code and symbols."""
    pieces = (text[i : i + PIECE] for i in range(0, len(text), PIECE))
    prose = MATH_AND_CODE.sub(" ", "".join(unicodedata.normalize("NFKC", piece) for piece in pieces))
    if language != "el":
        prose = WORD.sub(lambda word: " " if _is_symbol(word[0]) else word[0], prose)
    return " ".join(prose.split())


def _is_symbol(word: str) -> bool:
    greek = 0 if word.isascii() else sum(_script(c) == "GREEK" for c in word)
    return greek > 0 and not GREEK_WORD <= greek == len(word)


def _mixes(prose: str, scripts: tuple[str, ...]) -> bool:
    """Whether there are too many letters of other scripts; a word counts once, as a name does that recurs."""
    words = WORD.findall(prose)
    weights = {word: _weights(word, scripts) for word in set(words)}
    if sum(others for _, _, others in weights.values()) > MOST_FOREIGN_LETTERS:
        return True
    if "LATIN" in scripts:
        return any(own and others >= LEAST_GLUED_LETTERS for own, _, others in weights.values())
    latin = sum(weights[word][1] for word in words)
    own = sum(weights[word][0] for word in words)
    return latin > MOST_LATIN_LETTERS and latin > MOST_LATIN_SHARE * (latin + own)


def _weights(word: str, scripts: tuple[str, ...]) -> tuple[int, int, int]:
    """Weighted letters of a word: those of the language, Latin ones where these are others, and foreign ones."""
    own = latin = others = 0
    for script in map(_script, word):
        weight = WEIGHTS.get(script, 1)
        if script in scripts:
            own += weight
        elif script == "LATIN":
            latin += weight
        elif script != "MODIFIER":  # an apostrophe
            others += weight
    return own, latin, others


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    """The first word of a letter's name: LATIN, CJK, CYRILLIC."""
    name = unicodedata.name(letter, "UNKNOWN").split()[0]
    return ALIASES.get(name, name)


@lru_cache(maxsize=1)
def _classifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)
