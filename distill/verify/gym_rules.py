"""Data sets of reasoning_gym that are not taken as they are, with the reason."""

import re
from typing import Any

READ_VERSION = "0.1.25"
"""The version whose scorers were read for what they evaluate. No other is used."""

REFUSED = {
    "codeio": "makes its problems by running programs that a language model wrote",
    "composite": "is a mixture of others; list those under problems.datasets",
}
"""Never used."""


def is_right_too(dataset: str, answer: str, entry: dict[str, Any]) -> bool:
    """What an answer must fulfil besides the score, where a scorer takes wrong answers for right ones."""
    if re.search(r"(?i)(?<![a-z])nan(?![a-z])", answer) and answer != entry["answer"]:
        return False  # every comparison with it is false, so that it is never "too far off"
    if dataset == "game_of_life_halting":  # any text will do
        return answer.strip() == str(entry["answer"])
    if dataset == "puzzle24":  # any four numbers will do
        return sorted(map(int, re.findall(r"\d+", answer))) == sorted(entry["metadata"]["numbers"])
    if dataset == "figlet_font":  # any ten letters of a longer word will do
        return "".join(answer.split()).lower() == entry["answer"].strip().lower()
    return True
