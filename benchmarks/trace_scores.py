"""What scores of traces and clusters of problems cost, and what they are worth beside labels.

    pip install scikit-learn  # to compare with; distill itself does not need it
    python benchmarks/trace_scores.py --traces r1_distill_traces_500.jsonl --problems math_train.jsonl math500.jsonl \\
        [--model MODEL] --rows 10000 100000 --out FILE

Speed: rows are real traces joined at random to 30 kB, made in parts; only the scoring is timed. Reflection lists beside
the labels of the same traces (`label_counts`, by a language model): Spearman's rank correlation of counts, and of
counts a word with shares of the labelled sentences, which takes out that long traces have more of everything. The lists
were written by the even rows; `held out` are the odd ones, seen once. Intervals: percentile bootstrap over traces.
Clusters beside the subjects of MATH: normalised mutual information and adjusted Rand index, five seeds. `--model` makes
static embeddings of a language model's input table: less its mean, each token by its rarity among the problems.
"""

import argparse
import json
import os
import random
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from common import machine
from scipy.stats import rankdata

from distill.curate.problems.clusters import clusters
from distill.curate.problems.difficulty import Band, chance_inside, side
from distill.curate.quality import reflection
from distill.curate.quality.phrases import encoded, words
from distill.curate.quality.rule_score import features, scores
from distill.curate.quality.superficial import reflections
from distill.records import digest

SIZE = 30_000
PART = 500
SLOW = 1000
"""Rows for what is slow."""

SEEDS = range(5)
RESAMPLES = 1000


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.open(encoding="utf-8")]


def made(traces: list[str], rows: int) -> Iterator[list[str]]:
    """Parts of rows of about `SIZE` characters."""
    rng = random.Random(0)
    for at in range(0, rows, PART):
        part = []
        for _ in range(min(PART, rows - at)):
            row = ""
            while len(row) < SIZE:
                row += rng.choice(traces)
            part.append(row[:SIZE])
        yield part


def timed(call: Callable[[str], Any], traces: list[str], rows: int) -> dict[str, float]:
    seconds = size = 0.0
    for part in made(traces, rows):
        size += sum(len(row.encode()) for row in part)
        started = time.process_time()
        for row in part:
            call(row)
        seconds += time.process_time() - started
    return {
        "rows": rows,
        "rows_per_cpu_second": round(rows / seconds),
        "mb_per_cpu_second": round(size / seconds / 1e6),
    }


def regular(phrases: list[str]) -> Callable[[str], Any]:
    """The same lists as a regular expression of alternatives, to compare with."""
    alternatives = "|".join(re.escape(p.rstrip("*")) + ("" if p.endswith("*") else r"\b") for p in phrases)
    pattern = re.compile(rf"\b(?:{alternatives})")
    return lambda text: Counter(pattern.findall(text.lower()))


def speed(traces: list[str], rows: list[int]) -> dict[str, Any]:
    every = sorted({p for phrases in (*reflection.BEHAVIOURS.values(), reflection.KEYWORDS_V2) for p in phrases})
    calls = {
        "quality.features": (features, None),
        "reflection.counts": (reflection.counts, None),
        "regular expression of the same lists": (regular(every), SLOW),
        "superficial.reflections": (lambda text: reflections(text, "5"), SLOW),
    }
    told: dict[str, Any] = {}
    for count in rows:
        for name, (call, most) in calls.items():
            told.setdefault(str(count), {})[name] = timed(call, traces, min(count, most or count))
            print(count, name, told[str(count)][name], flush=True)
        corpus = np.random.default_rng(0).integers(1, 99, (count, 4))
        started = time.process_time()
        scores(corpus)
        told[str(count)]["quality.scores, rows_per_cpu_second"] = round(count / (time.process_time() - started))
        started = time.process_time()
        for number in range(count):
            side(Band(), number % 20, 20)
            chance_inside(Band(), number % 20, 20)
        told[str(count)]["side and chance_inside, rows_per_cpu_second"] = round(count / (time.process_time() - started))
        told[str(count)]["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return told


def spearman(a: np.ndarray, b: np.ndarray, seed: int = 0) -> dict[str, Any]:
    """With a 95 % interval."""
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(a), (RESAMPLES, len(a)))
    with np.errstate(divide="ignore", invalid="ignore"):  # of a rare word there may be none in a resample
        found = [np.corrcoef(rankdata(a[pick]), rankdata(b[pick]))[0, 1] for pick in picks]
    low, high = np.nanquantile(found, [0.025, 0.975])
    return {"n": len(a), "rho": float(np.corrcoef(rankdata(a), rankdata(b))[0, 1]), "interval": [low, high]}


