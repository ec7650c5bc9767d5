"""Near-duplicate problems and like traces: what is found, what is taken for a copy and is none, rows a second, memory.

    python benchmarks/near_duplicates.py --train gsm8k_train.jsonl math_train.jsonl --traces r1_traces.jsonl \\
        --rows 10000 100000 --out FILE

Side by side with the documented ways of datasketch and rensa (sets of five words, 128 permutations, threshold 0.7):
`pip install 'distill[benchmarks]'`. Every way runs in a process of its own, one after another, on the same rows: those
of the training sets, then two to six of their sentences mixed with 15 % of the words replaced; 8.5 % are copies of an
earlier row with 3 % of the words replaced, 4.4 % exact copies. Seeded.
"""

import argparse
import json
import random
import re
import string
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from common import machine
from decontamination import questions_of, share
from made_copies import replaced

PART = 8192
EARLIER = 20_000
"""Rows that copies are made of."""

OPPOSITES = [
    ("least", "greatest"),
    ("smallest", "largest"),
    ("minimum", "maximum"),
    ("more", "less"),
    ("even", "odd"),
    ("positive", "negative"),
    ("area", "perimeter"),
    ("sum", "product"),
    ("each", "all"),
    ("hours", "minutes"),
    ("twice", "half"),
    ("before", "after"),
]
UNGROUPED = re.compile(r"\(([^()$]*[+-][^()$]*)\)|(?<=\^)\{(\w+[+-]\w+)\}")
Perturb = Callable[[str, random.Random], str]


def mixed(texts: list[str], count: int) -> Iterator[dict[str, Any]]:
    """Rows with the number of the row that each is a copy of."""
    rng = random.Random(0)
    sentences = [s for text in texts for s in re.split(r"(?<=[.?!])\s+", text) if s]
    words = [word for text in texts for word in text.split()]
    reals = rng.sample(texts, len(texts))
    earlier: list[tuple[int, str]] = []
    for number in range(count):
        kind = rng.random()
        of, name = None, "new"
        if earlier and kind < 0.129:
            of, text = rng.choice(earlier)
            name = "exact" if kind < 0.044 else "near"
            text = text if name == "exact" else replaced(text, 0.03, words, rng)
        elif reals:
            text = reals.pop()
        else:
            text = replaced(" ".join(rng.choice(sentences) for _ in range(rng.randrange(2, 7))), 0.15, words, rng)
        if of is None and len(earlier) < EARLIER:
            earlier.append((number, text))
        yield {"text": text, "of": of, "kind": name}


