"""Texts as vectors of whole numbers: TF-IDF of their words, or the mean of their tokens' static embeddings.

The numbers are floats (float64) without a fraction, and each vector is `NORM` long: see `clusters.py` for why.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distill.errors import Refused

Floats = NDArray[np.float64]

Vectors = Callable[[Sequence[str]], Any]
"""Texts -> their vectors: a sparse or dense matrix of shape (texts, dimensions)."""

NORM = 1 << 14
"""Length of a vector, to within rounding. The product of two is at most 2**28, a sum of a million of them 2**48."""

WORD = re.compile(r"\\?[a-z]{2,}")
"""Words of lower case, and LaTeX commands, which say more of a domain than most words."""

WORD_BEYOND = re.compile(rf"{WORD.pattern}|[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_a-z\u3040-\u30ff\u3400-\u9fff]{{2,}}")
"""The same of a text beyond ASCII: single characters of Chinese and Japanese, which has no spaces, and words of other
scripts."""

MOST_WORDS = 8192
"""Dimensions: the words that stand in the most texts, but for those that stand in too many."""

LEAST_TEXTS = 2
"""A word that stands in one text makes it like no other."""

MOST_TEXTS = 0.5
"""Share of the texts above which a word is common to all domains."""

MOST_TOKENS = 512
"""Of a text, as model2vec has it."""

LARGEST = 1 << 12
"""Component of an embedding: the squares of a sum of `MOST_TOKENS` in 1,024 dimensions stay below 2**53."""


def words_of(text: str) -> list[str]:
    """In the order in which they stand, in lower case."""
    return (WORD if text.isascii() else WORD_BEYOND).findall(text.lower())


def weighted(texts: Sequence[str]) -> Vectors:
    """TF-IDF by the words of these texts: each that stands in a text counts once, by its rarity among the texts."""
    frequencies = Counter(chain.from_iterable(set(words_of(text)) for text in texts))
    most = max(LEAST_TEXTS, int(MOST_TEXTS * len(texts)))
    usual = sorted((-n, word) for word, n in frequencies.items() if LEAST_TEXTS <= n <= most)[:MOST_WORDS]
    numbers = {word: number for number, (_, word) in enumerate(usual)}
    rarity = {n: round((Decimal(len(texts)) / n).ln() * 1024) for n in {-n for n, _ in usual}}
    weights = np.array([rarity[-n] for n, _ in usual], np.float64)

    def vectors(texts: Sequence[str]) -> Any:
        found = [sorted({numbers[w] for w in words_of(text) if w in numbers}) for text in texts]
        return unit(_rows(found, len(weights)).multiply(weights).tocsr())

    return vectors


def embedded(folder: Path) -> Vectors:
    """The mean of the embeddings of a text's tokens, from a folder with `model.safetensors` and `tokenizer.json`.

    Raises:
        Refused: no such folder, or of another kind.
    """
    from tokenizers import Tokenizer

    table = _table(folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MOST_TOKENS)
    model = json.loads(tokenizer.to_str())["model"]
    unknown = model.get("unk_id") if model.get("unk_token") is None else tokenizer.token_to_id(model["unk_token"])

    def vectors(texts: Sequence[str]) -> Any:
        encodings = tokenizer.encode_batch_fast([_whole(text) for text in texts], add_special_tokens=False)
        return unit(_rows([[t for t in found.ids if t != unknown] for found in encodings], len(table)) @ table)

    return vectors


def _whole(text: str) -> str:
    """Halves of surrogate pairs, which no tokenizer takes, become question marks."""
    return text.encode("utf-8", "replace").decode()


def _table(folder: Path) -> Floats:
    """A whole number for every component of every token, up to `LARGEST`. Shape (tokens, dimensions)."""
    from safetensors import SafetensorError, safe_open

    for name in ("model.safetensors", "tokenizer.json"):
        if not (folder / name).is_file():
            raise Refused(f"{folder} holds no {name}, so it is no folder of static embeddings.", "Such as model2vec's.")
    try:
        with safe_open(folder / "model.safetensors", framework="numpy") as held:
            tensors = {name: held.get_tensor(name).astype(np.float64) for name in held.keys()}  # noqa: SIM118
    except (SafetensorError, TypeError) as e:
        raise Refused(f"{folder}/model.safetensors cannot be read: {e}.") from e
    table = next((tensors[name] for name in ("embeddings", "embedding.weight") if name in tensors), None)
    if table is None or table.ndim != 2 or not np.isfinite(table).all() or not table.any():
        raise Refused(f"{folder}/model.safetensors holds no embeddings (its tensors: {', '.join(sorted(tensors))}).")
    if "mapping" in tensors:  # tokens share rows
        table = table[tensors["mapping"].astype(np.int64)]
    if "weights" in tensors:
        table = table * tensors["weights"][:, None]
    return np.rint(table / np.abs(table).max() * LARGEST)


def _rows(numbers: list[list[int]], width: int) -> Any:
    """How often each number stands in each list: a sparse matrix of shape (lists, width)."""
    from scipy.sparse import csr_array

    begins = np.zeros(len(numbers) + 1, np.int64)
    np.cumsum([len(row) for row in numbers], out=begins[1:])
    columns = np.fromiter(chain.from_iterable(numbers), np.int64, begins[-1])
    return csr_array((np.ones(len(columns)), columns, begins), shape=(len(numbers), width))


def unit(vectors: Any) -> Any:
    """The same directions with the length `NORM`, rounded; what is nothing stays so.

    Whole numbers in, below 2**24 and with a sum of squares below 2**53; whole numbers out.
    """
    lengths = np.sqrt(squares(vectors))
    lengths[lengths == 0] = 1
    if isinstance(vectors, np.ndarray):
        return np.rint(vectors * NORM / lengths[:, None])
    scaled = vectors.copy()
    scaled.data = np.rint(scaled.data * NORM / np.repeat(lengths, np.diff(scaled.indptr)))
    return scaled


def squares(vectors: Any) -> Floats:
    """The square of each one's length. Shape (texts,)."""
    product = vectors * vectors if isinstance(vectors, np.ndarray) else vectors.multiply(vectors)
    return np.asarray(product.sum(axis=1), np.float64).ravel()
