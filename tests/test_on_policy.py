"""On-policy distillation: the loss against float64 by hand, the same result after a kill, what is refused."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from test_same_tokenizer import changed, swap_tokens
from transformers import LlamaForCausalLM

from distill.errors import DistillError, Refused
from distill.files import Log, read_json
from distill.recipe import OnPolicy, Recipe, Train
from distill.run import read_seal
from distill.token_scores import Keep, Score, Scored
from students.methods import adapter_config
from students.on_policy_trainer import OnPolicyTrainer, build_trainer
from students.own_answers import Asked, OwnAnswer, OwnAnswers, order_of
from students.same_tokenizer import prompt_ids
from students.train import checkpoint_callback, run_trainer
from teachers.rollout import Rollout

TOK = tiny.tokenizer()
CHATS = [[{"role": "user", "content": f"Make {'9' * (i % 3)}{i}."}] for i in range(7)]
ASKED = [Asked(f"p{i}", prompt_ids(TOK, chat)) for i, chat in enumerate(CHATS)]
SPEC = OnPolicy(steps=4, samples_per_step=4, per_device_train_batch_size=2, max_tokens=12, save_steps=2, batch_size=3)
TRAIN = Train(lora_r=4)
STOPS = {TOK.eos_token_id, *range(100, 140)}
"""So many that a random model's answers have different lengths."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Products of so small matrices wait for each other's threads more than they compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def teacher_model(rows: int = 320) -> LlamaForCausalLM:
    """One of strong opinions, so that there is something to learn; beyond the 320 tokens its logits are of no token."""
    made = tiny.model(seed=7)
    made.lm_head.weight.data *= 20
    if rows != 320:
        made.resize_token_embeddings(rows)
        torch.nn.init.normal_(made.lm_head.weight.data[320:])
    return made


def told_by(teacher: LlamaForCausalLM, k: int) -> Score:
    """What a server of this model would say."""

    def score(sequences: list[list[int]], prompts: list[int], keep: Keep) -> None:
        for number, (ids, start) in enumerate(zip(sequences, prompts, strict=True)):
            with torch.no_grad():
                logprobs = teacher(torch.tensor([ids])).logits[0, start - 1 : -1].log_softmax(-1)
            top = logprobs.topk(k)
            drawn = logprobs.gather(1, torch.tensor(ids[start:])[:, None])[:, 0]
            keep(number, Scored(top.indices.tolist(), top.values.tolist(), drawn.tolist()))

    return score


