"""Batched decoding: a row gets what it would get alone, and what transformers' own generate gives it."""

from pathlib import Path

import pytest
import tiny
import torch
from transformers import AutoModelForCausalLM, Gemma3ForCausalLM, Gemma3TextConfig, PreTrainedModel

from teachers.decode import GROUPED, decode, use_grouped_attention

PROMPTS = [[1, *range(10, 10 + n)] for n in (3, 9, 14, 5, 5, 20, 2, 11)]
STOPS = set(range(0, 320, 11))


def gemma() -> PreTrainedModel:
    """Sliding-window layers and full ones in turn."""
    torch.manual_seed(0)
    shape = {"vocab_size": 320, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "head_dim": 8}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "sliding_window": 8}
    layers = {"layer_types": ["sliding_attention", "full_attention"], "max_position_embeddings": 512}
    return Gemma3ForCausalLM(Gemma3TextConfig(**shape, **heads, **layers)).eval()


MAKERS = {"llama": tiny.model, "qwen2": lambda: tiny.model(qwen=True), "gemma3": gemma}


def greedy(model: PreTrainedModel, prompts: list[list[int]], batch_size: int, width: int = 32) -> list[list[int]]:
    answers: dict[int, list[int]] = {}
    decode(model, prompts, width, 40, STOPS, lambda logits, _: logits.argmax(-1), 0, batch_size, answers.__setitem__)
    return [answers[row] for row in range(len(prompts))]


@pytest.mark.parametrize("kind", MAKERS)
def test_decoding_equals_transformers_generate(kind: str) -> None:
    """Row by row without padding, so that generate is the plain reference."""
    model = MAKERS[kind]()
    expected = []
    for prompt in PROMPTS:
        with torch.inference_mode():
            output = model.generate(
                torch.tensor([prompt]), max_new_tokens=40, do_sample=False, eos_token_id=sorted(STOPS), pad_token_id=0
            )
        expected.append(output[0, len(prompt) :].tolist())
    assert len({len(answer) for answer in expected}) > 3, "rows must end at different times to test anything"
    use_grouped_attention(model)
    assert greedy(model, PROMPTS, batch_size=8) == expected


def test_finished_rows_leave_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny.model()
    sizes = []
    forward = model.forward
    monkeypatch.setattr(model, "forward", lambda **kw: (sizes.append(len(kw["input_ids"])), forward(**kw))[1])
    answers = greedy(model, PROMPTS, batch_size=8)
    for step, size in enumerate(sizes):
        running = sum(len(answer) > step for answer in answers)
        assert running <= size <= max(2 * running, 1)
    assert sizes[0] == 8
    assert sizes[-1] < 8


def test_idle_rows_change_nothing() -> None:
    model = tiny.model()
    assert greedy(model, PROMPTS[:3], batch_size=64) == greedy(model, PROMPTS[:3], batch_size=3)


def test_grouped_attention_equals_plain_attention(tiny_model: Path) -> None:
    """Logits of the last position, with the cache filled by earlier ones and one row padded on the left."""
    ids = torch.tensor([[0, 0, 5, 6, 7, 8], [9, 10, 11, 12, 13, 14]])
    mask = (ids > 0).long()
    found = []
    for attention in ("eager", GROUPED):
        model = AutoModelForCausalLM.from_pretrained(tiny_model, attn_implementation=attention)
        with torch.inference_mode():
            past = model(input_ids=ids[:, :5], attention_mask=mask[:, :5], use_cache=True).past_key_values
            positions = mask.sum(1, keepdim=True) - 1
            found.append(
                model(input_ids=ids[:, 5:], attention_mask=mask, position_ids=positions, past_key_values=past).logits
            )
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-5)


def test_soft_capped_attention_is_left_alone() -> None:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    config = Gemma2Config(vocab_size=64, hidden_size=16, intermediate_size=16, num_hidden_layers=1, head_dim=8)
    model = Gemma2ForCausalLM(config)
    use_grouped_attention(model)
    assert model.config._attn_implementation == "eager"
