"""The on-policy stage, killed through the command: the same student, no answer sampled and none judged again."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import tiny
from stub_server import StubServer
from test_kill import Server, server
from test_served_teacher import answered

from distill.files import Log, read_json
from students.own_answers import OwnAnswer

__all__ = ["server"]

STEPS, SAMPLES = 5, 4
SPEC = {"steps": STEPS, "samples_per_step": SAMPLES, "per_device_train_batch_size": 2, "max_tokens": 8}
KILLS = {
    "while a step is sampled": ("samples.jsonl", '"position"', SAMPLES + 2),
    "behind the first checkpoint": ("samples.jsonl", '"position"', 3 * SAMPLES + 2),
    "between two checkpoints": ("metrics.jsonl", '"step"', 3),
    "while the student is merged": ("adapter/adapter_config.json", "peft_type", 1),
}
"""A file of the stage, and how often a text stands in it at the kill."""


def outcome(run: Path) -> dict[str, Any]:
    return {
        "answers": (run / "on_policy" / "samples.jsonl").read_text(),
        "adapter": (run / "on_policy" / "adapter" / "adapter_model.safetensors").read_bytes(),
        "student": (run / "on_policy" / "merged" / "model.safetensors").read_bytes(),
        "steps": read_json(run / "on_policy" / "counts.json")["counts"]["steps"],
    }


def recipe_of(trained: dict[str, Any], teacher: dict[str, Any], file: Path, **more: Any) -> list[str]:
    spec = {"teacher": teacher, "learning_rate": 0.01, "save_steps": 2, "batch_size": 2, **SPEC, **more}
    trained["train"]["num_train_epochs"] = 1
    file.write_text(json.dumps(trained | {"on_policy": spec}))
    return ["run", str(file), "--until", "on_policy", "--run-dir"]


def killed(server: Server, command: list[str], run: Path, trained: Path, kill: dict[str, Any]) -> None:
    shutil.copytree(trained, run)
    assert server.run([*command, str(run)], {**kill, "log": str(run / "on_policy" / kill["log"])}) == -9
    assert server.run([*command, str(run)]) == 0


@pytest.mark.slow
def test_a_killed_stage_goes_on(server: Server, tiny_recipe: dict[str, Any], tmp_path: Path) -> None:
    teacher = {"kind": "local", "model": str(tiny.folder(tmp_path / "teacher", seed=7)), "dtype": "float32"}
    command = recipe_of(tiny_recipe, teacher, tmp_path / "r.yaml")
    trained, whole = tmp_path / "trained", tmp_path / "whole"
    assert server.run([*command[:2], "--until", "train", "--run-dir", str(trained)]) == 0
    shutil.copytree(trained, whole)
    assert server.run([*command, str(whole)]) == 0
    expected = outcome(whole)
    assert expected["steps"] == STEPS
    for name, (log, text, times) in KILLS.items():
        run = tmp_path / name
        killed(server, command, run, trained, {"log": log, "text": text, "times": times, "after": 0.0})
        found = outcome(run)
        for part, value in expected.items():
            assert found[part] == value, f"{part} differs after a kill {name}"
        answers = Log(run / "on_policy" / "samples.jsonl").read(OwnAnswer)
        assert [answer.position for answer in answers] == list(range(STEPS * SAMPLES))


@pytest.mark.slow
def test_what_a_server_judged_is_not_paid_for_again(
    server: Server, tiny_recipe: dict[str, Any], tmp_path: Path
) -> None:
    trained = tmp_path / "trained"
    with StubServer(lambda body, number: answered(body)) as teacher:
        endpoint = {"kind": "endpoint", "model": "m", "base_urls": [teacher.url], "concurrency": 1}
        more = {"tokenizer": str(tiny.folder(tmp_path / "teacher", seed=7)), "top_logprobs": 4}
        command = recipe_of(tiny_recipe, endpoint, tmp_path / "r.yaml", **more)
        assert server.run([*command[:2], "--until", "train", "--run-dir", str(trained)]) == 0
        whole = tmp_path / "whole"
        shutil.copytree(trained, whole)
        assert server.run([*command, str(whole)]) == 0
        assert len(teacher.bodies) == STEPS * SAMPLES
        before = Counter(json.dumps(body["prompt"]) for body in teacher.bodies)
        for step, lines in ((1, SAMPLES), (3, 2)):  # before the first checkpoint, and within a step behind it
            run = tmp_path / str(step)
            teacher.bodies.clear()
            log = f"checkpoints/judged-{step}.jsonl"
            killed(server, command, run, trained, {"log": log, "text": '"request"', "times": lines, "after": 0.0})
            asked = Counter(json.dumps(body["prompt"]) for body in teacher.bodies)
            assert (asked - before).total() <= 1, "that which was under way at the kill"
            assert not before - asked
            assert outcome(run) == outcome(whole)
    assert not (run / "on_policy" / "checkpoints").exists()


@pytest.mark.parametrize("top", [0, 3])
def test_kept_scores_are_what_was_said(tmp_path: Path, top: int) -> None:
    from distill.token_scores import Keep, Scored
    from students.kept_scores import KeptScores

    said = [Scored([[1, 2, 3][:top]] * n, [[-0.5, -1.5, -2.25][:top]] * n, [-0.5] * n) for n in (2, 1, 3)]
    sequences, prompts = [[5, 6, 7], [8, 9], [5, 6, 7, 8]], [1, 1, 1]
    times = []

    def score(asked: list[list[int]], starts: list[int], keep: Keep) -> None:
        times.append(len(asked))
        for number, ids in reversed(list(enumerate(asked))):
            keep(number, said[sequences.index(ids)])

    assert KeptScores(tmp_path, score).of(sequences[:2], prompts[:2], 4) == said[:2]
    assert KeptScores(tmp_path, score).of(sequences, prompts, 4) == said
    assert times == [2, 1], "the two of the first attempt were on disk"
    (tmp_path / "checkpoint-4").mkdir()
    KeptScores(tmp_path, score).of(sequences, prompts, 6)
    assert {p.name for p in tmp_path.glob("judged-*")} == {"judged-4.jsonl", "judged-6.jsonl"}
    (tmp_path / "checkpoint-4").rename(tmp_path / "checkpoint-6")
    KeptScores(tmp_path, score).of(sequences, prompts, 6)
    assert {p.name for p in tmp_path.glob("judged-*")} == {"judged-6.jsonl"}
