"""Copies of a problem are removed however they were reformatted, problems with other numbers or conditions are not."""

import json
import random
import re
import string
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from distill.curate.duplicates import sketches as sketching
from distill.curate.duplicates.distinct import BY_WORDS, MOST_WORDS, Copy, distinct
from distill.curate.duplicates.missing_words import letters_of, too_different
from distill.curate.duplicates.near_duplicates import NearDuplicates, Removal
from distill.curate.duplicates.problem_tokens import tokens_of
from distill.curate.duplicates.same_problem import likeness
from distill.curate.duplicates.sketches import (
    LEAST_SHARED,
    LENGTH,
    MOST,
    SLOTS,
    WINDOW,
    Sketches,
    alike,
    shared,
    sketches_of,
)
from distill.curate.text.shingles import batch_of, shingles_of, stream_of
from distill.errors import Refused

BAKER = (
    "A baker puts 17 trays of rolls into an oven that holds 5 trays at once; each load takes 12 minutes, and she rests"
    " 3.5 minutes after the first. After how many minutes is the last tray done, if the oven is not cold?"
)
POWER = (
    r"What is the smallest positive integer $n$ such that $\left(\frac{3}{4}\right)^n < \dfrac{1}{1,000}$"
    r" and $n + 7$ is prime, given that $x \leq n$ and $\triangle ABC$ has area $2x - 1$?"
)
SHORT = r"Compute $\sin 60^\circ$."
CHINESE = "在一个三角形中，三个内角的比是1:2:3，求最大角的度数，并求最小角与最大角的差是多少。"
BARE = str.maketrans("", "", string.punctuation)
PROBLEMS = [BAKER, POWER, SHORT, CHINESE]


def removals(texts: list[str], keys: list | None = None, parts: int = 1) -> list[Removal]:
    keys = list(range(len(texts))) if keys is None else keys
    with NearDuplicates() as finder:
        for part in range(parts):
            finder.add(keys[part::parts], texts[part::parts])
        return finder.removals()


def spaced(text: str) -> str:
    return re.sub(r"([+\-*/=(){}^_<>,])", r" \1 ", text)


def respelled(text: str) -> str:
    text = text.replace(r"\frac{3}{4}", "3/4").replace(r"\dfrac", r"\tfrac").replace(r"\leq", r"\le")
    return text.replace(r"\left(", "(").replace(r"\right)", ")").replace("$", r"\(", 1).replace("$", r"\)", 1)


@pytest.mark.parametrize("text", PROBLEMS, ids=["prose", "latex", "short", "chinese"])
@pytest.mark.parametrize(
    "changed",
    [
        str,
        str.upper,
        spaced,
        respelled,
        lambda text: text.replace(" ", "\n "),
        lambda text: text if text == CHINESE else text.translate(BARE),
    ],
    ids=["verbatim", "upper", "spaced", "respelled", "lines", "without punctuation"],
)
def test_a_copy_is_found_however_it_is_written(text: str, changed: Callable[[str], str]) -> None:
    (found,) = removals([*PROBLEMS, changed(text)])
    assert (found.key, found.survivor, found.kind) == (4, PROBLEMS.index(text), "exact")
    assert found.similarity == 1
    assert found.differences == []


@pytest.mark.parametrize(
    ("word", "instead"),
    [("baker", "cook"), ("rolls", "cakes"), ("takes", "needs"), ("17", "some"), ("she rests", "he pauses")],
)
def test_other_words_are_near_and_told(word: str, instead: str) -> None:
    (found,) = removals([BAKER, BAKER.replace(word, instead)])
    assert (found.key, found.survivor, found.kind) == (1, 0, "near")
    assert found.differences == [(word, instead)]
    assert found.similarity == pytest.approx(1 - len(word.split()) / len(BAKER.split()))


@pytest.mark.parametrize(
    ("text", "word", "instead"),
    [
        (BAKER, "17", "18"),
        (BAKER, "3.5", "35"),
        (BAKER, "5 trays", "five dozen trays"),
        (BAKER, "is not cold", "is cold"),
        (BAKER, "is not cold", "is really cold"),
        (BAKER, "last", "first"),
        (BAKER, "12 minutes", "12 hours"),
        (BAKER, "after the first", "before the first"),
        (POWER, "smallest", "largest"),
        (POWER, "positive", "negative"),
        (POWER, "< ", "> "),
        (POWER, r"\leq", r"\geq"),
        (POWER, "n + 7", "n - 7"),
        (POWER, r"\frac{3}{4}", r"3 \cdot 4"),
        (POWER, "1,000", "100"),
        (POWER, "prime", "not prime"),
        (POWER, "area", "perimeter"),
        (POWER, "area", "radius"),
        (POWER, "2x - 1", "2(x - 1)"),
        (POWER, "ABC", "ACD"),
        (SHORT, "sin", "cos"),
        (SHORT, "60", "30"),
        (CHINESE, "1:2:3", "1:2:4"),
        (CHINESE, "求最大角的", "求最小角的"),
    ],
)
def test_another_number_sign_or_condition_is_another_problem(text: str, word: str, instead: str) -> None:
    changed = text.replace(word, instead)
    assert changed != text
    assert removals([text, changed]) == []
    assert removals([changed, text]) == []


