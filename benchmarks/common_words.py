"""Which words are common in problems, by the share of them that hold each: what `common_words.COMMON` is.

    python benchmarks/common_words.py gsm8k_train.jsonl math_train.jsonl

Training sets only: what is looked for in a decontamination must not be its measure. Drawing code is left out.
"""

import json
import re
import sys
import textwrap
from collections import Counter
from itertools import pairwise
from pathlib import Path

from distill.curate.decontamination.canonical import canonical
from distill.curate.text.folding import folded

GROUPS = 8
_WORD = re.compile(r"[a-z]+|\d+")


def groups(texts: list[str]) -> list[list[str]]:
    """Words that stand in more than a half of the texts, in more than a quarter of them, and so on."""
    counts = Counter(word for text in texts for word in set(_WORD.findall(canonical(folded(text)).lower())))
    bounds = [len(texts) / 2**step for step in range(GROUPS + 1)]
    return [sorted(word for word, count in counts.items() if low < count <= high) for high, low in pairwise(bounds)]


def main() -> None:
    texts = []
    for name in sys.argv[1:]:
        rows = map(json.loads, Path(name).read_text(encoding="utf-8").splitlines())
        texts += [row.get("problem") or row["question"] for row in rows]
    for words in groups(texts):
        print('    """' + "\n".join(textwrap.wrap(" ".join(words), 112, subsequent_indent="    ")) + '""",')


if __name__ == "__main__":
    main()
