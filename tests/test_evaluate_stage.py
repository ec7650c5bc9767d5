"""The stage `evaluate` of a run: sets, engines, the teacher, and what is refused before anything is sampled."""

import importlib.util
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import tiny
from stub_server import StubServer, answer

from distill.dry_run import asked
from distill.errors import Refused
from distill.evaluate.stage import evaluate, refuse_unfit
from distill.files import Log
from distill.pipeline import fingerprints
from distill.problems import make_problems
from distill.recipe import Recipe
from distill.records import Trace


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    path = tmp_path / "sums.jsonl"
    rows = [{"question": f"What is {i} plus {i}?", "answer": 2 * i} for i in range(20)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def with_evaluation(tiny_recipe: dict[str, Any], **fields: Any) -> Recipe:
    return Recipe.model_validate(tiny_recipe | {"evaluate": tiny_recipe["evaluate"] | fields})


def done(recipe: Recipe, student: Path, folder: Path) -> dict[str, Any]:
    problems = make_problems(recipe.problems, recipe.seed)
    return evaluate(recipe, problems, {"student": student}, folder, lambda *_: None)


def test_several_sets_in_one_call(tiny_recipe: dict[str, Any], sums: Path, tmp_path: Path) -> None:
    """Each with a protocol of its own; the second is no part of the recipe, and nothing has kept it apart."""
    sets = ["held_out", {"path": str(sums), "count": 5, "samples_per_problem": 2}]
    recipe = with_evaluation(tiny_recipe, sets=sets, temperature=0.7)
    found = done(recipe, tiny.folder(tmp_path / "student", seed=1), tmp_path / "evaluation")
    assert list(found["sets"]) == ["held_out", "sums"]
    held_out, other = found["sets"].values()
    assert (held_out["protocol"]["n"], held_out["protocol"]["k"]) == (12, 1)
    assert (other["protocol"]["n"], other["protocol"]["k"]) == (5, 2)
    assert not any("kept its problems" in said for said in held_out["warnings"])
    assert any("sums is not among curate.evaluation_sets" in said for said in other["warnings"])
    assert len(Log(tmp_path / "evaluation/sums/student.samples.jsonl").read(Trace)) == 10
    kept_apart = Recipe.model_validate(recipe.model_dump(mode="json") | {"curate": {"evaluation_sets": [str(sums)]}})
    found = done(kept_apart, tmp_path / "student", tmp_path / "evaluation")
    assert not any("kept its problems" in said for said in found["sets"]["sums"]["warnings"])


def test_the_teacher_sits_the_same_problems(tiny_recipe: dict[str, Any], tmp_path: Path) -> None:
    recipe = with_evaluation(tiny_recipe, teacher=True)
    found = done(recipe, Path(recipe.student.model), tmp_path / "evaluation")
    assert found["models"] == ["base", "student", "teacher"]
    figures = found["sets"]["held_out"]["figures"]
    assert figures["teacher"]["accuracy"] > 0.5 > figures["base"]["accuracy"]
    seeds = {
        who: [(t.id, t.sampling.seed) for t in Log(tmp_path / f"evaluation/held_out/{who}.samples.jsonl").read(Trace)]
        for who in found["models"]
    }
    assert sorted(seeds["base"]) == sorted(seeds["student"]) == sorted(seeds["teacher"])
    assert "teacher: program (dfs, budget 10)" in found["sets"]["held_out"]["protocol"]["engine"]


def test_an_endpoint_that_serves_both(tiny_recipe: dict[str, Any], sums: Path, tmp_path: Path) -> None:
    """Base and student by the names that the server knows; the same seeds go to both."""

    def script(body: dict[str, Any], number: int) -> list[Any]:
        half = int(body["messages"][-1]["content"].split()[2])
        right = body["model"] == "mine" or half % 2 == 0
        return answer(f"\\boxed{{{2 * half if right else 1}}}")

    with StubServer(script) as server:
        engine = {"kind": "endpoint", "base_urls": [server.url], "models": {"base": "b", "student": "mine"}}
        recipe = with_evaluation(tiny_recipe, sets=[str(sums)], engine=engine)
        refuse_unfit(recipe)
        found = done(recipe, tmp_path / "nobody reads it", tmp_path / "evaluation")["sets"]["sums"]
        assert found["figures"]["base"]["accuracy"] == 0.5
        assert found["figures"]["student"]["accuracy"] == 1.0
        (difference,) = found["differences"]
        assert difference["mean"] == 0.5
        assert found["protocol"]["models"] == {"base": "b", "student": "mine"}
        assert found["protocol"]["template"] == "the server's own"
        by_model = Counter((body["model"], body["seed"]) for body in server.bodies)
        assert {seed for model, seed in by_model if model == "b"} == {seed for model, seed in by_model if model != "b"}
        assert set(by_model.values()) == {1}


def test_what_an_endpoint_serves_under_another_name_is_asked_again(
    tiny_recipe: dict[str, Any], sums: Path, tmp_path: Path
) -> None:
    """Beside the same training, and the same base."""
    at, trained = tmp_path / "evaluation", {"student": "a fingerprint"}
    with StubServer(lambda *_: answer("\\boxed{2}")) as server:

        def asked_of(name: str) -> Counter[str]:
            engine = {"kind": "endpoint", "base_urls": [server.url], "models": {"base": "b", "student": name}}
            recipe = with_evaluation(tiny_recipe, sets=[str(sums)], engine=engine)
            server.bodies.clear()
            evaluate(recipe, [], {"student": tmp_path / "nobody reads it"}, at, lambda *_: None, trained)
            at.rename(tmp_path / f"evaluation.{len(list(tmp_path.glob('evaluation.*'))):08x}")
            return Counter(body["model"] for body in server.bodies)

        assert asked_of("first") == {"b": 20, "first": 20}
        assert asked_of("second") == {"second": 20}
        assert asked_of("first") == {}


def test_a_prompt_that_leaves_no_room_is_refused(tiny_recipe: dict[str, Any], sums: Path, tmp_path: Path) -> None:
    recipe = with_evaluation(tiny_recipe, sets=[str(sums)], max_tokens=505)
    with pytest.raises(
        Refused, match=r"evaluate.max_tokens=505 and the prompt of problem sums-\d+ of sums, \d+ tokens"
    ):
        done(recipe, Path(recipe.student.model), tmp_path / "evaluation")
    assert not list((tmp_path / "evaluation").rglob("*.samples.jsonl"))


URL = "http://127.0.0.1:1/v1"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"engine": {"kind": "endpoint", "base_urls": [URL], "models": {"base": "b"}}}, "serves student"),
        (
            {
                "engine": {
                    "kind": "endpoint",
                    "base_urls": [URL],
                    "models": {"base": "b", "student": "s"},
                    "api_key_env": "NO_SUCH_KEY",
                }
            },
            "evaluate.engine.api_key_env=NO_SUCH_KEY",
        ),
        ({"teacher": True, "sets": ["held_out", "math500"]}, "a program knows only held_out"),
    ],
)
def test_what_is_refused_before_the_run(tiny_recipe: dict[str, Any], fields: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        refuse_unfit(with_evaluation(tiny_recipe, **fields))


def test_vllm_that_is_not_there_and_students_it_cannot_serve(
    tiny_recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(Refused, match=r"evaluate\.engine=vllm needs vLLM, which is not installed"):
        refuse_unfit(with_evaluation(tiny_recipe, engine="vllm"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    (tmp_path / "x.gguf").touch()
    packed = tiny_recipe | {"student": {"model": str(tmp_path / "x.gguf")}}
    with pytest.raises(Refused, match=r"x\.gguf is a GGUF file"):
        refuse_unfit(with_evaluation(packed, engine="vllm"))
    with pytest.raises(Refused, match="vLLM serves none of DoRA"):
        refuse_unfit(
            with_evaluation(tiny_recipe | {"train": {"use_dora": True}}, engine={"kind": "vllm", "adapter": True})
        )
    whole = tiny_recipe | {"train": {"method": "full"}}
    with pytest.raises(Refused, match=r"and with train\.method=full all weights are trained"):
        refuse_unfit(with_evaluation(whole, engine={"kind": "vllm", "adapter": True}))


def test_only_what_shapes_answers_redoes_an_evaluation(tiny_recipe: dict[str, Any], sums: Path) -> None:
    def mark(**fields: Any) -> str:
        return fingerprints(with_evaluation(tiny_recipe, **fields))["evaluate"]

    served = {"kind": "vllm", "concurrency": 3}
    assert mark(engine="vllm") == mark(engine=served) == mark(engine={"kind": "vllm", "max_num_seqs": 9})
    assert mark(engine="vllm") != mark(engine={"kind": "vllm", "quantization": "fp8"}) != mark()
    before = mark(sets=[str(sums)])
    assert mark(sets=[str(sums)]) == before
    sums.write_text(sums.read_text() + "\n")
    assert len({mark(sets=[str(sums)]), before, mark(), mark(preset="r1"), mark(teacher=True)}) == 5


def test_a_plan_counts_sets_and_presets(tiny_recipe: dict[str, Any]) -> None:
    assert asked(with_evaluation(tiny_recipe), 12) == (12, 12)
    sets = ["held_out", "aime24", {"name": "gsm8k", "count": 100}]
    given = {"sets": sets, "preset": "r1", "max_tokens": None}
    assert asked(with_evaluation(tiny_recipe, **given), 12) == (64 * (12 + 30 + 100), 32768)