def test_words_that_are_data_are_not_noise() -> None:
    word = "In how many ways can the letters of the word {} be arranged in one line from left to right?"
    assert removals([word.format("RADII"), word.format("MADAM")]) == []
    assert removals([word.format('"monkey"'), word.format('"basic"')]) == []


def test_boilerplate_in_common_is_no_likeness() -> None:
    tail = r"The probability can be written as $\frac{m}{n}$ where $m$ and $n$ are relatively prime. Find $m+n$."
    texts = [f"A {one} of {two} is drawn by {three}. {tail}" for one, two, three in [
        ("card", "a red deck", "Ann at noon in the garden"), ("marble", "blue glass", "Tom from his old bag"),
        ("ticket", "the lottery", "a blindfolded child twice in a row")]]  # fmt: skip
    assert removals(texts) == []


def rows() -> tuple[list[str], random.Random]:
    rng = random.Random(0)
    words = ["".join(rng.choices(string.ascii_lowercase, k=rng.randrange(3, 9))) for _ in range(3000)]
    texts = [" ".join([*rng.choices(words, k=rng.randrange(20, 60)), str(number)]) for number in range(300)]
    for _ in range(200):
        split = rng.choice(texts[:300]).split()
        split[rng.randrange(len(split) - 1)] = rng.choice(words)
        texts.append(" ".join(split))
    return texts, rng


def test_the_result_depends_neither_on_the_order_nor_on_the_parts() -> None:
    texts, rng = rows()
    keys = list(range(len(texts)))
    first = removals(texts)
    assert len(first) > 180
    for parts in (1, 3, 50):
        both = list(zip(keys, texts, strict=True))
        rng.shuffle(both)
        assert removals([text for _, text in both], [key for key, _ in both], parts) == first


def test_the_survivor_has_the_least_key_and_stays_itself() -> None:
    texts, _ = rows()
    found = removals(texts, [(-number % 7, number) for number in range(len(texts))])
    removed = {removal.key for removal in found}
    assert all(removal.survivor < removal.key and removal.survivor not in removed for removal in found)


def test_in_a_chain_what_is_like_no_survivor_stays() -> None:
    one = BAKER
    for word in ("baker", "puts", "rolls", "oven", "holds", "load"):
        one = one.replace(word, f"{word}ful")
    more = one.replace("takes", "wants").replace("she", "who").replace("rests", "sleeps").replace("done", "dealt")
    assert likeness(tokens_of(BAKER), tokens_of(one))
    assert likeness(tokens_of(one), tokens_of(more))
    assert not likeness(tokens_of(BAKER), tokens_of(more))
    assert [removal.key for removal in removals([BAKER, one, more])] == [1]


def test_copies_of_a_removed_row_go_to_the_row_that_stays() -> None:
    near = BAKER.replace("rolls", "cakes")
    found = removals([near, near, spaced(near), BAKER], keys=[1, 2, 3, 0])
    assert [(removal.key, removal.survivor, removal.kind) for removal in found] == [(n, 0, "near") for n in (1, 2, 3)]


def test_of_many_copies_one_stays() -> None:
    rng = random.Random(0)
    copies = [" ".join(f"zz{rng.choice('abcdefgh')}{rng.choice('ijklmnop')}" if w in ("puts", "into", "holds", "load")
                       and rng.random() < 0.7 else w for w in BAKER.split()) for _ in range(400)]  # fmt: skip
    assert len({*copies}) > 300
    assert {removal.survivor for removal in removals([BAKER, *copies])} == {0}
    assert len(removals([BAKER, *copies])) == 400


def test_what_is_no_text_is_no_copy() -> None:
    assert removals(["", " ", "", "?!", "?!", "\n"]) == []
    assert [removal.key for removal in removals(["1+1", "1 + 1", "\ud800 half", "\ud800 half"])] == [1, 3]


def test_long_texts_cost_little() -> None:
    long = " ".join(f"word{number}" for number in range(100_000))
    assert [removal.key for removal in removals([long, long, long + " more"])] == [1]