def student_model() -> Any:
    torch.manual_seed(0)
    made = get_peft_model(tiny.model(), LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, weights in made.named_parameters():
        if "lora_B" in name:  # zero at the start, which would hide every gradient of A
            torch.nn.init.normal_(weights, std=0.05)
    return made


def trainer_for(
    folder: Path,
    spec: OnPolicy = SPEC,
    teacher: LlamaForCausalLM | None = None,
    k: int | None = None,
    on_log: Callable[[dict[str, Any]], None] = lambda line: None,
    sample: Any = None,
    student: Any = None,
    rate: float = 0.01,
) -> OnPolicyTrainer:
    teacher, student = teacher or teacher_model(), student or student_model()
    limits = (spec.max_tokens, spec.temperature, 0)
    order = order_of(len(ASKED), spec.steps * spec.samples_per_step, 0)
    sample = sample or Rollout(spec.batch_size, TOK.pad_token_id)
    answers = OwnAnswers(folder / "samples.jsonl", ASKED, order, TOK, STOPS, limits, sample, spec.batch_size)
    told = [checkpoint_callback(on_log, rate_key="on_policy.learning_rate")]
    both = (teacher, None) if k is None else (None, told_by(teacher, k))
    return build_trainer(student, *both, TOK, answers, spec, TRAIN, rate, 0, folder / "checkpoints", told)


def by_hand(student: Any, teacher: Any, answers: list[OwnAnswer], temperature: float = 1.0) -> torch.Tensor:
    """The oracle: mean reverse KL per token, row after row without padding, in float64."""
    total, count = torch.zeros((), dtype=torch.float64), 0
    for answer in answers:
        prompt = next(one.prompt_ids for one in ASKED if one.problem_id == answer.problem_id)
        ids = torch.tensor([prompt + answer.token_ids])
        s, t = (
            (model(ids).logits[0, len(prompt) - 1 : -1, :320].double() / temperature).log_softmax(-1)
            for model in (student, teacher)
        )
        total = total + (s.exp() * (s - t.detach())).sum()
        count += len(answer.token_ids)
    return total / count


WAYS = {
    "local": (1.0, None, 1 << 30),
    "local, in TRL's tiles": (1.0, None, 0),
    "local, in TRL's tiles, T 0.7": (0.7, None, 0),
    "served, k = vocabulary": (1.0, 320, 0),
}


@pytest.mark.parametrize(("temperature", "k", "held"), WAYS.values(), ids=WAYS.keys())
def test_loss_and_gradient_are_those_of_the_reverse_kl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temperature: float, k: int | None, held: int
) -> None:
    monkeypatch.setattr("students.loss.MAX_LOGITS_BYTES", held)
    spec = SPEC.model_copy(update={"temperature": temperature, "per_device_train_batch_size": 4})
    student, oracle, teacher = student_model(), student_model(), teacher_model()
    trainer = trainer_for(tmp_path, spec, teacher, k, student=student)
    trainer.model.train()
    inputs = trainer._prepare_inputs([{"prompt": i} for i in range(4)])
    loss = trainer.compute_loss(trainer.model, inputs)
    loss.backward()
    answers = Log(tmp_path / "samples.jsonl").read(OwnAnswer)
    assert {len(a.token_ids) for a in answers} != {12}, "some stop early, or padding is not tested"
    expected = by_hand(oracle.double(), teacher.double(), answers, temperature)
    expected.backward()
    assert expected.item() > 0.05
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    pairs = zip(trainer.model.named_parameters(), oracle.named_parameters(), strict=True)
    for (name, found), (_, wanted) in pairs:
        if found.requires_grad:
            torch.testing.assert_close(found.grad.double(), wanted.grad, rtol=1e-3, atol=1e-6, msg=name)


@pytest.mark.parametrize("tied", [True, False])
def test_an_end_token_that_is_trained_too_is_in_the_loss(tmp_path: Path, tied: bool) -> None:
    """PEFT wraps the tables of embeddings then, and TRL's own way would read what is under the wrapping."""

    def made() -> Any:
        model = tiny.model(tied=tied)
        wrapped = get_peft_model(model, adapter_config(TRAIN, model, [TOK.eos_token_id]))
        for name, weights in wrapped.named_parameters():
            if name.endswith("trainable_tokens_delta.default"):
                weights.data += 0.3
        return wrapped

    spec = SPEC.model_copy(update={"per_device_train_batch_size": 4, "temperature": 0.8})
    student, oracle, teacher = made(), made(), teacher_model()
    trainer = trainer_for(tmp_path, spec, teacher, student=student)
    trainer.model.train()
    loss = trainer.compute_loss(trainer.model, trainer._prepare_inputs([{"prompt": i} for i in range(4)]))
    loss.backward()
    expected = by_hand(oracle, teacher, Log(tmp_path / "samples.jsonl").read(OwnAnswer), 0.8)
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    trained = [(n, p.grad) for n, p in student.named_parameters() if n.endswith("trainable_tokens_delta.default")]
    wanted = dict(oracle.named_parameters())
    assert trained
    for name, found in trained:
        assert found.abs().max() > 1e-4
        torch.testing.assert_close(found, wanted[name].grad, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("held", [1 << 30, 0])
@pytest.mark.parametrize("method", ["lora", "full"])
def test_mixed_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, held: int) -> None:
    """An adapter of float32 on weights of bfloat16, or all weights in float32 under autocast: near the float64."""
    monkeypatch.setattr("students.loss.MAX_LOGITS_BYTES", held)
    student = student_model().to(torch.bfloat16) if method == "lora" else tiny.model()
    for name, weights in student.named_parameters():
        if "lora_" in name:
            weights.data = weights.data.float()
    lines: list[dict[str, Any]] = []
    spec = SPEC.model_copy(update={"steps": 1})
    trainer = trainer_for(tmp_path, spec, teacher_model().bfloat16(), None, lines.append, student=student)
    trainer.args.bf16 = True
    run_trainer(trainer)
    answers = Log(tmp_path / "samples.jsonl").read(OwnAnswer)
    oracle = student_model() if method == "lora" else tiny.model()
    assert lines[0]["loss"] == pytest.approx(by_hand(oracle, teacher_model(), answers).item(), rel=0.05)
    assert lines[0]["grad_norm"] > 0


