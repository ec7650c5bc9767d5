"""reasoning_gym: every data set makes the same problems anywhere, and its own answers are correct."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import refused
from gyms import MAKER, NAMES, problems_of, spec, time_limit, verdict
from stub_server import StubServer
from stub_server import answer as served

from distill.curate.decontamination.questions import asked
from distill.errors import Refused
from distill.gym_problems import draw
from distill.problems import make_problems, read_problems, source_fingerprint, write_problems
from distill.recipe import GymProblems
from distill.recipe_file import load, parse
from distill.records import Problem
from distill.verify import judge, stated
from distill.verify.gym import Scorer, extract
from distill.verify.gym_rules import is_right_too
from distill.verify.tagged import decode, encode

GARBAGE = ("hello there", "I cannot say.", "nan", "[NaN, NaN, NaN]", "????", "<answer>")

__all__ = ["time_limit"]  # a fixture

WITHOUT_ORACLE = {
    "boxnet": None,
    "graph_color": lambda metadata: json.dumps(metadata["possible_answer"]),
    "propositional_logic": lambda metadata: metadata["example_answer"],
    "rubiks_cube": lambda metadata: metadata["example_correct_answer"],
    "rush_hour": None,
}
"""Data sets that give no answer, and where an example stands if there is one."""


def all_problems() -> dict[str, list[Problem]]:
    return {name: problems_of(name) for name in NAMES}


def test_every_data_set_is_taken_or_refused() -> None:
    assert len(NAMES) > 100
    for name, found in all_problems().items():
        assert [p.held_out for p in found] == [False, False, True], name
        assert len({p.question for p in found}) == len({p.id for p in found}) == 3, name


def test_another_process_makes_the_same() -> None:
    """Some generators go by the order of sets, which differs from process to process unless it is fixed."""
    other = Scorer()
    try:
        again = {name: draw(spec(name, count=2, held_out=1), 3, other) for name in NAMES}
    finally:
        other.close()
    assert [name for name in NAMES if again[name] != problems_of(name)] == []


def test_our_records_keep_them(tmp_path: Path) -> None:
    all_ = [p for found in all_problems().values() for p in found]
    write_problems(tmp_path / "problems.parquet", all_)
    assert read_problems(tmp_path / "problems.parquet") == all_


def test_oracle_answers_are_correct() -> None:
    missing = set()
    for name, found in all_problems().items():
        for p in (Problem.model_validate_json(p.model_dump_json()) for p in found):
            if p.answer or name not in WITHOUT_ORACLE:
                assert judge(p.kind, stated(p), p.answer, p.data).verdict == "correct", (name, p.answer)
            elif example := WITHOUT_ORACLE[name]:
                assert verdict(p, example(decode(p.data["entry"])["metadata"])) == "correct", name
            else:
                missing.add(name)
    assert missing == {"boxnet", "rush_hour"}  # give no example either


def test_garbage_is_never_correct() -> None:
    accepted = [
        (name, text)
        for name, found in all_problems().items()
        for text in GARBAGE
        if verdict(found[0], text) == "correct"
    ]
    assert accepted == []


def test_scorers_that_take_wrong_answers_are_watched() -> None:
    life = problems_of("game_of_life_halting")[0]
    other = "True" if life.answer == "False" else "False"
    assert (verdict(life, life.answer), verdict(life, other)) == ("correct", "wrong")
    sums = problems_of("puzzle24")[0]
    numbers = decode(sums.data["entry"])["metadata"]["numbers"]
    assert sorted(numbers) != [3, 3, 5, 5]
    assert (verdict(sums, sums.answer), verdict(sums, "3*3+5*3")) == ("correct", "wrong")
    sort = problems_of("number_sorting")[0]
    nans = json.dumps([float("nan")] * len(json.loads(sort.answer.replace("'", '"'))))
    assert (verdict(sort, sort.answer), verdict(sort, nans)) == ("correct", "wrong")
    assert verdict(problems_of("complex_arithmetic")[0], "nan") == "wrong"


def test_partial_scores_are_told_and_can_be_enough() -> None:
    found = problems_of("word_sorting")[0]
    words = found.answer.split(", ")
    swapped = ", ".join([words[1], words[0], *words[2:]])
    told = judge(found.kind, f"<answer>{swapped}</answer>", found.answer, found.data)
    assert (told.verdict, told.reason[:6]) == ("wrong", "score ")
    assert 0 < float(told.reason[6:]) < 1
    lenient = {**found.data, "min_score": 0.1}
    assert judge(found.kind, f"<answer>{swapped}</answer>", found.answer, lenient).verdict == "correct"


# ---- where the answer stands ----


@pytest.mark.parametrize(
    ("response", "found"),
    [
        ("<answer>4</answer> no, <answer> 5 </answer>.", "5"),
        ("So \\boxed{5}.", "5"),
        ("So \\boxed{\\text{no}}.", "no"),
        ("\\boxed{4}, that is <answer>\\boxed{5}</answer>", "5"),
        ("<answer>\n1 2\n3 4\n</answer>", "1 2\n3 4"),
        ("<answer></answer>", ""),
        ("It is 5.", None),
        ("<answer>5", None),
        ("5</answer>", None),
    ],
)
def test_where_the_answer_stands(response: str, found: str | None) -> None:
    assert extract(response) == found


def test_types_survive_json() -> None:
    value = {"a": (1, [2, {3, 4}]), 5: {(6, 7): "x"}, "$type": None, "f": frozenset({1})}
    back = decode(json.loads(json.dumps(encode(value))))
    assert back == value
    assert type(back["a"]) is tuple
    with pytest.raises(TypeError, match="object cannot be written"):
        encode([object()])


# ---- recipes ----


def test_weights_seeds_and_growth() -> None:
    mixture = ({"name": "gcd", "weight": 9}, "chain_sum")
    small, large = (draw(spec(*mixture, count=n, held_out=20), 0, MAKER) for n in (40, 80))
    assert [p for p in large if p.held_out] == [p for p in small if p.held_out]
    assert [p for p in large if not p.held_out][:40] == [p for p in small if not p.held_out]
    assert sum(p.data["dataset"] == "gcd" for p in large) > 70
    other = draw(spec(*mixture, count=40, held_out=20), 1, MAKER)
    assert not {p.question for p in other} & {p.question for p in small}


def test_puzzles_drawn_with_punctuation_are_different_problems() -> None:
    found = draw(spec("rectangle_count", count=4, held_out=2), 0, MAKER)
    assert len({asked(p) for p in found}) == 6


@pytest.mark.parametrize(
    ("datasets", "said", "hint"),
    [
        (["chain_sun"], "reasoning_gym has no data set 'chain_sun'", "Did you mean 'chain_sum'?"),
        ([{"name": "gcd", "config": {"max_valu": 3}}], "did you mean 'max_value'?", "It has: "),
        ([{"name": "gcd", "config": {"max_value": 0}}], "'gcd' of reasoning_gym does not take its config: ", ""),
        ([{"name": "gcd", "config": {"max_value": "many"}}], "does not take its config: '>' not supported", ""),
        (["codeio"], "'codeio' of reasoning_gym makes its problems by running programs", ""),
        (["composite"], "list those under problems.datasets", ""),
        ([{"name": "count_bits", "config": {"min_n": 1, "max_n": 5}}], "gave 5 different problems and in", "Ask for"),
    ],
)
def test_refusals(datasets: list[Any], said: str, hint: str) -> None:
    with pytest.raises(Refused) as caught:
        draw(spec(*datasets, count=10, held_out=10), 0, MAKER)
    assert said in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("problems", "said"),
    [
        ({"datasets": []}, "at least 1 item"),
        ({"datasets": [{"name": "gcd", "weigth": 2}]}, "unknown key 'problems.datasets.0.weigth'"),
        ({"datasets": [{"name": "gcd", "weight": 0}]}, "greater than 0"),
        ({"datasets": [{"name": "gcd", "config": {"seed": 1}}]}, "set seed instead of 'seed'"),
        ({"datasets": [{"name": "gcd", "config": {"size": 1}}]}, "set problems.count and problems.held_out instead"),
        ({}, "key 'problems.datasets' is missing"),
    ],
)
def test_bad_recipes(problems: dict[str, Any], said: str) -> None:
    tree = {"name": "x", "teacher": {"kind": "local", "model": "m"}, "student": {"model": "m"}}
    with pytest.raises(Refused) as caught:
        parse(tree | {"problems": {"source": "reasoning_gym", **problems}})
    assert said in str(caught.value)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distill.gym_problems.installed_version", lambda: None)
    with pytest.raises(Refused, match="which is not installed") as caught:
        source_fingerprint(spec("gcd"))
    assert caught.value.hint == "pip install 'distill[gym]'"
    monkeypatch.setattr("distill.gym_problems.installed_version", lambda: "9.9")
    with pytest.raises(Refused, match=r"reasoning_gym 9.9 is installed"):
        source_fingerprint(spec("gcd"))


def test_another_version_judges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distill.verify.gym.installed_version", lambda: "9.9")
    assert verdict(problems_of("gcd")[0], problems_of("gcd")[0].answer) == "unknown"


def test_nothing_is_imported_here() -> None:
    code = "import sys, distill.verify, distill.gym_problems; print('reasoning_gym' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n"


def gold_of(problems: dict[str, Any]) -> dict[str, str]:
    return {p.question: p.answer for p in make_problems(GymProblems.model_validate(problems), 0)}


def test_harvest_and_curation(distill: Any, tiny_recipe: dict[str, Any], tmp_path: Path) -> None:
    """An endpoint's answers, right, wrong and hostile; puzzles that differ in punctuation alone are all kept."""
    problems = {
        "source": "reasoning_gym",
        "datasets": ["chain_sum", "simple_integration", "rectangle_count"],
        "count": 12,
        "held_out": 4,
    }
    gold = gold_of(problems)
    hostile = f"<answer>__import__('os').system('touch {tmp_path / 'pwned'}')</answer>"

    def script(body: dict[str, Any], _: int) -> list[Any]:
        right = f"I see.</think>So <answer>{gold[body['messages'][-1]['content']]}</answer>"
        return served([right, hostile, "<answer>0.5 no</answer>"][body["seed"] % 3])

    recipe = {**tiny_recipe, "problems": problems, "harvest": {"max_tokens": 64, "samples_per_problem": 3}}
    path = tmp_path / "gym.yaml"
    with StubServer(script) as server:
        recipe["teacher"] = {"kind": "endpoint", "model": "r1", "base_urls": [server.url], "concurrency": 4}
        path.write_text(json.dumps(recipe))
        done = distill("run", path, "--until", "curate", "--run-dir", tmp_path / "run")
    assert done.code == 0, done.err
    verdicts = [json.loads(line) for line in (tmp_path / "run/traces/verdicts.jsonl").open()]
    assert {v["verdict"] for v in verdicts} == {"correct", "wrong", "unknown"}
    assert len(verdicts) == 36
    assert not (tmp_path / "pwned").exists()
    solved = {v["trace_id"].split("/")[0] for v in verdicts if v["verdict"] == "correct"}
    assert sum(i.startswith("rectangle_count") for i in solved) > 1
    assert json.loads((tmp_path / "run/curated/funnel.json").read_text())[-1]["traces"] == len(solved)