def test_rows_of_one_pattern_are_compared_with_few() -> None:
    numbered = [
        f"What is the remainder when we divide {n} by the sum of its digits plus one hundred?" for n in range(3000)
    ]
    assert len(alike(sketches_of(numbered))) == 0
    named = [f"What is the remainder when we divide the age of A{chr(65 + n // 26)}{chr(65 + n % 26)} by the sum of its"
             " digits plus one hundred?" for n in range(300)]  # fmt: skip
    assert len(alike(sketches_of(named))) <= MOST * len(named)
    assert [removal[:2] for removal in removals([*numbered, *named, numbered[700], named[200]])] == [
        (3300, 700),
        (3301, 3200),
    ]


def test_sketches_estimate_the_similarity() -> None:
    texts, _ = rows()
    sets = [set(shingles_of(stream_of(batch_of([text])), LENGTH).hashes.tolist()) for text in texts]
    slots = sketches_of(texts).slots
    found = [(one, other) for one in range(300) for other in range(300, 500) if sets[one] & sets[other]]
    exact = np.array([len(sets[a] & sets[b]) / len(sets[a] | sets[b]) for a, b in found])
    told = np.array([(slots[a] == slots[b]).mean() for a, b in found])
    assert slots.shape == (500, SLOTS)
    assert abs((told - exact).mean()) < 0.01
    assert np.sqrt(((told - exact) ** 2).mean()) < 0.05


def test_pairs_are_all_that_share_a_band() -> None:
    texts, _ = rows()
    sketches = sketches_of(texts)
    bands = sketches.slots.view(np.uint32)
    numbers = sketches.numbers
    expected = {
        (one, other)
        for other in range(len(texts))
        for one in range(other)
        if (bands[one] == bands[other]).any() and (sketches.slots[one] == sketches.slots[other]).mean() >= LEAST_SHARED
        if numbers[one] == numbers[other] or numbers[one] % 256 != numbers[other] % 256
    }
    assert set(map(tuple, alike(sketches).tolist())) == expected