def test_accumulated_loss_is_the_mean_over_all_tokens(tmp_path: Path) -> None:
    """Not a mean of the micro-batches' means: their answers have other lengths. Cut answers count."""
    lines: list[dict[str, Any]] = []
    spec = SPEC.model_copy(update={"steps": 1, "samples_per_step": 12, "max_tokens": 6})
    run_trainer(trainer_for(tmp_path, spec, on_log=lines.append))
    answers = Log(tmp_path / "samples.jsonl").read(OwnAnswer)
    assert {a.finished for a in answers} == {True, False}
    assert all((a.token_ids[-1] in STOPS) == a.finished for a in answers)
    assert lines[0]["loss"] == pytest.approx(by_hand(student_model(), teacher_model(), answers).item(), rel=1e-4)
    assert lines[0]["mean_tokens"] == sum(len(a.token_ids) for a in answers) / 12
    assert lines[0]["finished"] == sum(a.finished for a in answers) / 12


def test_the_reverse_kl_falls(tmp_path: Path) -> None:
    """On answers that neither was trained on, as told in the metrics and by hand."""
    spec = SPEC.model_copy(update={"steps": 9, "samples_per_step": 8, "per_device_train_batch_size": 8})
    student, teacher = tiny.model(), teacher_model()
    lines: list[dict[str, Any]] = []
    run_trainer(trainer_for(tmp_path, spec, teacher, None, lines.append, student=student, rate=0.03))
    answers = Log(tmp_path / "samples.jsonl").read(OwnAnswer)
    before, after = by_hand(tiny.model(), teacher, answers[:8]), by_hand(student.eval(), teacher, answers[-8:])
    assert after < 0.9 * before
    assert lines[-1]["loss"] < 0.9 * lines[0]["loss"]


class Stop(Exception):
    pass


def test_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    """The same adapter and the same answers, of which none is sampled twice, whenever it was stopped."""
    asked: list[int] = []

    class Counting(Rollout):
        def __call__(self, model: Any, prompts: Any, seeds: list[int], *rest: Any) -> Any:
            asked.extend(seeds)
            return super().__call__(model, prompts, seeds, *rest)

    def run(folder: Path, stop: int | None) -> dict[str, torch.Tensor]:
        def on_log(line: dict[str, Any]) -> None:
            if line["step"] == stop:
                raise Stop

        trainer = trainer_for(folder, on_log=on_log, sample=Counting(3, TOK.pad_token_id))
        run_trainer(trainer).save_pretrained(folder / "adapter")
        return load_file(folder / "adapter" / "adapter_model.safetensors")

    whole = run(tmp_path / "whole", None)
    lines = (tmp_path / "whole" / "samples.jsonl").read_text()
    assert len(asked) == len(set(asked)) == SPEC.steps * SPEC.samples_per_step
    for stops in ([1, 3], [2]):
        asked.clear()
        folder = tmp_path / str(stops)
        for stop in stops:
            with pytest.raises(Stop):
                run(folder, stop)
        resumed = run(folder, None)
        assert all(torch.equal(whole[name], resumed[name]) for name in whole)
        assert (folder / "samples.jsonl").read_text() == lines
        assert len(asked) == len(set(asked)) == SPEC.steps * SPEC.samples_per_step


