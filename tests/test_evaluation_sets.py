"""Evaluation sets by name: files, data sets as `datasets` loads them, and what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from distill.curate.evaluation_sets import KNOWN, outside_fingerprint, questions_of
from distill.errors import Refused
from distill.recipe_curate import Curate, Mix


def texts(name: str) -> list[str]:
    return [question.text for question in questions_of(name)]


@pytest.fixture
def data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that `datasets.load_dataset` loads by its name, as one on the hub."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "me" / "questions"
    folder.mkdir(parents=True)
    for split, question in (("train", "Is it one?"), ("test", "Is it two?")):
        (folder / f"{split}.jsonl").write_text(json.dumps({"Question": question, "answer": "yes"}) + "\n")
    return folder


def test_a_data_set_by_its_name_whole_or_by_its_split(data_set: Path) -> None:
    assert sorted(texts("me/questions")) == ["Is it one?", "Is it two?"]
    assert texts("me/questions:test") == ["Is it two?"]
    assert [question.where for question in questions_of("me/questions:test")] == ["me/questions:test, row 1"]


def test_a_file_of_that_name_goes_before_the_hub(data_set: Path, tmp_path: Path) -> None:
    (tmp_path / "me" / "sets").write_text(json.dumps({"question": "In the file?"}) + "\n")
    assert texts("me/sets") == ["In the file?"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("me/questions:validation", r"cannot be had from the hub \(.*validation"),
        ("aime1999", "no file, no name on the hub, and none of math500, aime24"),
        ("gone.jsonl", "gone.jsonl"),
    ],
)
def test_what_is_refused(name: str, said: str, data_set: Path) -> None:
    with pytest.raises(Refused, match=said):
        questions_of(name)


def test_a_data_set_without_questions_names_its_columns(data_set: Path) -> None:
    for split in ("train", "test"):
        (data_set / f"{split}.jsonl").write_text(json.dumps({"answer": "yes", "level": 1}) + "\n")
    with pytest.raises(Refused, match=r"no column that is known to hold questions \(its columns: answer, level\)"):
        questions_of("me/questions")


def test_a_hub_out_of_reach_is_a_sentence(tmp_path: Path) -> None:
    """In a process of its own: `huggingface_hub` reads the switch when it is imported."""
    code = "from distill.curate.evaluation_sets import questions_of; questions_of('math500')"
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(
        "distill.errors.Refused: the evaluation set 'math500' (HuggingFaceH4/MATH-500) cannot be had"
    )


def test_every_known_set_is_a_value_of_the_recipe() -> None:
    assert Curate(evaluation_sets=list(KNOWN)).evaluation_sets == list(KNOWN)
    assert all("/" in hub.hub_id for hub in KNOWN.values())


def test_what_a_curation_reads_besides_is_looked_at_before_anything_is_done(data_set: Path, tmp_path: Path) -> None:
    sets, general = tmp_path / "sets.jsonl", tmp_path / "general.jsonl"
    for file in (sets, general):
        file.write_text("{}\n")
    spec = Curate(evaluation_sets=["sets.jsonl", "math500"], mix=[Mix(path="general.jsonl", share=0.1)])
    before = outside_fingerprint(spec)
    assert outside_fingerprint(spec) == before
    for file in (sets, general):
        file.write_text(file.read_text() + "\n")
        assert outside_fingerprint(spec) != before
        before = outside_fingerprint(spec)
    general.unlink()
    with pytest.raises(Refused, match=r"curate\.mix\.path 'general\.jsonl' is no file"):
        outside_fingerprint(spec)
    with pytest.raises(Refused, match=r"there is no file 'gone\.parquet'"):
        outside_fingerprint(Curate(evaluation_sets=["gone.parquet"]))
