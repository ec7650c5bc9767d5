"""A tiny model that has learnt answers by heart, for tests in which somebody must know something."""

from collections.abc import Mapping
from pathlib import Path

import tiny
import torch
from transformers import PreTrainedTokenizerFast

IGNORED = -100


def folder(at: Path, answers: Mapping[str, str], system: str | None = None, steps: int = 250) -> Path:
    """A checkpoint that answers these user messages so, greedily; context 1,024, heads of 32, which vLLM takes.

    Raises:
        AssertionError: it has not learnt them.
    """
    tokenizer, model = tiny.tokenizer(), tiny.model(hidden_size=128).train()
    model.config.max_position_embeddings = 1024
    before = [] if system is None else [{"role": "system", "content": system}]
    rows = [_row(tokenizer, [*before, {"role": "user", "content": q}], answer) for q, answer in answers.items()]
    ids, labels = (
        _padded([row[part] for row in rows], fill) for part, fill in ((0, tokenizer.pad_token_id), (1, IGNORED))
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    loss = torch.tensor(torch.inf)
    for _ in range(steps):
        loss = model(input_ids=ids, attention_mask=(ids != tokenizer.pad_token_id).long(), labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.02, f"learnt to a loss of {loss:.3f} only"
    model.save_pretrained(at)
    tokenizer.save_pretrained(at)
    return at


def _row(tokenizer: PreTrainedTokenizerFast, chat: list[dict[str, str]], answer: str) -> tuple[list[int], list[int]]:
    """Tokens of a chat with its answer, and the same with the prompt left out of the loss."""
    prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
    said = tokenizer(f"{answer}<|im_end|>", add_special_tokens=False)["input_ids"]
    return prompt + said, [IGNORED] * len(prompt) + said


def _padded(rows: list[list[int]], fill: int) -> torch.Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [fill] * (longest - len(row)) for row in rows])