def test_answers_are_on_disk_before_they_are_trained_on(tmp_path: Path) -> None:
    written: list[int] = []

    def on_log(line: dict[str, Any]) -> None:
        written.append(len((tmp_path / "samples.jsonl").read_text().splitlines()))

    run_trainer(trainer_for(tmp_path, on_log=on_log))
    assert written == [4 * step for step in range(1, 5)]
    answers = Log(tmp_path / "samples.jsonl").read(OwnAnswer)
    assert [a.step for a in answers] == [step for step in range(4) for _ in range(4)]


def test_an_answer_depends_on_its_seed_alone() -> None:
    """Whichever answers share its batch; and other seeds give others."""
    model, prompts = tiny.model(), [one.prompt_ids for one in ASKED]
    sample = Rollout(8, TOK.pad_token_id)
    together = sample(model, prompts, list(range(7)), STOPS, 10, 1.0)
    assert together == [sample(model, [p], [i], STOPS, 10, 1.0)[0] for i, p in enumerate(prompts)]
    assert together != sample(model, prompts, list(range(7, 14)), STOPS, 10, 1.0)


def test_every_problem_comes_once_before_any_comes_again() -> None:
    order = order_of(7, 24, 0)
    passes = [order[at : at + 7] for at in range(0, 21, 7)]
    assert all(sorted(one) == list(range(7)) for one in passes)
    assert len({tuple(one) for one in passes}) == 3
    assert order == order_of(7, 30, 0)[:24]
    assert order != order_of(7, 24, 1)


def test_rows_without_tokens_are_cut_from_the_teacher(tmp_path: Path) -> None:
    """Qwen2.5 has 151,936 rows below 7B and 152,064 above, for the same tokens."""
    trainer = trainer_for(tmp_path, SPEC.model_copy(update={"steps": 1}), teacher_model(384))
    lines: list[dict[str, Any]] = []
    trainer.add_callback(checkpoint_callback(lines.append))
    run_trainer(trainer)
    answers = Log(tmp_path / "samples.jsonl").read(OwnAnswer)
    assert lines[0]["loss"] == pytest.approx(by_hand(student_model(), teacher_model(384), answers).item(), rel=1e-4)
    with pytest.raises(Refused, match="logits for 300 tokens and the student for 320"):
        trainer_for(tmp_path / "b", teacher=teacher_model(300))


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    teacher = teacher_model()
    teacher.lm_head.weight.data[5] = float("nan")
    with pytest.raises(DistillError, match="the loss is nan at step 1") as told:
        run_trainer(trainer_for(tmp_path, teacher=teacher))
    assert "on_policy.learning_rate" in told.value.hint
    trainer = trainer_for(tmp_path / "b", teacher=teacher, k=5)
    with pytest.raises(DistillError, match="a probability that is no number"):
        trainer._prepare_inputs([{"prompt": i} for i in range(4)])