def test_the_whole_journey(distill: Any, tiny_recipe: dict[str, Any], tmp_path: Path) -> None:
    problems = {"source": "reasoning_gym", "datasets": ["chain_sum"], "count": 8, "held_out": 4}
    gold = gold_of(problems)
    recipe = {**tiny_recipe, "problems": problems, "harvest": {"max_tokens": 64}}
    path = tmp_path / "gym.yaml"
    with StubServer(lambda body, _: served(f"<answer>{gold[body['messages'][-1]['content']]}</answer>")) as server:
        recipe["teacher"] = {"kind": "endpoint", "model": "r1", "base_urls": [server.url]}
        path.write_text(json.dumps(recipe))
        dry = distill("run", path, "--dry-run", "--run-dir", tmp_path / "run")
        plan = distill("plan", path)
        done = distill("run", path, "--run-dir", tmp_path / "run")
        asked_for = len(server.bodies)
        again = distill("run", path, "--run-dir", tmp_path / "run")
    assert (dry.code, plan.code, done.code, again.code) == (0, 0, 0, 0), dry.err + plan.err + done.err + again.err
    assert "8 to train on, 4 held out" in plan.out
    assert (len(server.bodies), asked_for) == (8, 8)
    assert json.loads((tmp_path / "run/evaluation/summary.json").read_text())["sets"]["held_out"]["protocol"]["n"] == 4


