"""How far is one model's output from another's? KL over the whole vocabulary, token by token.

The reference's log probabilities lie on disk, a row a file, so that the two models need not be in memory together: 128
tokens of a vocabulary of 152,000 are 78 MB.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from distill.folders import refusal_of

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ROWS = 16
"""Rows that are compared."""

ANSWER_TOKENS = 128
"""Longest answer in such a row."""

PREFIX = ".compared."

AT_ONCE = 32
"""Tokens whose KL is summed up in one go, in float64."""


class Sample(NamedTuple):
    """A prompt and an answer; the answer's tokens are compared."""

    input_ids: list[int]
    start: int
    """Where the answer begins; at least 1."""


@dataclass(frozen=True)
class Divergence:
    """KL(reference || other)."""

    mean: float
    """Nats a token."""
    largest: float
    """Of a single token."""
    changed: float
    """Share of the tokens whose most likely successor is another one."""
    tokens: int
    """How many were compared."""
    rows: int
    """In how many rows."""

    def counts(self) -> dict[str, Any]:
        return asdict(self)


class Reference:
    """What one model says about the rows; made by `reference`."""

    def __init__(self, rows: Sequence[Sample], folder: Path) -> None:
        self.rows = rows
        self.folder = folder

    def against(self, model: "PreTrainedModel") -> Divergence:
        """Mean KL(reference || model), the largest, and how many choices change; no number where outputs are none."""
        import torch

        kls, changed = [], 0
        for number, row in enumerate(self.rows):
            before, after = torch.load(self.folder / f"{number}.pt"), log_probs(model, row).cpu()
            changed += int((before.argmax(-1) != after.argmax(-1)).sum())
            for p, q in zip(before.split(AT_ONCE), after.split(AT_ONCE), strict=True):
                p, q = p.double(), q.double()
                kls.append((p.exp() * (p - q)).nan_to_num(nan=torch.nan, posinf=torch.inf).sum(-1))
        every = torch.cat(kls)
        return Divergence(
            mean=float(every.mean()),
            largest=float(every.max()),
            changed=changed / len(every),
            tokens=len(every),
            rows=len(self.rows),
        )


@contextmanager
def reference(model: "PreTrainedModel", rows: Sequence[Sample], folder: Path) -> Iterator[Reference]:
    """The log probabilities of a model, kept under `folder` until the end of the block."""
    import torch

    for left in folder.glob(f"{PREFIX}*"):  # by a run that was killed
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=folder, prefix=PREFIX) as kept:
        for number, row in enumerate(rows):
            found = log_probs(model, row).cpu()
            try:
                torch.save(found, Path(kept) / f"{number}.pt")
            except (OSError, RuntimeError) as e:  # told before the folder goes, and room is there again
                told = refusal_of(e, folder)
                if told is None:
                    raise
                raise told from e
        yield Reference(rows, Path(kept))


def log_probs(model: "PreTrainedModel", row: Sample) -> "torch.Tensor":
    """Of the answer's tokens, shape (tokens, vocabulary), in float32."""
    import torch

    ids = torch.tensor([row.input_ids], device=model.device)
    asked = torch.arange(row.start - 1, len(row.input_ids) - 1, device=model.device)
    with torch.no_grad():
        logits = model.eval()(input_ids=ids, logits_to_keep=asked, use_cache=False).logits
    return logits[0].float().log_softmax(-1)


def own_answers(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Sequence[list[int]],
    seed: int,
    rows: int = ROWS,
) -> list[Sample]:
    """What the model itself says to prompts, sampled at temperature 1: the text on which it will be used.

    Takes the prompts in turn until there are `rows` of them; the same seed gives the same rows.
    """
    import torch
    from transformers import GenerationConfig

    wanted = [prompts[i % len(prompts)] for i in range(rows)]
    width = max(map(len, wanted))
    pad: Any = tokenizer.pad_token_id
    padded = torch.tensor([[pad] * (width - len(p)) + p for p in wanted], device=model.device)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in wanted], device=model.device)
    settings = GenerationConfig(
        do_sample=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        repetition_penalty=1.0,  # what is not named would come from the model's own config
        max_new_tokens=ANSWER_TOKENS,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=pad,
        remove_invalid_values=True,  # of a model whose outputs are no numbers: the comparison tells that
    )
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        said = model.eval().generate(input_ids=padded, attention_mask=mask, generation_config=settings)
    answers = [_until(row, tokenizer.eos_token_id) for row in said[:, width:].tolist()]
    return [Sample(prompt + answer, len(prompt)) for prompt, answer in zip(wanted, answers, strict=True)]


def _until(tokens: list[int], end: int | None) -> list[int]:
    """The tokens up to the end of the turn, and that one."""
    return tokens[: tokens.index(end) + 1] if end in tokens else tokens