@pytest.fixture
def second_stage(tiny_recipe: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """The tiny recipe with a second stage, and a teacher of another seed."""
    teacher = {"kind": "local", "model": str(tiny.folder(tmp_path / "teacher", seed=7)), "dtype": "float32"}
    tiny_recipe["train"]["num_train_epochs"] = 1
    spec = {"steps": 3, "samples_per_step": 4, "per_device_train_batch_size": 4, "max_tokens": 8, "save_steps": 2}
    return tiny_recipe | {"on_policy": {"teacher": teacher, "learning_rate": 0.01, **spec}}


def test_the_stage_in_a_run(distill: Any, second_stage: dict[str, Any], tmp_path: Path) -> None:
    """Sealed like the others; only problems that are trained on are asked; three models are compared."""
    run, file = tmp_path / "run", tmp_path / "r.yaml"
    file.write_text(json.dumps(second_stage))
    assert distill("run", file, "--until", "train", "--run-dir", run).code == 0
    done = distill("run", file, "--run-dir", run)
    assert done.code == 0, done.err
    assert done.err.count("already done") == 4
    assert "student - sft (paired)" in done.out
    held_out = {p["id"] for p in _problems(run) if p["held_out"]}
    answers = Log(run / "on_policy" / "samples.jsonl").read(OwnAnswer)
    assert len(answers) == 12
    assert not held_out & {a.problem_id for a in answers}
    folders = [run / "student" / "merged", run / "on_policy" / "merged"]
    first, second = (load_file(folder / "model.safetensors") for folder in folders)
    assert any(not torch.equal(first[name], second[name]) for name in first)
    seal = read_seal(run, "on_policy")
    assert seal is not None
    assert seal.counts["merge_kl"] < 1e-6
    assert not (run / "on_policy" / "checkpoints").exists()
    published = load_file(run / "published" / "model.safetensors")
    assert all(torch.equal(published[name], second[name]) for name in second)
    assert "on-policy distillation: 3 steps on 12 answers" in (run / "published" / "README.md").read_text()
    summary = read_json(run / "evaluation" / "summary.json")
    assert summary["models"] == ["base", "sft", "student"]
    assert [d["minus"] for d in summary["sets"]["held_out"]["differences"]] == ["base", "sft"]
    again = distill("run", file, "on_policy.save_steps=1", "--run-dir", run)
    assert again.err.count("already done") == 7
    without = distill("run", file, "on_policy=null", "--run-dir", run, "--until", "evaluate")
    assert without.err.count("already done") == 4, "what lies before the stage is the same without it"
    assert read_json(run / "evaluation" / "summary.json")["models"] == ["base", "student"]


def _problems(run: Path) -> list[dict[str, Any]]:
    from distill.problems import read_problems

    return [p.model_dump() for p in read_problems(run / "problems.parquet")]


def test_a_held_out_problem_is_never_asked(recipe: Recipe, tmp_path: Path, second_stage: dict[str, Any]) -> None:
    from datasets import Dataset

    from students.on_policy import gate

    parsed = Recipe.model_validate(second_stage)
    rows = [{"problem_id": f"p{i % 5}", "messages": chat} for i, chat in enumerate(CHATS)]
    Dataset.from_list(rows).save_to_disk(tmp_path / "curated")
    assert [one.problem_id for one in gate(parsed, tmp_path / "curated", {"other"}, TOK)] == [f"p{i}" for i in range(5)]
    with pytest.raises(Refused, match="holds problem p3, which is held out"):
        gate(parsed, tmp_path / "curated", {"other", "p3"}, TOK)
    long = parsed.model_copy(update={"on_policy": parsed.on_policy.model_copy(update={"max_tokens": 505})})
    with pytest.raises(Refused, match="exceed the student's context of 512 tokens") as told:
        gate(long, tmp_path / "curated", set(), TOK)
    assert "Set it to at most" in told.value.hint


def test_what_no_teacher_can_judge_is_refused(distill: Any, second_stage: dict[str, Any], tmp_path: Path) -> None:
    from commands import refused

    def said(spec: dict[str, Any], text: str, *more: str) -> None:
        (tmp_path / "r.yaml").write_text(json.dumps(second_stage | {"on_policy": spec}))
        refused(distill("run", tmp_path / "r.yaml", "--dry-run", *more), text)

    endpoint = {"kind": "endpoint", "model": "m", "base_urls": ["http://127.0.0.1:9/v1"]}
    said({}, "which a program and published traces cannot")
    said({"teacher": endpoint}, "set on_policy.tokenizer to its folder or hub id")
    said({"teacher": endpoint, "tokenizer": "x", "temperature": 0.7}, "needs a teacher of kind local")
    said({"samples_per_step": 6, "per_device_train_batch_size": 4}, "is not a multiple of")
    other = tiny.folder(tmp_path / "other")
    changed(swap_tokens).save_pretrained(other)
    said({"teacher": {"kind": "local", "model": str(other)}}, "needs one tokenizer, and theirs differ: token 3 is '!'")
    (tmp_path / "r.yaml").write_text(json.dumps(second_stage | {"on_policy": None}))
    refused(distill("on-policy", tmp_path / "r.yaml"), "on_policy is null")