def test_the_command_line_refuses_in_one_sentence(distill: Any, tiny_recipe: dict[str, Any], tmp_path: Path) -> None:
    recipe = {**tiny_recipe, "teacher": {"kind": "endpoint", "model": "r1", "base_urls": ["http://127.0.0.1:9/v1"]}}
    recipe["problems"] = {"source": "reasoning_gym", "datasets": ["chain_sun"], "count": 2, "held_out": 1}
    path = tmp_path / "gym.yaml"
    path.write_text(json.dumps(recipe))
    for arguments in (["--dry-run"], ["--run-dir", tmp_path / "run"]):
        refused(distill("run", path, *arguments), "reasoning_gym has no data set 'chain_sun'")
    assert not (tmp_path / "run" / "problems.parquet").exists()


def test_the_shipped_recipe_makes_its_problems() -> None:
    found = load("cpu/reasoning_gym")
    made = make_problems(found.problems, found.seed)
    assert len(made) == 120
    assert {p.data["dataset"] for p in made} == {"chain_sum", "gcd", "letter_counting"}


@pytest.mark.parametrize("name", ["gcd", "chain_sum", "dice", "rotate_matrix", "jugs", "caesar_cipher", "mini_sudoku"])
@pytest.mark.parametrize(
    "wrapped",
    ["${}$", "$\\boxed{{{}}}$", "**{}**", "\\({}\\)", "\n```\n{}\n```\n", "```json\n{}\n```", "`{}`", "$$ {} $$"],
)
def test_what_stands_around_an_answer(name: str, wrapped: str) -> None:
    for problem in problems_of(name):
        assert verdict(problem, wrapped.format(problem.answer)) == "correct"


