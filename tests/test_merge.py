"""Merging and what it costs, and what a checkpoint tells its server: stop tokens, sampling."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from distill import models
from distill.errors import DistillError, Refused
from distill.files import read_json
from distill.recipe import Train
from students.divergence import PREFIX, Sample, log_probs, own_answers, reference
from students.merge import merge
from students.methods import save_adapter
from students.serving import set_generation

TOK = tiny.tokenizer()
PROMPTS: list[list[int]] = [TOK(f"<|im_start|>user\nMake {i}.<|im_end|>")["input_ids"] for i in range(3)]


def adapted(seed: int = 0) -> Any:
    """A random adapter on a tiny model, large enough to change what it says."""
    model = get_peft_model(tiny.model(), LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    torch.manual_seed(seed)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.3)
    return model.eval()


def test_divergence_is_that_of_the_whole_vocabulary(tmp_path: Path) -> None:
    """Against torch's own, over all tokens at once."""
    one, other = adapted(), tiny.model()
    rows = own_answers(one, TOK, PROMPTS, seed=0)
    with reference(one, rows, tmp_path) as before:
        found = before.against(other)
    p = torch.cat([log_probs(one, row) for row in rows])
    q = torch.cat([log_probs(other, row) for row in rows])
    kl = torch.nn.functional.kl_div(q, p, log_target=True, reduction="none").sum(-1)
    assert found.mean == pytest.approx(float(kl.mean()), rel=1e-4)
    assert found.mean > 1e-3
    assert found.largest == pytest.approx(float(kl.max()), rel=1e-4)
    assert found.changed == pytest.approx(float((p.argmax(-1) != q.argmax(-1)).float().mean()))
    assert found.tokens == len(p) == sum(len(row.input_ids) - row.start for row in rows)
    assert found.rows == 16
    assert list(tmp_path.iterdir()) == [], "nothing is left"


def test_log_probs_are_those_of_the_answer() -> None:
    model, row = tiny.model(), Sample(PROMPTS[0] + [7, 8, 9], len(PROMPTS[0]))
    with torch.no_grad():
        whole = model(torch.tensor([row.input_ids])).logits[0].log_softmax(-1)
    torch.testing.assert_close(log_probs(model, row), whole[row.start - 1 : -1])


def test_answers_are_the_models_own_and_the_same_again() -> None:
    """Each a continuation of its prompt, in turn, up to the end of the turn; other numbers of rows change none."""
    model = tiny.model()
    rows = own_answers(model, TOK, PROMPTS, seed=5)
    assert rows == own_answers(model, TOK, PROMPTS, seed=5) != own_answers(model, TOK, PROMPTS, seed=6)
    for i, row in enumerate(rows):
        assert row.input_ids[: row.start] == PROMPTS[i % 3]
        answer = row.input_ids[row.start :]
        assert 1 <= len(answer) <= 128
        assert TOK.eos_token_id not in answer[:-1]
        assert len(answer) == 128 or answer[-1] == TOK.eos_token_id
    assert len({tuple(row.input_ids) for row in rows}) == 16


def test_what_a_killed_comparison_has_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}old").mkdir()
    (tmp_path / f"{PREFIX}old" / "0.pt").write_text("half")
    with reference(tiny.model(), [Sample([1, 2], 1)], tmp_path):
        assert not (tmp_path / f"{PREFIX}old").exists()


def test_a_disk_that_is_full_in_a_comparison_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch says only which position it did not expect, and the room is there again once the folder is gone."""

    def torn(_: Any, at: Path) -> None:
        at.write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534")

    def usage(_: Any) -> Any:
        return SimpleNamespace(free=0 if any(tmp_path.glob(f"{PREFIX}*/0.pt")) else 1 << 30)

    monkeypatch.setattr("torch.save", torn)
    monkeypatch.setattr("shutil.disk_usage", usage)
    with (
        pytest.raises(Refused, match="cannot be written: No space left on device"),
        reference(tiny.model(), [Sample([1, 2], 1)], tmp_path),
    ):
        pass
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1 << 30))
    with pytest.raises(RuntimeError), reference(tiny.model(), [Sample([1, 2], 1)], tmp_path):
        pass


def test_layers_of_an_adapter_are_told_in_order(tmp_path: Path) -> None:
    save_adapter(adapted(), tmp_path)
    layers = json.loads((tmp_path / "adapter_config.json").read_text())["target_modules"]
    assert len(layers) > 1
    assert layers == sorted(layers)


def written(tmp_path: Path, model: Any, train: Train, thinks: bool = True) -> dict[str, Any]:
    source = models.resolve(str(tiny.folder(tmp_path / "base")))
    with reference(model, own_answers(model, TOK, PROMPTS, seed=0), tmp_path) as before:
        return merge(model, before, source, "float32", train, TOK, thinks, tmp_path)


def test_merged_equals_adapter(tmp_path: Path) -> None:
    trained, inputs = adapted(), torch.tensor([PROMPTS[0]])
    with torch.no_grad():
        expected, untrained = trained(input_ids=inputs).logits, tiny.model()(input_ids=inputs).logits
    told = written(tmp_path, trained, Train())
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32).eval()
    with torch.no_grad():
        found = merged(input_ids=inputs).logits
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert (expected - untrained).abs().max() > 0.01
    assert abs(told["merge_kl"]) < 1e-6
    assert told["merge"]["changed"] == 0
    assert told["merge"]["tokens"] > 1000


def test_outputs_that_are_no_numbers_leave_no_checkpoint(tmp_path: Path) -> None:
    trained = adapted()
    trained.get_output_embeddings().weight.data[5] = float("nan")
    with pytest.raises(DistillError, match="outputs are no numbers"):
        written(tmp_path, trained, Train())
    assert not (tmp_path / "merged").exists()


INSTRUCT = {"do_sample": True, "temperature": 0.7, "top_p": 0.8, "top_k": 20, "repetition_penalty": 1.1}


@pytest.mark.parametrize(("qwen", "top_k"), [(True, 20), (False, 0)])
def test_a_student_that_thinks_is_sampled_as_reasoners_are(tmp_path: Path, qwen: bool, top_k: int) -> None:
    model = tiny.model(qwen=qwen)
    model.generation_config = GenerationConfig(**INSTRUCT, eos_token_id=[2, 9], max_length=20)
    written(tmp_path, model, Train(method="full"))
    told = read_json(tmp_path / "merged" / "generation_config.json")
    assert {key: told.get(key) for key in INSTRUCT} == {
        "do_sample": True,
        "temperature": 0.6,
        "top_p": 0.95,
        "top_k": top_k,
        "repetition_penalty": None,
    }
    assert told["eos_token_id"] == [TOK.eos_token_id, 9], "the end of a turn first, then where it stopped before"
    assert told["pad_token_id"] == TOK.pad_token_id
    assert told.get("max_length") is None
    assert told.get("max_new_tokens") is None
    assert AutoTokenizer.from_pretrained(tmp_path / "merged").chat_template == TOK.chat_template


def test_a_student_that_does_not_think_keeps_its_bases_sampling() -> None:
    model = tiny.model()
    model.generation_config = GenerationConfig(**INSTRUCT, eos_token_id=9)
    set_generation(model, TOK, thinks=False)
    kept = model.generation_config.to_dict()
    assert {key: kept[key] for key in INSTRUCT} == INSTRUCT
    assert kept["eos_token_id"] == [TOK.eos_token_id, 9]
