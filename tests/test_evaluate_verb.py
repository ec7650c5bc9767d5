"""`distill evaluate MODEL --problems SET ...`: any model, resumable; and which arguments are recipes."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from commands import refused
from peft import LoraConfig, PeftModel, get_peft_model
from stub_server import StubServer, answer, piece
from transformers import AutoModelForCausalLM

from distill.errors import Refused
from distill.evaluate_verb import is_recipe, spread
from distill.files import Log
from distill.problems import read_problems
from distill.records import Trace, Verdict

SHORT = ["max_tokens=8", "batch_size=6"]


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    """Twelve problems."""
    path = tmp_path / "sums.jsonl"
    rows = [{"question": f"What is {i} plus {i}?", "answer": 2 * i} for i in range(12)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def right(body: dict[str, Any], number: int) -> list[Any]:
    """The right answer to any of them."""
    return answer(f"\\boxed{{{2 * int(body['messages'][-1]['content'].split()[2])}}}")


def traces(out: Path, who: str = "model", name: str = "sums") -> list[Trace]:
    return Log(out / name / f"{who}.samples.jsonl").read(Trace)


def told(out: Path, name: str = "sums") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "summary.json").read_text())["sets"][name]
    return found


def test_a_model_without_a_recipe(distill: Any, tiny_model: Path, sums: Path, tmp_path: Path) -> None:
    """The layout, the protocol, the box of a warning; and the same command asks nothing again."""
    out = tmp_path / "out"
    command = ["evaluate", tiny_model, "--problems", sums, "--k", "2", "temperature=0.7", *SHORT, "--out", out]
    done = distill(*command)
    assert done.code == 0, done.err
    assert len(read_problems(out / "sums" / "problems.parquet")) == 12
    asked = traces(out)
    assert Counter(t.problem_id for t in asked) == dict.fromkeys((f"sums-{i}" for i in range(12)), 2)
    assert {v.trace_id for v in Log(out / "sums/model.verdicts.jsonl").read(Verdict)} == {t.id for t in asked}
    protocol = told(out)["protocol"]
    printed = " ".join(done.out.split())
    assert 'asked: "{question} Please reason step by step, and put your final answer within \\boxed{}."' in printed
    assert f"template {protocol['template']}, problems sha256 {protocol['problems']}" in printed
    refused(distill("report", out), f"Answers without a recipe are looked at with: distill view {out}")
    assert (protocol["n"], protocol["k"], protocol["temperature"], protocol["max_tokens"]) == (12, 2, 0.7, 8)
    assert protocol["engine"].startswith("transformers ")
    assert protocol["template"].startswith("sha256 ")
    assert protocol["models"] == {"model": str(tiny_model)}
    assert "WARNING" in done.out
    assert "were cut at max_tokens=8" in done.out
    assert "warning: " in done.err
    before = (out / "sums/model.samples.jsonl").read_bytes()
    assert distill(*command).code == 0
    assert (out / "sums/model.samples.jsonl").read_bytes() == before


def test_it_goes_on_from_what_is_there(distill: Any, tiny_model: Path, sums: Path, tmp_path: Path) -> None:
    """Torn logs, answers without verdicts, more samples: as if it had been done at once."""
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    command = ["evaluate", tiny_model, "--problems", sums, "temperature=0.7", *SHORT]
    assert distill(*command, "--k", "4", "--out", whole).code == 0
    assert distill(*command, "--k", "2", "--out", torn).code == 0
    samples, verdicts = torn / "sums/model.samples.jsonl", torn / "sums/model.verdicts.jsonl"
    samples.write_bytes(samples.read_bytes()[:-20])
    verdicts.write_bytes(b"".join(verdicts.read_bytes().splitlines(keepends=True)[:5]))
    assert distill(*command, "--k", "4", "--out", torn).code == 0
    assert {t.id: t for t in traces(torn)} == {t.id: t for t in traces(whole)}
    assert len(traces(torn)) == 48
    assert told(torn) == told(whole)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["temperature=0.8"], "temperature of sums was 0.7 and is 0.8"),
        (["temperature=0.7", "--seed", "1"], "seed was 0 and is 1"),
    ],
)
def test_answers_sampled_otherwise_are_not_mixed(
    distill: Any, tiny_model: Path, sums: Path, tmp_path: Path, change: list[str], said: str
) -> None:
    command = ["evaluate", tiny_model, "--problems", sums, *SHORT, "--out", tmp_path / "out"]
    assert distill(*command, "temperature=0.7").code == 0
    refused(distill(*command, *change), said)


def test_other_problems_and_another_model_are_refused(
    distill: Any, tiny_model: Path, sums: Path, tmp_path: Path
) -> None:
    command = ["--problems", sums, *SHORT, "--out", tmp_path / "out"]
    assert distill("evaluate", tiny_model, *command).code == 0
    other = tiny.folder(tmp_path / "other", seed=1)
    refused(distill("evaluate", other, *command), "the model model was")
    sums.write_text(sums.read_text().replace("plus", "and"))
    refused(distill("evaluate", tiny_model, *command), "answers to other problems than those of sums now")


def test_whoever_lost_what_the_answers_were_sampled_with_is_not_told_that_it_comes_again(
    distill: Any, tiny_model: Path, sums: Path, tmp_path: Path
) -> None:
    command = ["evaluate", tiny_model, "--problems", sums, *SHORT, "--out", tmp_path / "out"]
    assert distill(*command).code == 0
    (tmp_path / "out" / "sampled.json").write_text("{")
    done = distill(*command)
    assert done.code == 1
    assert "sampled.json is damaged" in done.err
    assert "sample into another folder" in done.err
    assert "Delete it" not in done.err


def test_beside_a_base_the_difference_is_paired(distill: Any, tiny_model: Path, sums: Path, tmp_path: Path) -> None:
    other = tiny.folder(tmp_path / "other", seed=1)
    out = tmp_path / "out"
    done = distill("evaluate", other, "--base", tiny_model, "--problems", sums, *SHORT, "--out", out)
    assert done.code == 0, done.err
    assert json.loads((out / "summary.json").read_text())["models"] == ["base", "model"]
    (difference,) = told(out)["differences"]
    assert (difference["of"], difference["minus"]) == ("model", "base")
    assert "model - base" in done.out.replace("\n", " ")


def test_an_adapter_answers_as_its_merged_checkpoint(distill: Any, sums: Path, tmp_path: Path) -> None:
    """A folder that holds nothing but a LoRA adapter tells its base itself."""
    base = tiny.folder(tmp_path / "base")
    model = AutoModelForCausalLM.from_pretrained(base)
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj", "down_proj"], init_lora_weights=False))
    adapted.save_pretrained(tmp_path / "adapter")
    loaded = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), tmp_path / "adapter")
    with torch.no_grad():
        merged = loaded.merge_and_unload()
    merged.save_pretrained(tmp_path / "merged")
    tiny.tokenizer().save_pretrained(tmp_path / "merged")
    said = {}
    for name in ("base", "adapter", "merged"):
        out = tmp_path / f"out-{name}"
        done = distill("evaluate", tmp_path / name, "--problems", sums, "dtype=float32", *SHORT, "--out", out)
        assert done.code == 0, done.err
        said[name] = [t.response for t in traces(out)]
    assert said["adapter"] == said["merged"] != said["base"]


def test_an_adapter_of_nowhere_wants_its_base_named(distill: Any, tiny_model: Path, sums: Path, tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4}))
    done = distill("evaluate", folder, "--problems", sums, *SHORT, "--out", tmp_path / "out")
    refused(done, "does not tell which model it is for")


def test_a_server_as_the_model(distill: Any, sums: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every third answer is right, and every fourth cut; the folder knows it again by its name."""
    monkeypatch.chdir(tmp_path)

    def script(body: dict[str, Any], number: int) -> list[Any]:
        half = int(body["messages"][-1]["content"].split()[2])
        said = answer(f"\\boxed{{{2 * half + half % 3}}}")
        return said if half % 4 else [said[0], piece("length"), *said[-2:]]

    with StubServer(script) as server:
        out = tmp_path / "out"
        command = ["evaluate", f"{server.url}#some/model", "--problems", sums, "--preset", "greedy", "--out", out]
        done = distill(*command)
        assert done.code == 0, done.err
        assert {body["model"] for body in server.bodies} == {"some/model"}
        assert {body["temperature"] for body in server.bodies} == {0.0}
        figures = told(out)["figures"]["model"]
        assert figures["accuracy"] == pytest.approx(3 / 12)
        assert figures["truncated"] == pytest.approx(3 / 12)
        assert any("25.0 % of the answers of model on sums were cut" in said for said in told(out)["warnings"])
        asked = len(server.bodies)
        assert distill(*command).code == 0
        assert len(server.bodies) == asked == 12
    refused(distill("evaluate", server.url, "--problems", sums), "is a server and names no model")
    assert not Path("evaluations").exists()
    keyed = ["--problems", sums, "endpoint.api_key_env=NO_SUCH_KEY", "--out", tmp_path / "keyed"]
    refused(distill("evaluate", f"{server.url}#m", *keyed), "endpoint.api_key_env=NO_SUCH_KEY")


