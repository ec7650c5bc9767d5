"""Publishing a run: what lies in the folder, what is pushed, and that the same command finishes what failed."""

import contextlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tiny
import yaml
from answered import set_of
from commands import Outcome
from datasets import Value
from hub_client import TOKEN
from hub_metadata import broken
from hub_server import HubServer
from hub_store import Fault

from distill.cli import main
from distill.evaluate.summary import summarise
from distill.files import read_json, write_json
from distill.recipe_file import load
from students.card import model_card
from students.publish import _write_evaluation, write_data

NAMES = ["publish.hub_id=me/student", "publish.dataset_id=me/traces"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run to the evaluation, with its recipe beside it; copied for each test."""
    home = tmp_path_factory.mktemp("machine")
    recipe = {
        "name": "tiny",
        "problems": {"source": "countdown", "count": 24, "held_out": 6, "max_number": 12, "max_target": 60},
        "teacher": {"kind": "program", "budget": 10},
        "harvest": {"prompt": {"system": "Think in <think>, answer in <answer>."}},
        "student": {"model": str(tiny.folder(home / "base", hidden_size=128)), "dtype": "float32"},
        "train": {"learning_rate": 0.001, "num_train_epochs": 1, "max_length": 400, "lora_r": 4},
        "evaluate": {"max_tokens": 12, "batch_size": 6},
    }
    (home / "tiny.yaml").write_text(json.dumps(recipe))
    with pytest.raises(SystemExit) as ended:
        main(["run", str(home / "tiny.yaml"), "--until", "evaluate", "--run-dir", str(home / "run")])
    assert ended.value.code == 0
    return home


@pytest.fixture
def publish(trained: Path, tmp_path: Path, distill: Any) -> Any:
    """`distill publish` of a copy of the run, with overrides."""
    shutil.copytree(trained / "run", tmp_path / "run")

    def call(*overrides: str) -> Outcome:
        found: Outcome = distill("publish", trained / "tiny.yaml", *overrides, "--run-dir", tmp_path / "run")
        assert TOKEN not in found.out + found.err
        assert "X-Signature" not in found.err
        assert "Traceback" not in found.err
        return found

    return call


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_all_is_pushed_privately_after_failures_by_the_same_command(
    hub: HubServer, publish: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("students.push.WAITS", ())
    run, hub.faults = tmp_path / "run", [Fault("models/me/student/commit", 413)]
    failed = publish(*NAMES)
    assert failed.code == 1
    error, *hints = failed.err.split("error: ")[1].splitlines()
    assert error.startswith("pushing to 'me/student' failed: something is too large for the hub")
    assert all(line.startswith("  ") for line in hints)
    hub.faults = []
    done = publish(*NAMES)
    assert done.code == 0, done.err
    model = {name: content for name, content in contents(run / "published").items() if name[:8] != "dataset/"}
    assert hub.files("me/student") == model
    assert hub.files("me/traces", "dataset") == contents(run / "published" / "dataset")
    assert set(hub.stored.values()) == {1}
    assert all(repository.private and len(repository.history) == 1 for repository in hub.repositories.values())
    (run / "stages" / "publish.json").unlink()  # as a kill between push and seal leaves it
    assert publish(*NAMES).code == 0
    assert set(hub.stored.values()) == {1}
    assert all(len(repository.history) == 1 for repository in hub.repositories.values())
    assert not any(TOKEN.encode() in content for content in contents(run).values())


def test_what_is_published_names_nothing_of_this_machine(publish: Any, trained: Path, tmp_path: Path) -> None:
    assert publish("publish.dataset_id=null").code == 0
    at = tmp_path / "run" / "published"
    for name, content in contents(at).items():
        assert str(trained).encode() not in content, name
    assert read_json(at / "adapter" / "adapter_config.json")["base_model_name_or_path"] is None
    told = yaml.safe_load((at / "recipe.yaml").read_text())
    assert told["student"]["model"] == "base"
    assert sorted(read_json(at / "distill.json")["files"]) == sorted(contents(at))


def test_the_card_is_one_that_the_hub_takes_and_its_quick_start_runs(
    publish: Any, trained: Path, tmp_path: Path
) -> None:
    assert publish("publish.licence=mit", "publish.base_licence=apache-2.0").code == 0
    at = tmp_path / "run" / "published"
    card = (at / "README.md").read_text()
    assert not broken(card, "model")
    front = yaml.safe_load(card.split("---\n")[1])
    assert (front["license"], front["library_name"], "base_model" in front) == ("mit", "transformers", False)
    result = front["model-index"][0]["results"][0]
    told = read_json(tmp_path / "run" / "evaluation" / "summary.json")["sets"]["held_out"]
    assert result["metrics"][0]["value"] == round(100 * told["figures"]["student"]["accuracy"], 2)
    assert "| problems: countdown seed 0 (24 to train on, 6 held out) | generated |" in card
    assert "| base model: base | apache-2.0 |" in card
    assert "| student | mit |" in card
    code = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert len(code) == 2
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        for block in code:
            script = block.replace("./published", str(at)).replace("BASE_MODEL", str(trained / "base"))
            names: dict[str, Any] = {}
            exec(compile(script, "README.md", "exec"), names)
    assert type(names["student"]).__name__ == "PeftModelForCausalLM"
    assert said.getvalue()


def test_the_adapter_beside_the_checkpoint_gives_the_same_answers(publish: Any, trained: Path, tmp_path: Path) -> None:
    """And the checkpoint loads as such: an adapter at the root would be laid over the base in its place."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    assert publish().code == 0
    at = tmp_path / "run" / "published"
    merged = AutoModelForCausalLM.from_pretrained(at)
    assert type(merged).__name__ == "LlamaForCausalLM"
    base = AutoModelForCausalLM.from_pretrained(trained / "base")
    adapted = PeftModel.from_pretrained(base, str(at), subfolder="adapter").eval()
    tokens = torch.arange(3, 40)[None]
    with torch.no_grad():
        torch.testing.assert_close(adapted(tokens).logits, merged(tokens).logits, atol=1e-4, rtol=1e-4)


def test_the_data_set_is_the_curated_one(hub: HubServer, publish: Any, tmp_path: Path) -> None:
    from datasets import load_dataset, load_from_disk

    done = publish("publish.dataset_id=me/traces")
    assert done.code == 0, done.err
    assert ("model", "me/student") not in hub.repositories
    at = tmp_path / "run" / "published" / "dataset"
    read = load_dataset(str(at), split="train", cache_dir=str(tmp_path / "cache"))
    assert read.to_list() == load_from_disk(tmp_path / "run" / "curated").to_list()
    card = (at / "README.md").read_text()
    assert not broken(card, "dataset")
    assert "license" not in yaml.safe_load(card.split("---\n")[1]), "a program's traces are under nobody's licence"


def test_data_sets_tell_files_and_teachers_by_name(tmp_path: Path) -> None:
    from datasets import Dataset, load_dataset

    rows = [{"source": f"/home/me/{i % 2}.jsonl", "teacher": "/data/qwen", "file": None, "n": i} for i in range(5)]
    curated, at = tmp_path / "curated", tmp_path / "dataset"
    Dataset.from_list(rows).cast_column("file", Value("string")).save_to_disk(curated)
    (curated / "README.md").write_text("| /home/me/0.jsonl | 3 |\n| /home/me/1.jsonl | 2 |\n| /data/qwen | 5 |\n")
    for name in ("funnel.json", "funnel.svg"):
        (curated / name).write_text("")
    before = set(curated.iterdir())
    write_data(curated, at)
    read = load_dataset(str(at), split="train", cache_dir=str(tmp_path / "cache"))
    assert read.to_list() == [{**row, "source": f"{row['n'] % 2}.jsonl", "teacher": "qwen"} for row in rows]
    assert (at / "README.md").read_text() == "| 0.jsonl | 3 |\n| 1.jsonl | 2 |\n| qwen | 5 |\n"
    assert set(curated.iterdir()) == before


SERVE = """
import json, sys
from vllm import LLM, SamplingParams
from vllm.lora.request import LoRARequest
model, adapter = sys.argv[1:]
lora = {"enable_lora": True, "max_lora_rank": 8} if adapter else {}
llm = LLM(model, dtype="float32", max_model_len=256, enforce_eager=True, kv_cache_memory_bytes=64 << 20, **lora)
prompts = [{"prompt_token_ids": list(range(start, start + 30))} for start in (3, 50, 120)]
greedy = SamplingParams(temperature=0, max_tokens=20, ignore_eos=True)
student = LoRARequest("student", 1, adapter) if adapter else None
answers = llm.generate(prompts, greedy, use_tqdm=False, lora_request=student)
print("answers", json.dumps([list(answer.outputs[0].token_ids) for answer in answers]))
"""


@pytest.mark.slow  # vLLM starts three times
@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
def test_vllm_gives_the_same_answers_with_checkpoint_and_adapter(publish: Any, trained: Path, tmp_path: Path) -> None:
    assert publish().code == 0
    at, base = str(tmp_path / "run" / "published"), str(trained / "base")
    said = []
    for model, adapter in ((at, ""), (base, f"{at}/adapter"), (base, "")):
        done = subprocess.run([sys.executable, "-c", SERVE, model, adapter], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        said.append(json.loads(done.stdout.split("answers ")[-1].splitlines()[0]))
    merged, adapted, untaught = said
    assert merged == adapted != untaught


@pytest.mark.slow  # three starts of the command line; test_push.py kills the same push in seconds
@pytest.mark.parametrize("where", [r"PUT /lfs", "models/me/student/commit/"])
def test_killed_in_the_push_the_same_command_finishes(
    hub: HubServer, trained: Path, tmp_path: Path, where: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained / "run", run)
    command = [sys.executable, "-m", "distill", "run", str(trained / "tiny.yaml"), *NAMES, "--run-dir", str(run)]
    environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    hub.faults = [Fault(where, "late", 1)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while not any(re.search(where, request) for request in hub.asked):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "evaluate: already done" in done.stderr
    assert set(hub.files("me/student")) == set(read_json(run / "published" / "distill.json")["files"])
    assert set(hub.stored.values()) == {1}
    assert [len(repository.history) for repository in hub.repositories.values()] == [1, 1]


def test_an_adapter_alone_lies_at_the_root(publish: Any, trained: Path, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "run" / "traces")  # what was sampled may be gone by then
    assert publish("publish.merged=false", "publish.answers=false").code == 0
    at = tmp_path / "run" / "published"
    assert {"adapter_config.json", "adapter_model.safetensors", "tokenizer.json"} <= set(contents(at))
    assert not {"model.safetensors", "evaluation/base.samples.jsonl"} & set(contents(at))
    front = yaml.safe_load((at / "README.md").read_text().split("---\n")[1])
    assert front["library_name"] == "peft"
    assert "evaluation/`" not in (at / "README.md").read_text()


def test_the_card_tells_every_set_and_what_several_samples_show(trained: Path, tmp_path: Path) -> None:
    run, recipe = tmp_path / "run", load(str(trained / "tiny.yaml"), [])
    shutil.copytree(trained / "run", run)
    protocol = read_json(run / "evaluation" / "summary.json")["sets"]["held_out"]["protocol"]
    said = {"base": {"a": "12", "b": "22"}, "student": {"a": "11", "b": "12"}}
    sets = {name: set_of(said) for name in ("held_out", "aime24")}
    for one in sets.values():
        one.protocol.update(protocol | one.protocol)
    write_json(run / "evaluation" / "summary.json", summarise(sets))
    card = model_card(recipe, run, None, answers=False)
    assert not broken(card, "model")
    front = yaml.safe_load(card.split("---\n")[1])
    results = front["model-index"][0]["results"]
    assert [result["dataset"]["name"] for result in results] == [
        "countdown, 2 held-out problems",
        "aime24, 2 problems",
    ]
    assert "### aime24" in card
    assert "| | accuracy | 95 % interval | pass@2 | maj@2 | finished | mean tokens |" in card
    rows = [line for line in card.splitlines() if line.startswith(("| student", "| base")) and "%" in line]
    assert {row.count("|") for row in rows} == {8}
    assert "student - base: exact sign-flip test, p = 0.5." in card


def test_the_answers_of_every_set_are_published(trained: Path, tmp_path: Path) -> None:
    recipe = load(str(trained / "tiny.yaml"), [])
    source = tmp_path / "evaluation"
    (source / "aime24").mkdir(parents=True)
    write_json(source / "summary.json", {})
    for name in ("base.samples.jsonl", "aime24/base.samples.jsonl"):
        (source / name).write_text("{}\n")
    assert _write_evaluation(recipe, source, tmp_path / "published")
    assert sorted(contents(tmp_path / "published")) == [
        "aime24/base.samples.jsonl",
        "base.samples.jsonl",
        "summary.json",
    ]