def test_numbers_as_people_write_them() -> None:
    (problem, *_) = problems_of("chain_sum")
    assert verdict(problem, problem.answer.replace("-", "\u2212") + ".") == "correct"
    big = problem.model_copy(update={"data": problem.data | {"dataset": "gsm_symbolic"}, "answer": "3607"})
    big.data["entry"] = problem.data["entry"] | {"answer": "3607", "metadata": {}}
    big.data["config"] = {}
    for text, expected in {"3,607": "correct", "$3,607": "correct", "3607": "correct", "-3607": "wrong"}.items():
        assert verdict(big, text) == expected, text


@pytest.mark.parametrize(
    ("name", "metadata", "gold", "taken", "not_taken"),
    [
        ("puzzle24", {"numbers": [7, 7, 2, 1]}, "7*2+7+1", [], ["7*7/2*1", "7*7//2*1"]),
        ("puzzle24", {"numbers": [4, 8, 5, 1]}, "", [], ["4.8*5*1"]),
        ("countdown", {"numbers": [1, 5, 80], "target": 120}, "", [], ["1.5*80"]),
        ("countdown", {"numbers": [999, 1, 150], "target": 999}, "", [], ["999+1/150"]),
        ("countdown", {"numbers": [3, 7, 12], "target": 33}, "3*7+12", ["-(-3*7) + 12", "12--7*3"], ["33", "3*7+12+0"]),
        ("coin_flip", {}, "0.65625", ["0.65625", "0.6562"], ["0", "0.", "0.6", "x" * 9]),
        ("decimal_arithmetic", {}, "25.413", ["25.413", "25.4130"], ["25.414", "1e999999999"]),
        ("spell_backward", {}, "elulip", ["elulip", "Elulip"], ["elulipp", "elulipip"]),
        ("word_sorting", {"sorted_words": ["a", "b"]}, "a, b", ["a, b", "a,b"], ["a, b, zebra"]),
    ],
)
def test_what_scorers_take_too_lightly(
    name: str, metadata: dict[str, Any], gold: str, taken: list[str], not_taken: list[str]
) -> None:
    entry = {"answer": gold, "metadata": metadata}
    assert [text for text in taken if not is_right_too(name, text, entry)] == []
    assert [text for text in [*not_taken, "9" * 5000] if is_right_too(name, text, entry)] == []