def test_answers_without_a_word_are_told_of(distill: Any, sums: Path, tmp_path: Path) -> None:
    """A server whose parser takes the text away gives a score of zero that looks like a bad model's."""

    def script(body: dict[str, Any], number: int) -> list[Any]:
        half = int(body["messages"][-1]["content"].split()[2])
        if half % 3 == 0:
            return [answer()[0], piece(content=None), *answer()[-3:]]  # type: ignore[arg-type]
        if half % 3 == 1:
            return [answer()[0], piece(reasoning_content="It is clear."), *answer()[-3:]]
        return right(body, number)

    with StubServer(script) as server:
        done = distill("evaluate", f"{server.url}#m", "--problems", sums, "--preset", "greedy", "--out", tmp_path / "o")
    assert done.code == 0, done.err
    (warning,) = told(tmp_path / "o")["warnings"]
    assert warning.startswith("66.7 % of the answers of model on sums are empty (33.3 % hold reasoning alone)")
    assert "are empty" in done.out


@pytest.mark.parametrize(("gold", "said"), [("NaN", "is nan"), ("-Infinity", "is -inf")])
def test_a_gold_that_is_no_number_is_called_that(distill: Any, tmp_path: Path, gold: str, said: str) -> None:
    """It was "empty or null", with the advice to name another column."""
    path = tmp_path / "golds.jsonl"
    path.write_text(f'{{"question": "1?", "answer": 1}}\n{{"question": "2?", "answer": {gold}}}\n')
    done = distill("evaluate", "http://127.0.0.1:1/v1#m", "--problems", path, "--out", tmp_path / "out")
    refused(done, f"golds, row 2: 'answer' {said}, which is no number.")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sets=[math500]"], "sets is a key of recipes; the sets of a model stand behind --problems"),
        (["engine=vllm"], "engine=vllm is for models of this machine, and a server is asked as it is"),
        (["engine.kind=vllm"], "engine=vllm is for models of this machine"),
    ],
)
def test_words_that_would_do_nothing_are_refused(
    distill: Any, sums: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    done = distill("evaluate", "http://127.0.0.1:1/v1#m", "--problems", sums, *words, "--out", tmp_path / "out")
    refused(done, said)


def test_columns_and_verifier_of_files(distill: Any, tmp_path: Path) -> None:
    """Whoever has a file of a known set is told how it is read as one."""
    path, out = tmp_path / "math500.jsonl", tmp_path / "out"
    rows = [{"problem": f"{i}?", "gold": f"{i}.04", "tier": i % 2} for i in range(1, 7)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with StubServer(lambda body, _: answer(f"\\boxed{{{body['messages'][-1]['content'].partition('?')[0]}}}")) as stub:
        command = ["evaluate", f"{stub.url}#m", "--problems", path, "--out", out]
        asked = distill(*command)
        refused(asked, "'question' is missing")
        assert "Name the column with rows.question_key=problem." in asked.err
        assert f"math500={path} reads it by that set's own definition." in asked.err
        columns = ["rows.question_key=problem", "rows.answer_key=gold", "rows.kind=number", "rows.tolerance=0.1"]
        refused(distill(*command, *columns, "cluster_by=tier"), "cluster_by is 'tier', and no problem has one")
        assert distill(*command, *columns, "rows.known_keys=[tier]", "cluster_by=tier").code == 0
        assert told(out, "math500")["figures"]["model"]["accuracy"] == 1.0
        known = ["--problems", f"math500={path}", *columns, "--out", tmp_path / "known"]
        refused(distill("evaluate", f"{stub.url}#m", *known), "is given by the definition of math500")


def test_sampling_stops_when_the_interval_is_narrow_enough(distill: Any, sums: Path, tmp_path: Path) -> None:
    """Where all answers are right nothing more is to be learnt; looks are fixed, levels corrected, and told."""
    with StubServer(right) as s:
        command = ["evaluate", f"{s.url}#m", "--problems", sums, "temperature=1.0", "--k", "8", "--out"]
        assert distill(*command, tmp_path / "wide", "until_interval=0.4").code == 0
        assert len(s.bodies) == 12
        protocol = told(tmp_path / "wide")["protocol"]
        assert (protocol["k"], protocol["looks"]) == (1, [1, 2, 4, 8])
        assert protocol["level_of_each_look"] == pytest.approx(0.9875)
        assert protocol["stopped"].startswith("stopped after 1 of 8 samples a problem: the 98.75 % interval")
        assert distill(*command, tmp_path / "narrow", "until_interval=0.01").code == 0
        assert len(s.bodies) == 12 + 96
        assert told(tmp_path / "narrow")["protocol"]["stopped"] is None
        assert any("more problems help" in said for said in told(tmp_path / "narrow")["warnings"])


def test_an_answer_that_cannot_fit_is_refused_before_any_is_sampled(
    distill: Any, tiny_model: Path, sums: Path, tmp_path: Path
) -> None:
    done = distill("evaluate", tiny_model, "--problems", sums, "--preset", "r1", "--out", tmp_path / "out")
    refused(done, "exceed the context of model")
    assert not list((tmp_path / "out").rglob("*.samples.jsonl"))


def test_sets_stand_behind_one_option() -> None:
    line = ["m", "--problems", "a.jsonl", "math500=b.jsonl", "max_tokens=8", "--k", "2", "temperature=1"]
    assert spread(line) == [
        *("m", "--problems", "a.jsonl", "--problems", "math500=b.jsonl"),
        *("max_tokens=8", "--k", "2", "temperature=1"),
    ]
    with pytest.raises(Refused, match="nothing stands behind --problems"):
        spread(["m", "--problems", "--k", "2"])


@pytest.mark.parametrize(
    ("what", "problems", "recipe"),
    [
        ("quickstart", [], True),
        ("cpu/gsm8k", [], True),
        ("mine.yaml", [], True),
        ("nobody", [], True),
        ("Qwen/Qwen3-0.6B", ["math500"], False),
        ("http://127.0.0.1:1/v1#m", ["math500"], False),
    ],
)
def test_the_argument_tells_what_it_is(what: str, problems: list[str], recipe: bool) -> None:
    assert is_recipe(what, problems) is recipe


@pytest.mark.parametrize(
    ("what", "problems", "said"),
    [
        ("Qwen/Qwen3-0.6B", [], "is a model, and no problems are named"),
        ("cpu/gsm8k", ["math500"], "is a shipped recipe and may be a model"),
        ("mine.yaml", ["math500"], "is a recipe, which names its sets itself"),
    ],
)
def test_what_is_ambiguous_is_refused(what: str, problems: list[str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        is_recipe(what, problems)


def test_a_folder_with_the_name_of_a_recipe_and_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart").mkdir()
    with pytest.raises(Refused, match="is a shipped recipe and may be a folder here"):
        is_recipe("quickstart", [])
    run = tmp_path / "runs" / "x"
    (run / "stages").mkdir(parents=True)
    (run / "recipe.yaml").touch()
    with pytest.raises(Refused, match="is a run, neither a model nor a recipe") as caught:
        is_recipe(str(run), ["math500"])
    assert "student/merged" in caught.value.hint
