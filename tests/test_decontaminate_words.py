"""The command line of `distill decontaminate`: no reading takes the input for an evaluation set, or the other way."""

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from commands import Outcome, refused
from datasets import Dataset, DatasetDict

from distill.decontaminate_verb import read_words

TAKING = {"--against", "--out", "--flagged", "--text-key", "--against-key"}
OUT = ("--out", "kept.jsonl", "--flagged", "flagged.jsonl")
TRAIN = [{"question": f"How many apples are in basket number {i} of the shop at {i * 7} Elm Street?"} for i in range(9)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, rows in (("train", TRAIN), ("a", TRAIN[:2]), ("b", TRAIN[3:4] * 3)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def kept(said: Outcome) -> int:
    assert said.code == 0, said.err
    return len(Path("kept.jsonl").read_text().splitlines())


@pytest.mark.parametrize(
    "words",
    [
        ["train.jsonl", "--against", "a.jsonl", "b.jsonl", *OUT],
        ["train.jsonl", "--against", "a.jsonl", "--against", "b.jsonl", *OUT],
        ["train.jsonl", "--against=a.jsonl", "b.jsonl", *OUT],
        ["train.jsonl", *OUT, "--against", "b.jsonl", "a.jsonl"],
        [*OUT, "train.jsonl", "--against", "a.jsonl", "b.jsonl"],
        ["--against", "a.jsonl", "--against", "b.jsonl", *OUT, "train.jsonl"],
        ["--against", "a.jsonl", "--against", "b.jsonl", *OUT, "--", "train.jsonl"],
    ],
)
def test_what_can_be_read_in_one_way_only(distill: Any, folder: Path, words: list[str]) -> None:
    said = distill("decontaminate", *words)
    assert kept(said) == 6
    assert "6 of 9 rows kept of train.jsonl" in said.out
    assert "         2  questions of a.jsonl\n" in said.out
    assert "         3  questions of b.jsonl\n" in said.out
    assert "         3  different questions looked for\n" in said.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--against", "a.jsonl", "b.jsonl", "train.jsonl", *OUT], "no input is named: what stands behind --against"),
        (["--against", "a.jsonl", "train.jsonl", *OUT], "(a.jsonl, train.jsonl) are evaluation sets"),
        (["--against=a.jsonl", "train.jsonl", *OUT], "no input is named"),
        (["--against", "a.jsonl", "b.jsonl", *OUT, "train.jsonl"], "'train.jsonl' may be the input or one more"),
        (["train.jsonl", "--against", "a.jsonl", *OUT, "b.jsonl"], "'b.jsonl' is one file too many"),
        (["train.jsonl", "b.jsonl", "--against", "a.jsonl", *OUT], "'b.jsonl' is one file too many"),
        (["train.jsonl", "b.jsonl", *OUT], "'b.jsonl' is one file too many"),
        (["train.jsonl", *OUT, "--against"], "nothing stands behind --against"),
        (["train.jsonl", *OUT], "nothing to compare with"),
        (OUT, "Missing argument 'FILE'"),
        (["train.jsonl", "--against", "a.jsonl"], "Missing option '--out'"),
        (["train.jsonl", "--against", "a.jsonl", *OUT, "--strict"], "No such option: --strict"),
        (["train.jsonl", "--against", "c.jsonl", *OUT], "--against: there is no file 'c.jsonl'"),
        (["train.jsonl", "--against", "no set", *OUT], "is no file, no name on the hub"),
        (["train.jsonl", "--against", ".", *OUT], "it is a folder"),
    ],
)
def test_what_could_be_read_otherwise_is_refused(distill: Any, folder: Path, words: list[str], said: str) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    refused(distill("decontaminate", *words), said)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_whatever_the_order_no_file_is_both_input_and_set() -> None:
    parts = (["x"], ["--against", "a", "b"], ["--out", "o"], ["--text-key=k"])
    for order in permutations(parts):
        words = read_words([word for part in order for word in part], TAKING)
        assert words.sets[0][:2] == ["a", "b"]
        assert sorted([*words.first, *words.later, *words.sets[0][2:]]) == ["x"]
        assert sorted(words.options) == ["--out", "--text-key=k", "o"]


def test_help_shows_the_form(distill: Any) -> None:
    for words in (["--help"], ["-h"], ["--against", "a", "--help"]):
        said = distill("decontaminate", *words)
        assert said.code == 0
        assert "distill decontaminate FILE --against SET ... --out FILE --flagged FILE" in said.out


def test_sets_by_name_and_on_the_hub(distill: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load(name: str, config: str | None, split: str | None) -> Any:
        asked.append((name, config, split))
        tables = {"test": Dataset.from_list([{"Problem": row["question"]} for row in TRAIN[:4]])}
        return tables["test"] if split else DatasetDict(tables)

    monkeypatch.setattr("datasets.load_dataset", load)
    said = distill("decontaminate", "train.jsonl", "--against", "aime24", "me/some[main]", "a.jsonl", *OUT)
    assert kept(said) == 5
    assert asked == [("HuggingFaceH4/aime_2024", None, "train"), ("me/some", "main", None)]
    assert "         4  questions of aime24\n" in said.out
    flagged = [json.loads(line) for line in Path("flagged.jsonl").read_text().splitlines()]
    assert {flag["against"] for flag in flagged if flag["kind"] == "exact"} == {"aime24"}, (
        "of equal questions the first set is named"
    )
    words = ["decontaminate", "train.jsonl", "--against", "aime24", *OUT, "--against-key"]
    assert kept(distill(*words, "Problem")) == 5
    refused(distill(*words, "text"), "the evaluation set 'aime24' has no column text (its columns: Problem)")


def test_with_all_rows_flagged_the_first_are_told_line_by_line(distill: Any, folder: Path) -> None:
    said = distill("decontaminate", "a.jsonl", "--against", "train.jsonl", *OUT)
    refused(said, "all 2 rows of a.jsonl hold questions of the evaluation.")
    lines = [f"  row {i}: exact, train.jsonl row {i}: {TRAIN[i - 1]['question'].rstrip('?')!r}" for i in (1, 2)]
    assert said.err.splitlines()[-2:] == lines


def test_an_interruption_says_that_it_starts_over(distill: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("distill.curate.decontamination.decontaminate.Decontaminator.flags", interrupted)
    said = distill("decontaminate", "train.jsonl", "--against", "a.jsonl", *OUT)
    assert said.code == 130
    assert said.err == "interrupted: nothing was written.\n  The same command starts over.\n"
    assert sorted(path.name for path in folder.iterdir()) == ["a.jsonl", "b.jsonl", "train.jsonl"]
