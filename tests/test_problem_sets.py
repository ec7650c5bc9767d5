"""Sets of an evaluation: known ones by their definition, files, data sets of the hub; every gold answer holds."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubServer
from hub_store import Blob, Repository
from pydantic import ValidationError

from distill.errors import Refused
from distill.evaluate.gold import refuse_broken_gold
from distill.evaluate.known_sets import DEFINITIONS
from distill.evaluate.sets import ProblemSet, problem_sets, sets_fingerprint
from distill.recipe import Evaluate
from distill.recipe_evaluate import KNOWN_SETS, EvaluationSet

FILES = {
    "math500": "math500.jsonl",
    "aime24": "aime24.jsonl",
    "aime25": "aime25.jsonl",
    "gsm8k": "gsm8k_test.jsonl",
    "humaneval": "HumanEval.jsonl.gz",
    "mbpp": "mbpp.jsonl",
}


def read(spec: dict[str, Any] | str, seed: int = 0) -> ProblemSet:
    (found,) = problem_sets(Evaluate.model_validate({"sets": [spec]}).sets, [], seed)
    return found


def written(path: Path, *rows: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_every_name_has_a_definition() -> None:
    assert tuple(DEFINITIONS) == KNOWN_SETS


@pytest.mark.parametrize("name", FILES)
def test_known_sets_from_their_files(name: str, data: Path) -> None:
    """As many problems as are published, each with an id; every gold answer is right, programs drawn."""
    found = read({"name": name, "path": str(data / FILES[name])})
    assert len(found.problems) == DEFINITIONS[name].problems
    assert len({p.id for p in found.problems}) == len(found.problems)
    assert all(p.held_out and p.source == FILES[name] for p in found.problems)
    refuse_broken_gold(found.problems if found.kind == "math" else found.problems[::40])


def test_levels_and_subjects_come_with_math500(data: Path) -> None:
    first = read({"name": "math500", "path": str(data / "math500.jsonl")}).problems[0]
    assert first.known == {"subject": "Precalculus", "level": 2.0}
    assert first.id == "test/precalculus/807.json"


def test_a_file_names_its_problems_and_their_levels(tmp_path: Path) -> None:
    """Columns that data sets commonly have; not where a name stands twice, or a text sorts nothing."""
    rows = [{"question": f"{i}?", "answer": i, "id": f"p/{i}", "level": i % 2, "type": "x" * 80} for i in range(4)]
    found = read(written(tmp_path / "mine.jsonl", *rows)).problems
    assert [p.id for p in found] == ["p/0", "p/1", "p/2", "p/3"]
    assert [p.known for p in found] == [{"level": float(i % 2)} for i in range(4)]
    other = read({"path": str(tmp_path / "mine.jsonl"), "id_key": "question", "known_keys": ["answer"]}).problems
    assert (other[1].id, other[1].known) == ("1?", {"answer": 1.0})
    twice = [row | {"id": "same", "unique_id": None, "level": float("nan")} for row in rows]
    assert [(p.id, p.known) for p in read(written(tmp_path / "b.jsonl", *twice)).problems[:2]] == [
        ("b-0", {}),
        ("b-1", {}),
    ]


@pytest.mark.parametrize("odd", [10**400, ["a", "b"], "x" * 80, {"a": 1}, None])
def test_no_level_is_made_of_what_is_none(tmp_path: Path, odd: Any) -> None:
    """A list's length, or a long text's, would be told as a level among those of the other rows."""
    rows = [{"question": "1?", "answer": 1, "level": level} for level in (odd, "hard")]
    found = [p.known for p in read(written(tmp_path / "mine.jsonl", *rows)).problems]
    told = not isinstance(odd, str | list)
    assert found == [{}, {"level": "hard"} if told else {}]


def test_mbpp_shows_its_tests(data: Path) -> None:
    problem = read({"name": "mbpp", "path": str(data / "mbpp.jsonl")}).problems[0]
    assert problem.id == "11"
    assert 'assert remove_Occ("hello","l") == "heo"' in problem.question


MBPP = {"task_id": 11, "code": "def f(): return 1", "test_list": ["assert f() == 1"]}


def test_sanitized_mbpp_has_its_tasks_under_another_name(tmp_path: Path) -> None:
    """`prompt`, where the whole set has `text`: asked without it, every model would be asked about nothing."""
    found = read({"name": "mbpp", "path": written(tmp_path / "mbpp.jsonl", MBPP | {"prompt": "Write one."})})
    assert found.problems[0].question == "Write one. Your code should pass these tests:\n\nassert f() == 1"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"code": "x"}, "mbpp, row 2: 'question' is missing"),
        ({"text": ["Write one."]}, "mbpp, row 2: 'question' is a list"),
        ({"text": "Write one.", "task_id": "Mbpp/11"}, "mbpp, row 2: 'task_id' is 'Mbpp/11', no number"),
        ({"text": "Write one.", "task_id": None}, "mbpp, row 2: 'task_id' is missing"),
        ({"text": "Write one.", "test_list": 3}, "tests are not in the layout of mbpp"),
        ({"text": "Write one.", "test_list": None}, "mbpp, row 2: 'test_list' is empty or null"),
    ],
)
def test_rows_that_are_none_of_mbpp_are_refused(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    path = written(tmp_path / "mbpp.jsonl", MBPP | {"text": "Write one."}, MBPP | {"task_id": 12} | row)
    with pytest.raises(Refused, match=said):
        refuse_broken_gold(read({"name": "mbpp", "path": path}).problems)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("math500", {"unique_id": "1", "subject": "Algebra", "level": 1, "answer": "2"}),
        ("math500", {"unique_id": "1", "problem": "1 + 1?", "answer": "2", "level": 1}),
        ("gsm8k", {"question": "1 + 1?", "answer": "2"}),
        ("humaneval", {"task_id": "1", "prompt": "def f():", "entry_point": "f", "canonical_solution": " pass"}),
    ],
)
def test_whoever_lacks_a_column_of_a_known_set_is_sent_to_no_key_that_is_refused(
    tmp_path: Path, name: str, row: dict[str, Any]
) -> None:
    with pytest.raises(Refused) as caught:
        read({"name": name, "path": written(tmp_path / "rows.jsonl", row)})
    assert caught.value.hint == (
        f"{name} is read by its own definition, and its columns are fixed; {{path: FILE}} asks a file with others."
    )


def test_a_wrong_canonical_program_is_refused(data: Path) -> None:
    found = read({"name": "humaneval", "path": str(data / "HumanEval.jsonl.gz"), "count": 1})
    with pytest.raises(Refused, match=r"of problem HumanEval/.* does not verify as equal to itself"):
        refuse_broken_gold([found.problems[0].model_copy(update={"answer": "    return None"})])


GPQA = {
    "Question": "Which is an odd one?",
    "Correct Answer": "three",
    "Incorrect Answer 1": "two",
    "Incorrect Answer 2": "four",
    "Incorrect Answer 3": "six",
    "Record ID": "rec1",
    "High-level domain": "Physics",
}


def test_choices_of_gpqa_are_shuffled_with_the_seed(tmp_path: Path) -> None:
    path = written(tmp_path / "gpqa.jsonl", GPQA)
    letters = [read({"name": "gpqa", "path": path}, seed).problems[0].answer for seed in range(20)]
    assert letters == [read({"name": "gpqa", "path": path}, seed).problems[0].answer for seed in range(20)]
    assert len(set(letters)) > 1
    problem = read({"name": "gpqa", "path": path}).problems[0]
    assert problem.known == {"subject": "Physics"}
    assert f"({problem.answer}) three" in problem.question
    refuse_broken_gold([problem])


def contest(number: int, date: str, **fields: Any) -> dict[str, Any]:
    cases = json.dumps([{"input": "1\n", "output": "2\n", "testtype": "stdin"}])
    return {
        "question_id": f"abc{number}",
        "question_content": "Add one.",
        "contest_date": f"{date}T00:00:00",
        "starter_code": "",
        "difficulty": "easy",
        "public_test_cases": cases,
        "private_test_cases": cases,
        "metadata": "{}",
        **fields,
    }


def test_livecodebench_is_the_window_that_r1_reports(tmp_path: Path) -> None:
    dates = ["2024-07-31", "2024-08-01", "2025-01-31", "2025-02-01"]
    rows = [contest(i, date) for i, date in enumerate(dates)]
    found = read({"name": "livecodebench", "path": written(tmp_path / "lcb.jsonl", *rows)})
    assert [p.id for p in found.problems] == ["abc1", "abc2"]
    assert "Read the inputs from stdin" in found.problems[0].question
    assert found.problems[0].known == {"level": "easy"}


def test_a_set_by_its_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`datasets` loads a folder of that name as it loads one of the hub."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "me" / "sums").mkdir(parents=True)
    written(tmp_path / "me/sums/test.jsonl", {"question": "1 + 1?", "answer": "2"}, {"question": "2?", "answer": "2"})
    found = read("me/sums")
    assert (found.name, len(found.problems), found.problems[0].source) == ("sums", 2, "me/sums")
    with pytest.raises(Refused, match="'me/sums' cannot be had from the hub"):
        read("me/sums:validation")


def test_livecodebench_is_read_from_the_files_of_its_repository(hub: HubServer) -> None:
    texts = {f"test{i}.jsonl": (json.dumps(contest(i, "2024-09-01")) + "\n").encode() for i in (4, 5)}
    files = {name: Blob(hashlib.sha1(text).hexdigest(), len(text), text) for name, text in texts.items()}
    hub.repositories["dataset", "livecodebench/code_generation_lite"] = Repository(private=False, files=files)
    assert [p.id for p in read("livecodebench").problems] == ["abc4", "abc5"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "mine holds no problems"),
        (
            [{"question": "1?", "answer": "1", "id": "a"}, {"question": "2?", "answer": "2", "id": "a"}],
            "more than once",
        ),
        ([{"question": "1?"}], "'answer' is missing"),
    ],
)
def test_sets_that_cannot_be_asked(tmp_path: Path, rows: list[dict[str, Any]], said: str) -> None:
    path = written(tmp_path / "mine.jsonl", *rows)
    with pytest.raises(Refused, match=said) as caught:
        read({"path": path, "id_key": "id" if rows and "id" in rows[0] else None})
    assert "problems." not in caught.value.hint


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (["matt500"], "did you mean 'math500'"),
        (["a/one.jsonl", "b/one.jsonl"], "two sets are called 'one'"),
        ([{"name": "math500", "kind": "number"}], "given by the definition of math500"),
        ([{"name": "mine"}], "name a path or a hub_id"),
        ([{"path": "a.jsonl", "hub_id": "a/b"}], "name one place"),
        ([{"name": "held_out", "count": 3}], "path and count are not for it"),
        ([], "at least 1"),
    ],
)
def test_sets_that_no_recipe_may_have(sets: list[Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Evaluate.model_validate({"sets": sets})


def test_a_file_is_never_taken_for_the_recipes_own_problems(tmp_path: Path) -> None:
    """By its name it would be told as held out by the recipe, and not warned of."""
    assert EvaluationSet(path=str(tmp_path / "held_out.jsonl")).called() == "held_out.file"
    assert EvaluationSet(hub_id="me/held_out").called() == "held_out.hub"
    assert EvaluationSet(name="held_out").called() == "held_out"
    for name in ("summary.json", "vllm.log"):
        with pytest.raises(ValueError, match=f"a set cannot be called '{name}'"):
            EvaluationSet(path=f"{name}.jsonl")


def test_a_recipe_as_resolved_reads_as_itself() -> None:
    spec = Evaluate.model_validate({"sets": ["held_out", "math500", "x/mine.jsonl", "a/b[c]:d"], "engine": "vllm"})
    assert [one.called() for one in spec.sets] == ["held_out", "math500", "mine", "b"]
    assert (spec.sets[3].config, spec.sets[3].split) == ("c", "d")
    assert Evaluate.model_validate(spec.model_dump(mode="json")) == spec


def test_a_set_of_another_content_is_another_evaluation(tmp_path: Path) -> None:
    spec = EvaluationSet(path=written(tmp_path / "x.jsonl", {"question": "1?", "answer": "1"}))
    before = sets_fingerprint([spec])
    assert sets_fingerprint([spec]) == before
    written(tmp_path / "x.jsonl", {"question": "1?", "answer": "2"})
    assert sets_fingerprint([spec]) != before