def correlations(rows: list[dict[str, Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, chosen in {"held out": rows[1::2], "all": rows}.items():
        chosen = [row for row in chosen if any(row["label_counts"].values())]
        length = np.array([words(encoded(row["response"])) for row in chosen], float)
        counted = {
            k: np.array(v)
            for k, v in zip(
                reflection.Counts._fields,
                zip(*(reflection.counts(r["response"]) for r in chosen), strict=True),
                strict=True,
            )
        }
        limo = np.array([features(row["response"]) for row in chosen])
        counted |= {f"LIMO {k}": v for k, v in zip(("verifying", "exploring", "adapting"), limo.T[1:], strict=True)}
        labels = {k: np.array([row["label_counts"][k] for row in chosen]) for k in chosen[0]["label_counts"]}
        sentences = sum(labels.values())
        told[name] = {
            label: {
                "length alone": spearman(length, labels[label]),
                **{
                    k: {"counts": spearman(v, labels[label]), "a word": spearman(v / length, labels[label] / sentences)}
                    for k, v in counted.items()
                },
            }
            for label in ("backtracking", "example-testing", "uncertainty-estimation")
        }
    return told


def theirs(kind: str, texts: list[str], count: int, seed: int) -> Any:
    """scikit-learn's way."""
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(token_pattern=r"\\?[a-z]{2,}", sublinear_tf=True, min_df=2, max_df=0.5).fit_transform(
        texts
    )
    means = (
        KMeans(count, n_init=4, random_state=seed) if kind == "KMeans" else MiniBatchKMeans(count, random_state=seed)
    )
    return means.fit_predict(vectors)


def ways(embedding: Path | None) -> dict[str, Callable[[list[str], int, int], Any]]:
    return {
        "ours": clusters,
        **({"ours, embeddings": lambda t, k, seed: clusters(t, k, seed, embedding)} if embedding else {}),
        "scikit-learn KMeans": lambda t, k, seed: theirs("KMeans", t, k, seed),
        "scikit-learn MiniBatchKMeans": lambda t, k, seed: theirs("MiniBatchKMeans", t, k, seed),
        "random": lambda t, k, seed: np.random.default_rng(seed).integers(0, k, len(t)),
    }


def static(model: str, texts: list[str], folder: Path) -> Path:
    """A folder of static embeddings from a model's input table."""
    from safetensors.numpy import save_file

    from distill import models

    source = models.resolve(model)
    tokenizer = models.tokenizer(source).backend_tokenizer
    tokenizer.save(str(folder / "tokenizer.json"))
    table = models.load(source, "float32").get_input_embeddings().weight.detach().numpy()
    frequencies = Counter(token for found in tokenizer.encode_batch(texts) for token in set(found.ids))
    rarity = [np.log((len(texts) + 1) / (frequencies[token] + 1)) for token in range(len(table))]
    tensors = {"embeddings": table - table.mean(axis=0), "weights": np.array(rarity)}
    save_file(tensors, folder / "model.safetensors")
    return folder


def quality_of_clusters(rows: list[dict[str, Any]], embedding: Path | None) -> dict[str, Any]:
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    texts, subjects = [row["problem"] for row in rows], [row.get("type") or row["subject"] for row in rows]
    told: dict[str, Any] = {"n": len(rows)}
    for count in (7, 40):
        for name, way in ways(embedding).items():
            started = time.process_time()
            found = [way(texts, count, seed) for seed in SEEDS]
            seconds = (time.process_time() - started) / len(found)
            mutual = [normalized_mutual_info_score(subjects, labels) for labels in found]
            rand = [adjusted_rand_score(subjects, labels) for labels in found]
            told[f"{count} clusters, {name}"] = {
                "mutual_information": [float(np.mean(mutual)), min(mutual), max(mutual)],
                "adjusted_rand": [float(np.mean(rand)), min(rand), max(rand)],
                "cpu_seconds": seconds,
            }
            print(len(rows), count, name, f"{np.mean(mutual):.3f} {np.mean(rand):.3f} {seconds:.2f} s", flush=True)
    return told


MACHINES = {
    "one thread": {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    "two threads": {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
    "BLAS of 2004": {"OPENBLAS_CORETYPE": "Prescott"},
    "without AVX": {
        "OPENBLAS_CORETYPE": "Prescott",
        "NPY_DISABLE_CPU_FEATURES": "AVX512F,AVX512CD,AVX512_SKX,AVX2,FMA3",
    },
}


def elsewhere(problems: Path, embedding: Path | None) -> dict[str, Any]:
    """Digests of the clusters as other machines would find them, by environment variables of BLAS and numpy."""
    told: dict[str, Any] = {}
    for name, settings in (*MACHINES.items(), ("rows in another order", {})):
        command = [sys.executable, __file__, "--digests", "--problems", str(problems)]
        command += ["--embedding", str(embedding)] if embedding else []
        command += ["--shuffled"] if not settings else []
        done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=True)
        told[name] = json.loads(done.stdout.splitlines()[-1])
        print(name, told[name], flush=True)
    return told


def digests(problems: Path, embedding: Path | None, is_shuffled: bool) -> dict[str, str]:
    """Of the labels in the order of the file, numbered as they come, so that only the partition counts."""
    texts = [row["problem"] for row in read(problems)]
    order = np.random.default_rng(0).permutation(len(texts)) if is_shuffled else np.arange(len(texts))
    told = {}
    for name, way in ways(embedding).items():
        labels = np.empty(len(texts), np.int64)
        labels[order] = way([texts[at] for at in order], 40, 0)
        first: dict[int, int] = {}
        told[name] = digest([first.setdefault(label, len(first)) for label in labels.tolist()])
    return told


def scale_of_clusters(texts: list[str], rows: list[int]) -> dict[str, Any]:
    """Problems whose sentences are mixed, so that none is there twice."""
    rng = random.Random(0)
    sentences = [s for text in texts for s in re.split(r"(?<=[.?!])\s+", text) if s]
    told = {}
    for count in rows:
        many = [" ".join(rng.choice(sentences) for _ in range(3)) for _ in range(count)]
        started = time.process_time()
        clusters(many, 60)
        seconds = time.process_time() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        told[str(count)] = {"cpu_seconds": seconds, "rows_per_cpu_second": round(count / seconds), "peak_mib": peak}
        print("clusters", count, told[str(count)], flush=True)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=Path)
    parser.add_argument("--problems", type=Path, nargs="+", required=True)
    parser.add_argument("--model", help="a language model whose input table is tried as static embeddings")
    parser.add_argument("--embedding", type=Path, help="a folder of static embeddings")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000])
    parser.add_argument("--digests", action="store_true", help="only print what clusters this machine finds")
    parser.add_argument("--shuffled", action="store_true", help="the same with the rows in another order")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.digests:
        print(json.dumps(digests(given.problems[0], given.embedding, given.shuffled)))
        return
    labelled = read(given.traces)
    with TemporaryDirectory() as folder:
        if given.model:
            texts = [row["problem"] for row in read(given.problems[0])]
            given.embedding = static(given.model, texts, Path(folder))
        told = measured(given, labelled)
    given.out.write_text(json.dumps(told, indent=1) + "\n")
    show(told["correlation"]["held out"])


def measured(given: argparse.Namespace, labelled: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "machine": machine("ahocorasick_rs", "numpy", "scipy", "scikit-learn"),
        "correlation": correlations(labelled),
        "clusters": {path.stem: quality_of_clusters(read(path), given.embedding) for path in given.problems},
        "clusters_elsewhere": elsewhere(given.problems[0], given.embedding),
        "clusters_scale": scale_of_clusters([row["problem"] for row in read(given.problems[0])], given.rows),
        "speed": speed([row["response"] for row in labelled], given.rows),
    }


def show(correlation: dict[str, Any]) -> None:
    for label, found in correlation.items():
        print(label, "length alone", round(found["length alone"]["rho"], 2))
        for name in (*reflection.Counts._fields, "LIMO verifying", "LIMO exploring"):
            print("   ", name, *(f"{found[name][k]['rho']:.2f}" for k in ("counts", "a word")))


if __name__ == "__main__":
    main()
