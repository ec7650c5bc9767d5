"""Files of one name, sets by name and defaults of a selection: rows, evidence and card tell them apart."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from candidates import candidate
from commands import refused
from published import rows_of
from trace_files import COLUMNS, written

from distill.curate.decontamination.decontaminate import Decontaminator
from distill.curate.decontamination.questions import Question, contaminated
from distill.curate.files.short_names import short_names
from distill.curate.output.card import Inputs, data_card
from distill.curate.stage import curate_source
from distill.curate.steps.funnel import Step
from distill.curate.traces.published_traces import PublishedTraces
from distill.recipe_curate import Curate, Mix
from distill.recipe_prompts import Prompt

CLIPS = (
    "Natalia sold clips to {} of her friends in April, and then she sold half as many clips in May. How many clips did"
)
CLIPS += " Natalia sell altogether in April and May?"
WALLET = (
    "Betty is saving money for a new wallet which costs $100. Betty has only half of the money she needs. Her parents"
)
WALLET += (
    " decided to give her $15 for that purpose, and her grandparents twice as much as her parents. How much more money"
)
WALLET += " does Betty need to buy the wallet?"
REWORDED = "Betty is saving cash for a wallet which costs $100. Betty has only half of the money she needs. Her parents"
REWORDED += " decided to give her $15 for that, and her grandparents twice as much as them. How much more does"
REWORDED += " Betty need for the wallet?"


def traces(*questions: str) -> list[dict[str, Any]]:
    return [{"question": q, "response": f"<think>so</think> {q[:9]}", "verdict": "correct"} for q in questions]


def command_of(folder: Path) -> list[str]:
    command = re.search(r"```bash\n(.*)\n```", (folder / "README.md").read_text())
    assert command is not None
    return shlex.split(command[1])


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Files of one name in two folders."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        Path(name).mkdir()
    one = written(Path("a/train.jsonl"), traces("What is the capital of the first country?"))
    return one, written(Path("b/train.jsonl"), traces("How long does the second river flow?"))


def test_names_are_as_short_as_they_can_be() -> None:
    files = [Path("/d/x/a/train.jsonl"), Path("/d/y/a/train.jsonl"), Path("/d/other.jsonl"), Path("/train.jsonl")]
    assert short_names(files) == ["x/a/train.jsonl", "y/a/train.jsonl", "other.jsonl", "train.jsonl"]
    assert short_names([files[0], files[0]]) == ["train.jsonl", "train.jsonl"]
    assert short_names([]) == []


def test_rows_of_files_of_one_name_tell_which_it_was(two: tuple[Path, Path], distill: Any) -> None:
    assert distill("select", *two, "select=all", "--out", "out").code == 0
    rows = {row["question"][:3]: (row["file"], row["source"]) for row in rows_of(Path("out"))}
    assert rows == {"Wha": ("a/train.jsonl", "a/train.jsonl"), "How": ("b/train.jsonl", "b/train.jsonl")}
    again = [word.replace("FOLDER", "again") for word in command_of(Path("out"))]
    assert distill(*again[1:]).code == 0
    assert rows_of(Path("again")) == rows_of(Path("out"))


def test_evaluation_sets_of_one_name_are_two_sets(tmp_path: Path, distill: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for name, question in (("gsm8k", WALLET), ("other", CLIPS.format(48))):
        Path(name).mkdir()
        written(Path(name) / "test.jsonl", [{"question": question}])
    file = written(Path("t.jsonl"), traces(WALLET, "What is the capital of the first country?"))
    keys = "evaluation_sets=[gsm8k/test.jsonl, other/test.jsonl]"
    out = distill("select", file, "select=all", keys, "--out", "out").out
    assert "(against gsm8k/test.jsonl, other/test.jsonl)" in out
    (found,) = (json.loads(line) for line in Path("out/contaminated.jsonl").read_text().splitlines())
    assert found["where"] == "gsm8k/test.jsonl, row 1"
    assert 'evaluation_sets=["gsm8k/test.jsonl", "other/test.jsonl"]' in command_of(Path("out"))


def test_the_command_names_sets_on_the_hub_and_general_data_with_their_digests(
    tmp_path: Path, distill: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    general = written(Path("general.jsonl"), [{"prompt": f"Tell me of {n}.", "completion": "Yes."} for n in range(9)])
    file = written(Path("t.jsonl"), traces("What is the capital of the first country?"))
    out = distill("select", file, "select=all", "fill=less", "mix=[{path: general.jsonl, share: 0.95}]", "--out", "out")
    assert "(9 rows of 19 for its share of general.jsonl)" in out.out
    from distill.given_paths import content_digest

    assert f"| general.jsonl | `{content_digest(general)}` |" in Path("out/README.md").read_text()
    spec = Curate(select="random", evaluation_sets=["me/questions[main]:test"])
    row = {"source": "s", "licence": "mit", "teacher": "t", "verdict": "unknown", "verdict_by": "nobody"}
    row |= {"sampling": "{}", "completion_tokens": 5, "problem_id": "p"}
    inputs = Inputs((), [("me/questions[main]:test", 1, "0")], ["distill", "select", "t.jsonl"])
    card = data_card({name: [value] for name, value in row.items()}, [Step("all", 1, 1)], spec, 0, inputs)
    assert 'evaluation_sets=["me/questions[main]:test"]' in card


def test_one_answer_a_question_stays_one_in_the_command(tmp_path: Path, distill: Any, monkeypatch: Any) -> None:
    """`openthoughts` takes sixteen unless it is told otherwise, and others one."""
    monkeypatch.chdir(tmp_path)
    rows = [row | {"response": f"<think>{n}</think> so"} for n in range(3) for row in traces("What is it, and why?")]
    file = written(Path("t.jsonl"), rows)
    assert distill("select", file, "select=openthoughts", "traces_per_problem=1", "--out", "out").code == 0
    again = [word.replace("FOLDER", "again") for word in command_of(Path("out"))]
    assert distill(*again[1:]).code == 0
    assert len(rows_of(Path("again"))) == len(rows_of(Path("out"))) == 1


def test_a_problem_that_holds_a_copy_goes_also_where_it_is_more_like_another_pattern() -> None:
    text = f"{CLIPS.format(72)} {REWORDED}"
    finder = Decontaminator([CLIPS.format(48), WALLET], ["e", "e"])
    assert [flag.match.kind for flag in finder.flags([text])] == ["near", "changed"]
    problem = candidate("p", 0).problem.model_copy(update={"question": text})
    (found,) = contaminated([problem], [], [Question(CLIPS.format(48), "e"), Question(WALLET, "e")])
    assert (found.kind, found.question) == ("near", WALLET)


@pytest.mark.parametrize(("drop", "left", "told"), [(False, 2, "1 more"), (True, 1, "1 of them with other numbers")])
def test_problems_with_other_numbers_are_dropped_where_that_is_wanted(
    tmp_path: Path, distill: Any, drop: bool, left: int, told: str
) -> None:
    file = written(tmp_path / "t.jsonl", traces(CLIPS.format(72), "What is the capital of the first country?"))
    sets = written(tmp_path / "e.jsonl", [{"question": CLIPS.format(48)}])
    chats = [{"prompt": f"Tell me of {n}.", "completion": "Yes."} for n in range(3)]
    chats.append({"prompt": CLIPS.format(96), "completion": "144"})
    general = written(tmp_path / "general.jsonl", chats)
    words = [f"evaluation_sets=[{sets}]", f"mix=[{{path: {general}, share: 0.9}}]", "fill=less", "select=all"]
    out = distill("select", file, *words, f"drop_changed={str(drop).lower()}", "--out", tmp_path / "out")
    assert told in out.out
    rows = rows_of(tmp_path / "out")
    assert sum(row["selected_as"] == "all" for row in rows) == left
    assert any(row["completion"] == "144" for row in rows) != drop
    assert len((tmp_path / "out" / "contaminated.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"decontaminate": False, "drop_changed": True}, "looks for none"),
        ({"deduplicate": False, "distinct_traces": 0.2}, "compares nothing"),
        ({"deduplicate": False, "near_duplicates": 0.9}, "compares nothing"),
        ({"select": "s1", "rows": 5, "s1": {"keep_longer_than": 5600}}, "which names none"),
        ({"difficulty": {"keep_undecided": True}}, "or leave the section out"),
    ],
)
def test_keys_of_what_is_switched_off_are_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Curate(**keys)


def test_general_data_asks_nothing_of_the_problems_that_a_run_holds_out(tmp_path: Path) -> None:
    file = written(tmp_path / "t.jsonl", traces("What is the capital of the first country?"))
    chats = [{"prompt": WALLET, "completion": "5"}, {"prompt": "Tell me of ships.", "completion": "They float."}]
    general = written(tmp_path / "general.jsonl", chats)
    held_out = candidate("h", 0).problem.model_copy(update={"question": WALLET})
    spec = Curate(select="all", fill="less", mix=[Mix(path=str(general), share=0.9)])
    source = PublishedTraces((file,), COLUMNS)
    counts = curate_source(source, spec, 0, [held_out], Prompt().messages, tmp_path / "out")
    assert {row["completion"] for row in rows_of(tmp_path / "out") if row["selected_as"] == "mix"} == {"They float."}
    assert counts["funnel"][-1]["note"].endswith("1 that ask for the evaluation left out")


def test_links_to_files_without_a_suffix_are_read_as_a_hub_cache_has_them(tmp_path: Path, distill: Any) -> None:
    blob = tmp_path / "4f2c"
    pq.write_table(pa.Table.from_pylist(traces("What is the capital of the first country?")), blob)
    (tmp_path / "train.parquet").symlink_to(blob)
    assert distill("select", tmp_path / "train.parquet", "select=all", "--out", tmp_path / "out").code == 0
    assert [row["file"] for row in rows_of(tmp_path / "out")] == ["train.parquet"]


def test_a_file_that_is_named_twice_is_refused(two: tuple[Path, Path], distill: Any) -> None:
    Path("link.jsonl").symlink_to(two[0])
    for again in (two[0], Path("link.jsonl")):
        refused(distill("select", two[0], again, "select=all", "--out", "out"), f"{again} is named twice")


def test_traces_that_were_cut_are_told_as_that(tmp_path: Path, distill: Any) -> None:
    file = written(tmp_path / "t.jsonl", [{"question": "What is it?", "response": "<think>never ends"}])
    outcome = distill("select", file, "require_verdict=any_i_accept_wrong_traces", "--out", tmp_path / "out")
    refused(outcome, "after the step 'finished'")
    assert "cut are never trained on" in outcome.err