def crowded() -> Sketches:
    """Sketches of which every band is shared by more than a hundred rows."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(1, 255, (2, SLOTS), np.uint8)
    slots = patterns[rng.integers(0, 2, 240)]
    changed = rng.random((240, SLOTS)) < 0.3
    slots[changed] = rng.integers(1, 255, int(changed.sum()), np.uint8)
    names = rng.integers(0, 1 << 60, (3, 240)).astype(np.uint64)
    return Sketches(slots, names[0] >> np.uint64(2) << np.uint64(2) | np.arange(240, dtype=np.uint64) % 4, *names[1:])


def test_of_a_crowded_band_neighbours_are_paired_and_the_likest_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    sketches = crowded()
    bands, met = sketches.slots.view(np.uint32), set[tuple[int, int]]()
    for band in range(bands.shape[1]):
        following = (band + 1) % bands.shape[1]
        order = sorted(range(240), key=lambda row: (bands[row, band], bands[row, following], row))
        for at, row in enumerate(order):
            near = [other for other in order[at + 1 : at + 1 + WINDOW] if bands[other, band] == bands[row, band]]
            met.update((min(row, other), max(row, other)) for other in near)
    likeness_of = dict(zip(met, shared(sketches, np.array(list(met))).tolist(), strict=True))
    numbers = sketches.numbers
    expected = set()
    for later in range(240):
        some = [(numbers[one] != numbers[two], -share, one) for (one, two), share in likeness_of.items()
                if two == later and share >= LEAST_SHARED
                and (numbers[one] == numbers[two] or numbers[one] % 256 != numbers[two] % 256)]  # fmt: skip
        expected |= {(one, later) for _, _, one in sorted(some)[:MOST]}
    assert max(np.bincount([later for _, later in expected])) == MOST
    assert list(map(tuple, alike(sketches).tolist())) == sorted(expected, key=lambda pair: pair[::-1])
    monkeypatch.setattr(sketching, "_MERGED", 1)
    assert set(map(tuple, alike(sketches).tolist())) == expected


WRITTEN: list[Callable[[str], str]] = [
    str,
    str.upper,
    spaced,
    respelled,
    lambda text: text.translate(str.maketrans("", "", string.punctuation)),
    lambda text: text.replace(" the ", " the\\ ").replace("1,000", "1, 000"),
    lambda text: text.replace("minutes", "min utes").replace("t i", "ti").replace(" of ", "of "),
    lambda text: text.replace("17", "seventeen").replace("5", "five").replace(" a ", " one "),
    lambda text: text.replace(" ", "\t", 9).replace("e", "é", 1).replace("k", "\u212a"),
]


def test_the_bound_never_decides_otherwise_than_the_comparison() -> None:
    rng = random.Random(0)
    spare = [*BAKER.split(), *POWER.split(), "three", "no", "x+1", "\\frac {a b} {c}", "été", "1, 000"]
    spare += ["".join(rng.choices(string.ascii_lowercase, k=7)) for _ in range(200)]
    pairs, likes = [], []
    for _ in range(3000):
        text = rng.choice([BAKER, POWER, f"{POWER} {BAKER}"])
        amount = rng.choice([0, 0.05, 0.15, 0.25, 0.4])
        other = " ".join(rng.choice(spare) if rng.random() < amount else word for word in text.split())
        first, second = rng.choice(WRITTEN)(text), rng.choice(WRITTEN)(other)
        pairs.append((first, second))
        likes.append(likeness(tokens_of(first), tokens_of(second)) is not None)
    places = np.arange(2 * len(pairs)).reshape(-1, 2)
    letters = letters_of([text for pair in pairs for text in pair])
    far = too_different(letters, places, 0.8)
    assert (far == too_different(letters, places[:, ::-1], 0.8)).all()
    assert not [pair for pair, like, is_far in zip(pairs, likes, far, strict=True) if like and is_far]
    assert sum(likes) > 300
    assert far.sum() > 500


def test_bad_input_is_refused() -> None:
    with pytest.raises(Refused, match="key 'x'"):
        removals(["one", "two"], ["x", "x"])
    with pytest.raises(Refused, match="no order"):
        removals(["one", "two"], ["x", 1])
    with pytest.raises(Refused, match="2 texts with 1 keys"), NearDuplicates() as finder:
        finder.add([1], ["one", "two"])
    with pytest.raises(Refused, match=r"0\.3"):
        NearDuplicates(least=0.3)
    with pytest.raises(Refused, match=r"1\.5"):
        distinct(["one"], 1.5)
    assert removals([]) == []


def test_few_of_the_training_sets_are_removed_and_noise_is_found(data: Path) -> None:
    texts = [json.loads(line)["question"] for line in (data / "gsm8k_train.jsonl").open(encoding="utf-8")][:3000]
    rng = random.Random(0)
    words = [word for text in texts for word in text.split() if word.isalpha()]
    noisy = [
        " ".join(rng.choice(words) if word.isalpha() and rng.random() < 0.05 else word for word in text.split())
        for text in texts[:300]
    ]
    others = [re.sub(r"\d+", lambda found: str(int(found[0]) + 1), text) for text in texts[300:600] if "1" in text]
    found = removals([*texts, *noisy, *others])
    assert sum(removal.key < 3000 for removal in found) <= 3
    assert sum(removal.survivor == removal.key - 3000 for removal in found) >= 0.93 * 300
    assert all(removal.key < 3300 for removal in found)


TRACES = ["".join(random.Random(number).choices(string.ascii_lowercase + " \n", k=2000)) for number in range(4)]


def test_of_like_traces_the_first_stays() -> None:
    like = TRACES[1][:500] + TRACES[1][520:]
    found = distinct([TRACES[0], TRACES[1], like, TRACES[2], TRACES[0], TRACES[3]], least=0.05)
    assert found.kept == [0, 1, 3, 5]
    assert found.copies == [Copy(2, 1, pytest.approx(0.01, abs=1e-4)), Copy(4, 0, 0.0)]
    assert distinct([TRACES[1], like], least=0.005).kept == [0, 1]
    assert distinct(TRACES[:1] * 2, least=0).kept == [0, 1]
    assert distinct([], least=0.5) == ([], [])


@pytest.mark.parametrize("length", [BY_WORDS, 5 * MOST_WORDS])
def test_very_long_traces_are_compared_by_larger_parts(length: int) -> None:
    one, other = (
        "\n".join(
            f"line {number} of {name}" if number % 10 == 0 else f"line {number}" for number in range(length // 10)
        )
        for name in ("this", "that")
    )
    assert len(one) >= length
    assert distinct([one, other, TRACES[0] * (length // 2000)], least=0.2).kept == [0, 2]
    assert distinct([one, other], least=0.01).kept == [0, 1]


@pytest.mark.parametrize("times", [1, 40, 4000], ids=["characters", "words", "pieces"])
def test_white_space_makes_no_other_trace(times: int) -> None:
    text = "\n".join([f"{TRACES[0]} {number}" for number in range(times)])
    others = [text.replace(" ", "  "), text.replace("\n", "\n\n"), " ".join(text.split()), f" {text}\n", text + " x"]
    assert distinct([text, *others], least=0.1).kept == [0]


def test_megabytes_of_short_lines_take_seconds() -> None:
    rng = random.Random(0)
    one, other = ("\n".join(f"a{rng.randrange(50)}" for _ in range(800_000)) for _ in range(2))
    started = time.process_time()
    assert distinct([one, other], least=0.2).kept == [0, 1]
    assert time.process_time() - started < 1.5
