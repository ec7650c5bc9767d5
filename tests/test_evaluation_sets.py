"""Evaluation sets by name: files, data sets as `datasets` loads them, and what is refused."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubServer
from hub_store import Blob, Fault, Repository

from distill.curate.decontamination.evaluation_sets import KNOWN, outside_fingerprint, questions_of
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
    code = "from distill.curate.decontamination.evaluation_sets import questions_of; questions_of('math500')"
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


ASK = """
import json, sys
from distill.curate.decontamination.evaluation_sets import questions_of
from distill.errors import Refused
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = [[question.text, question.where] for question in questions_of(name)]
    except Refused as e:
        found[name] = str(e)
print(json.dumps(found))
"""


def on_loopback(files: dict[str, str], names: list[str], home: Path, faults: Sequence[Fault] = ()) -> dict[str, Any]:
    """What a fresh process finds on a hub that holds `me/sets`; the client reads where the hub is at its import."""
    blobs = {path: text.encode() for path, text in files.items()}
    with HubServer({}) as hub:
        held = {path: Blob(hashlib.sha1(content).hexdigest(), len(content), content) for path, content in blobs.items()}
        hub.repositories["dataset", "me/sets"] = Repository(private=False, files=held)
        hub.faults.extend(faults)
        where = {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
        command = [sys.executable, "-c", ASK, *names]
        done = subprocess.run(command, env={**os.environ, **where}, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_by_their_name_on_a_hub(tmp_path: Path) -> None:
    """The real client against a hub on loopback: a split, a configuration, one that is not there."""
    configs = "".join(f"- config_name: {name}\n  data_files: {name}.jsonl\n" for name in ("easy", "hard"))
    card = f"---\nconfigs:\n{configs}---\n"
    rows = {name: json.dumps({"problem": f"How much is a {name} one?"}) + "\n" for name in ("easy", "hard")}
    files = {"README.md": card, "easy.jsonl": rows["easy"], "hard.jsonl": rows["hard"]}
    names = ["me/sets[hard]:train", "me/sets", "me/none"]
    found = on_loopback(files, names, tmp_path)
    assert found["me/sets[hard]:train"] == [["How much is a hard one?", "me/sets[hard]:train, row 1"]]
    assert "cannot be had from the hub" in found["me/sets"], "it does not say which configuration"
    assert "Dataset 'me/none' doesn't exist" in found["me/none"]


def test_a_hub_that_fails_is_a_sentence(tmp_path: Path) -> None:
    rows = json.dumps({"question": "How many are there?"}) + "\n"
    found = on_loopback({"test.jsonl": rows}, ["me/sets:test"], tmp_path, [Fault(r"GET .*test\.jsonl", 403)])
    assert found["me/sets:test"].startswith("the evaluation set 'me/sets:test' (me/sets) cannot be had from the hub")