def parts_of(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Texts with the number of the first."""
    texts: list[str] = []
    first = 0
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            texts.append(json.loads(line)["text"])
            if len(texts) == PART:
                yield first, texts
                first, texts = first + PART, []
    yield first, texts


def shingles(text: str) -> set[str]:
    words = re.findall(r"\w+", text.lower())
    return {" ".join(words[at : at + 5]) for at in range(max(1, len(words) - 4))}


def ours(file: Path) -> dict[int, int | None]:
    from distill.curate.duplicates.near_duplicates import NearDuplicates

    with NearDuplicates() as finder:
        for first, texts in parts_of(file):
            finder.add(range(first, first + len(texts)), texts)
        return {removal.key: removal.survivor for removal in finder.removals()}


def datasketch(file: Path) -> dict[int, int | None]:
    from datasketch import MinHash, MinHashLSH

    index, removed = MinHashLSH(threshold=0.7, num_perm=128), {}
    for first, texts in parts_of(file):
        for number, text in enumerate(texts, first):
            sketch = MinHash(num_perm=128)
            sketch.update_batch([shingle.encode() for shingle in shingles(text)])
            found = index.query(sketch)
            if found:
                removed[number] = min(found)
            else:
                index.insert(number, sketch)
    return removed


def rensa(file: Path) -> dict[int, int | None]:
    from rensa import RMinHashDeduplicator

    index = RMinHashDeduplicator(threshold=0.7, num_perm=128, use_lsh=True, num_bands=16, seed=42)
    removed: dict[int, int | None] = {}
    for first, texts in parts_of(file):
        added = index.add_pairs((str(number), list(shingles(text))) for number, text in enumerate(texts, first))
        removed.update({number: None for number, new in enumerate(added, first) if not new})
    return removed


WAYS: dict[str, Callable[[Path], dict[int, int | None]]] = {"ours": ours, "datasketch": datasketch, "rensa": rensa}


def memory_kib(name: str) -> int:
    """Of this process: getrusage would tell the peak of the one that began it."""
    found = re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1])


def child(way: str, file: Path) -> None:
    """Run one way here: what it removes, CPU seconds and MiB beside those of reading the rows."""
    for _ in parts_of(file):
        pass
    WAYS[way](Path("/dev/null"))  # imports
    before, started = memory_kib("VmRSS"), time.process_time()
    for _ in parts_of(file):
        pass
    reading = time.process_time() - started
    started = time.process_time()
    removed = WAYS[way](file)
    seconds = time.process_time() - started - reading
    told = {"removed": list(removed.items()), "seconds": seconds, "kib": [before, memory_kib("VmHWM")]}
    print(json.dumps(told))


def run(way: str, file: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--way", way, "--file", str(file)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def speed(texts: list[str], count: int, ways: list[str], folder: Path) -> dict[str, Any]:
    file, kinds, size = folder / f"{count}.jsonl", [], 0
    with file.open("w", encoding="utf-8") as lines:
        for row in mixed(texts, count):
            lines.write(json.dumps(row) + "\n")
            kinds.append(row["kind"])
            size += len(row["text"])
    told: dict[str, Any] = {"mean characters": size / count, "kinds": Counter(kinds)}
    for way in ways:
        got = run(way, file)
        removed = Counter(kinds[number] for number, _ in got["removed"])
        told[way] = {
            "rows_per_cpu_second": round(count / got["seconds"]),
            "bytes_a_row": round((got["kib"][1] - got["kib"][0]) * 1024 / count),
            "peak_mib": got["kib"][1] // 1024,
            "removed": {kind: share(removed[kind], of) for kind, of in told["kinds"].items()},
        }
        shown = {kind: f"{value['share']:.2%}" for kind, value in told[way]["removed"].items()}
        print(count, way, {k: v for k, v in told[way].items() if k != "removed"}, shown, flush=True)
    file.unlink()
    return told


def other_number(found: re.Match[str], rng: random.Random) -> str:
    number = rng.randrange(2, 10 ** min(len(found[0]), 6) + 2)
    return str(number + (number == int(found[0])))


def one_number(text: str, rng: random.Random) -> str:
    found = list(re.finditer(r"\d+", text))
    if not found:
        return text
    one = rng.choice(found)
    return text[: one.start()] + other_number(one, rng) + text[one.end() :]


def opposite(text: str, rng: random.Random) -> str:
    pairs = [pair for pair in (*OPPOSITES, *((b, a) for a, b in OPPOSITES)) if re.search(rf"\b{pair[0]}\b", text)]
    if not pairs:
        return text
    word, instead = rng.choice(pairs)
    return re.sub(rf"\b{word}\b", instead, text, count=1)


def noise(amount: float, words: list[str], only: str = r"\S+") -> Perturb:
    def perturb(text: str, rng: random.Random) -> str:
        return " ".join(replaced(w, amount, words, rng) if re.fullmatch(only, w) else w for w in text.split())

    return perturb


def perturbations(texts: list[str]) -> tuple[dict[str, Perturb], dict[str, Perturb]]:
    """Copies, and what are none."""
    words = [word for text in texts for word in text.split()]
    letters = [word for word in words if re.fullmatch(r"[A-Za-z]+[.,?]?", word)]
    copies: dict[str, Perturb] = {"verbatim": lambda t, _: t}
    for amount in (0.03, 0.05, 0.1):
        copies[f"{amount:.0%} of the words by any words"] = noise(amount, words)
        copies[f"{amount:.0%} of the words of letters by such"] = noise(amount, letters, r"[A-Za-z]+[.,?]?")
    copies["respaced"] = lambda t, _: re.sub(r"([+\-*/=(){}^_<>,])", r" \1 ", t)
    copies["without punctuation"] = lambda t, _: "".join(c for c in t if c not in string.punctuation)
    others: dict[str, Perturb] = {
        "every number changed": lambda t, rng: re.sub(r"\d+", lambda found: other_number(found, rng), t),
        "one number changed": one_number,
        "one word for its opposite": opposite,
        "not put in": lambda t, _: re.sub(r"\b(is|are|does|can)\b", r"\1 not", t, count=1),
        "a decimal point put in": lambda t, _: re.sub(r"(?<![\d.,])(\d)(\d+)(?![\d.,])", r"\1.\2", t, count=1),
        "a sum without its parentheses": lambda t, _: UNGROUPED.sub(r"\1\2", t, count=1),
    }
    return copies, others


def quality(sets: dict[str, list[str]], sample: int, ways: list[str], folder: Path) -> dict[str, Any]:
    """The rows of a set, then perturbed ones, every kind of other rows: which of those are removed?"""
    told: dict[str, Any] = {"copies": {}, "others": {}, "themselves": {}}
    for name, texts in sets.items():
        rng, rows, kinds = random.Random(0), list(texts), [("themselves", "")] * len(texts)
        left = rng.sample(range(len(texts)), len(texts))
        for side, perturbs in zip(("copies", "others"), perturbations(texts), strict=True):
            for kind, perturb in perturbs.items():
                chosen, left = left[:sample], left[sample:]
                changed = [(texts[number], perturb(texts[number], rng)) for number in chosen]
                rows += [text for was, text in changed if side == "copies" or text != was]
                kinds += [(side, kind)] * (len(rows) - len(kinds))
        file = folder / "quality.jsonl"
        file.write_text("".join(json.dumps({"text": text}) + "\n" for text in rows))
        counts = Counter(kinds)
        for way in ways:
            removed = Counter(kinds[number] for number, _ in run(way, file)["removed"])
            for (side, kind), of in counts.items():
                told[side].setdefault(f"{name}: {kind}", {})[way] = share(removed[side, kind], of)
    for side, found in told.items():
        for kind, by in found.items():
            print(side, kind, by[ways[0]]["n"], {way: f"{v['share']:.1%}" for way, v in by.items()}, flush=True)
    return told


def sketching(texts: list[str]) -> dict[str, float]:
    """Microseconds a row from hashes of shingles to an array of sketches."""
    import numpy as np
    from datasketch import MinHash
    from rensa import RMinHash

    from distill.curate.duplicates import sketches
    from distill.curate.text.shingles import batch_of, shingles_of, stream_of

    found = shingles_of(stream_of(batch_of(texts)), sketches.LENGTH)
    offsets = np.searchsorted(found.rows, np.arange(len(texts) + 1)).astype(np.uint64)
    each = np.split(found.hashes & np.uint64(0xFFFFFFFF), offsets[1:-1].astype(np.int64))

    def by_datasketch() -> Any:
        made = [MinHash(num_perm=128, hashfunc=int) for _ in each]
        for sketch, hashes in zip(made, each, strict=True):
            sketch.update_batch(hashes.tolist())
        return np.array([sketch.hashvalues for sketch in made])

    def by_rensa() -> Any:
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(found.hashes, offsets, 128, 42)
        return np.array(matrix.to_rows(), np.uint32)

    told = {}
    for name, make in {
        "ours": lambda: sketches._slots_of(found, len(texts)),
        "rensa, flat hashes": by_rensa,
        "datasketch, hashes": by_datasketch,
    }.items():
        started = time.process_time()
        make()
        told[name] = (time.process_time() - started) / len(texts) * 1e6
    return told


def traces_of(file: Path) -> dict[str, Any]:
    """`distinct` of 32 traces of 30,000 characters, real ones one after another; and what q-grams would tell."""
    from rapidfuzz.distance import Levenshtein

    from distill.curate.duplicates.distinct import distinct

    texts, rng = [json.loads(line)["response"] for line in file.open(encoding="utf-8")], random.Random(0)
    traces = ["".join(rng.sample(texts, 40))[:30_000] for _ in range(32)]
    told: dict[str, Any] = {"seconds": {}, "grams": {}}
    for least in (0.05, 0.1, 0.2, 0.3):
        started = time.process_time()
        kept = distinct(traces, least).kept
        told["seconds"][least] = {"cpu": time.process_time() - started, "kept": len(kept)}
    told["distance"] = Levenshtein.normalized_distance(*traces[:2])
    for q in (1, 2, 3, 4, 6):
        one, other = (Counter(t[at : at + q] for at in range(len(t) - q + 1)) for t in traces[:2])
        told["grams"][q] = ((one - other).total() + (other - one).total()) / (2 * q) / 30_000
    print("traces", told, flush=True)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, nargs="+")
    parser.add_argument("--traces", type=Path)
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--ways", nargs="+", default=list(WAYS))
    parser.add_argument("--sample", type=int, default=500, help="rows of a set for each perturbation; 0: none")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        child(given.way, given.file)
        return
    sets = {path.stem: questions_of(path) for path in given.train}
    texts = [text for rows in sets.values() for text in rows]
    told: dict[str, Any] = {"machine": machine("numpy", "rapidfuzz", "datasketch", "rensa")}
    told["sketching"] = sketching(texts[:: len(texts) // 4000])
    print("sketching, us a row", told["sketching"], flush=True)
    if given.traces:
        told["traces"] = traces_of(given.traces)
    with tempfile.TemporaryDirectory() as name:
        told["speed"] = {str(count): speed(texts, count, given.ways, Path(name)) for count in given.rows}
        if given.sample:
            told["quality"] = quality(sets, given.sample, given.ways, Path(name))
    if given.out:
        given.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
