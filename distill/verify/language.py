"""Is a text in the language that was asked for, all of it?

Two tests. Letters of foreign scripts are counted, which finds a Chinese sentence in an English thought. Stretches of
about a thousand characters are classified one by one (py3langid), which finds a change of language within a script.
Formulas, code, numbers and single letters are left out of both: they are in no language.
"""

import math
import re
import unicodedata
from collections import Counter
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

MOST_FOREIGN_LETTERS = 0.02
"""Share of letters of other scripts: a name or a symbol, never a sentence."""

MOST_LATIN_LETTERS = 0.5
"""Share of Latin letters where the script is another: functions, units and variables are Latin everywhere."""

STRETCH = 1000
"""Characters that are classified together."""

SHORTEST = 200
"""Characters below which a classification is a guess: `Total km` is in no language."""

MOST_STRETCHES = 20
"""Stretches of a long text that are classified, evenly spread."""

MOST_FOREIGN_STRETCHES = 0.1
"""Share of stretches in another language; one of two thousand of English R1 traces is taken for one."""

MATH_AND_CODE = re.compile(
    r"```.*?```|\$\$.*?\$\$|\$[^$\n]*\$|\\\[.*?\\\]|\\\(.*?\\\)|\\[a-zA-Z]+|\b[^\W\d_]\b|[^\w\s'’]|\d+|_", re.DOTALL
)


def foreign(text: str, language: str) -> str | None:
    """What speaks against a text being in a language, in words that group well; None if nothing does."""
    prose = " ".join(MATH_AND_CODE.sub(" ", text).split())
    scripts = SCRIPTS.get(language, ("LATIN",))
    letters = Counter(_script(c) for c in prose if c.isalpha())
    latin = letters["LATIN"] if "LATIN" not in scripts else 0
    others = letters.total() - latin - sum(letters[name] for name in scripts)
    if others > MOST_FOREIGN_LETTERS * letters.total() or latin > MOST_LATIN_LETTERS * letters.total():
        return "mixes scripts"
    stretches = [prose[i : i + STRETCH] for i in range(0, len(prose), STRETCH)]
    told = [s for s in stretches[:: math.ceil(len(stretches) / MOST_STRETCHES) or 1] if len(s) >= SHORTEST]
    elsewhere = sum(_classifier().classify(s)[0] != language for s in told)
    return f"not in '{language}'" if elsewhere > MOST_FOREIGN_STRETCHES * len(told) else None


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    """The first word of a letter's name: LATIN, CJK, CYRILLIC."""
    return unicodedata.name(letter, "UNKNOWN").split()[0]


@lru_cache(maxsize=1)
def _classifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)
