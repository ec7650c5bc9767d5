"""What a curation tells of what it did: why problems go, which sources were taken, and a card to do it again with."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from published import rows_of
from trace_files import written

from distill.curate.output.card import Inputs, data_card
from distill.curate.output.picture import as_svg
from distill.curate.steps.funnel import Step
from distill.recipe_curate import Curate


def traces(counts: dict[str, str], **known: Any) -> list[dict[str, Any]]:
    """Of each problem as many traces as its word has letters: c correct, w wrong, u of unknown verdict."""
    verdicts = {"c": "correct", "w": "wrong", "u": None}
    return [
        {
            "question": f"How many pears are in {name} baskets of {len(name) + 17} pears each?",
            "thinking": f"{at} baskets, so " * (at + len(counts)),
            "response": f"\\boxed{{{at}}}",
            "verdict": verdicts[letter],
            "reason": {"c": "", "w": "not equal", "u": "timed out"}[letter],
        }
        | {key: told[name] for key, told in known.items()}
        for name, said in counts.items()
        for at, letter in enumerate(said)
    ]


def selected(tmp_path: Path, distill: Any, rows: list[dict[str, Any]], *words: str) -> Any:
    file = written(tmp_path / "rows.jsonl", rows)
    return distill("select", file, "near_duplicates=null", *words, "--out", tmp_path / "o")


def test_a_panel_of_one_column_of_pass_rates_is_several_answers(tmp_path: Path, distill: Any) -> None:
    rates = {"red": 0.0, "green": 0.25, "blue": 0.5, "grey": 1.0, "black": 0.0}
    rows = traces(dict.fromkeys(rates, "c"), qwen=rates)
    done = selected(tmp_path, distill, rows, "select=all", "difficulty.panel=[qwen]")
    assert done.code == 0
    assert {row["question"].split()[5] for row in rows_of(tmp_path / "o")} == {"red", "black"}
    assert "panel: 3 too easy" in done.out
    single = traces({"red": "c", "grey": "c"}, qwen=rates)
    said = selected(tmp_path, distill, single, "difficulty.panel=[qwen]")
    assert (said.code, "nothing lies between 0 and 1" in said.err) == (2, True)
    assert "`difficulty.accept_a_single_guess=true`" in said.err


def test_what_is_undecided_is_told_with_the_key_that_keeps_it(tmp_path: Path, distill: Any) -> None:
    rows = traces({"red": "cccc", "green": "cwww", "blue": "ww"})
    band = "difficulty.pass_rate={low: 1, high: 3, of: 32}"
    said = selected(tmp_path, distill, rows, band)
    assert said.code == 2
    assert "Of 2 problems 1 are undecided by pass_rate" in said.err
    assert "`difficulty.keep_undecided=true`" in said.err
    done = selected(tmp_path, distill, rows, band, "difficulty.keep_undecided=true")
    assert done.code == 0
    assert "pass_rate: 1 too easy, 1 undecided" in done.out
    done = selected(tmp_path, distill, rows, "difficulty.pass_rate={low: 1, high: 2, of: 4}")
    assert (done.code, "pass_rate: 1 too easy" in done.out) == (0, True)
    limits = "difficulty.tokens={least: 12, most: 20}"
    done = selected(tmp_path, distill, traces({"a": "c", "bb": "cccccc"}), limits)
    assert (done.code, "tokens: 1 too short" in done.out) == (0, True)


def test_the_verdict_step_tells_what_it_rejects(tmp_path: Path, distill: Any) -> None:
    done = selected(tmp_path, distill, traces({"red": "cwwu", "blue": "cw"}), "select=all")
    assert re.search(r"verdict: correct .*\(3 x wrong, 1 x unknown: not judged\)", done.out)


def test_easy_first_wants_verdicts(tmp_path: Path, distill: Any) -> None:
    keys = ["order=easy-first", "require_verdict=correct_or_unknown"]
    said = selected(tmp_path, distill, traces({"red": "u", "blue": "u"}), *keys)
    assert (said.code, "order=easy-first goes by" in said.err) == (2, True)
    done = selected(tmp_path, distill, traces({"red": "u", "blue": "c"}), *keys)
    assert (done.code, "1 problem of unknown difficulty stand last" in done.out) == (0, True)
    done = selected(tmp_path, distill, traces({"red": "c", "blue": "c"}), *keys)
    assert "all problems are equally easy, so that short ones stand first" in done.out


def test_scores_tell_traces_apart_from_judged_ones(tmp_path: Path, distill: Any) -> None:
    keys = ["require_verdict=correct_or_unknown", "select=all"]
    assert selected(tmp_path, distill, traces({"red": "uu", "blue": "cwu"}), *keys).code == 0
    scores = {row["question"].split()[5]: json.loads(row["scores"]) for row in rows_of(tmp_path / "o")}
    counts = {name: (told["correct"], told["judged"], told["sampled"]) for name, told in scores.items()}
    assert counts == {"red": (None, 0, 2), "blue": (1, 2, 3)}


def test_rows_with_and_without_thinking_are_told(tmp_path: Path, distill: Any) -> None:
    rows = traces({"red": "c", "blue": "c"})
    assert "without <think>" not in selected(tmp_path, distill, rows).out
    del rows[0]["thinking"]
    assert "1 of 2 rows without <think>: see require_reasoning" in selected(tmp_path, distill, rows).out


def test_openthoughts_tells_its_sources_and_takes_named_ones(tmp_path: Path, distill: Any) -> None:
    names = {"red": "a", "green": "b", "blue": "c"}
    rows = traces({"red": "ccc", "green": "cc", "blue": "c"}, source=names)
    done = selected(tmp_path, distill, rows, "select=openthoughts", "rows=9", "fill=less")
    assert "of 3 sources those whose traces are longest, by openthoughts.sources: a (1 question, 3 traces" in done.out
    assert "openthoughts, at most 16 a problem, up to 9 rows" in done.out
    assert {row["source"] for row in rows_of(tmp_path / "o")} == {"a", "b"}
    for sources, taken in (("[c, b]", {"b", "c"}), ("1", {"a"}), ("3", {"a", "b", "c"})):
        words = ["select=openthoughts", f"openthoughts.sources={sources}"]
        assert selected(tmp_path, distill, rows, *words).code == 0
        assert {row["source"] for row in rows_of(tmp_path / "o")} == taken
    said = selected(tmp_path, distill, rows, "select=openthoughts", "openthoughts.sources=[d]")
    assert (said.code, "openthoughts.sources names 'd'" in said.err) == (2, True)
    said = selected(tmp_path, distill, rows, "select=all", "openthoughts.sources=[a]")
    assert (said.code, "says how select=openthoughts draws" in said.err) == (2, True)


@pytest.mark.parametrize("name", ["all", "openthoughts, at most 16 a problem, up to 300 rows", "x" * 90])
def test_no_name_is_cut_in_the_picture(name: str) -> None:
    svg = as_svg([Step("sampled", 9, 9), Step(name, 5, 4)])
    end, width = (int(re.search(found, svg)[1]) for found in (r'<text x="(\d+)"', r'viewBox="0 0 (\d+)'))  # type: ignore[index]
    assert 7.7 * len(name) < end < width - 400  # 7.7 pixels: the mean of DejaVu Sans at 14


def test_the_command_of_the_card_makes_the_set_again(tmp_path: Path, distill: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    written(Path("eval.jsonl"), [{"question": "What is the largest prime below 30, and the smallest above it?"}])
    rows = [row | {"solution_text": row["response"], "gold": "0"} for row in traces({"red": "cc", "blue": "c"})]
    file = written(Path("it's rows.jsonl"), rows)
    words = [str(file), "--verify", "--response-key", "solution_text", "--answer-key", "gold", "--system", "Be brief."]
    words += ["traces_per_problem=null", "evaluation_sets=[eval.jsonl]", "difficulty.tokens={least: 1}"]
    assert distill("select", *words, "--seed", "4", "--out", "a").code == 0
    card = Path("a/README.md").read_text()
    command = re.search(r"```bash\n(.*)\n```", card)
    assert command is not None
    again = shlex.split(command[1].replace("FOLDER", "b"))
    assert again[:2] == ["distill", "select"]
    assert distill(*again[1:]).code == 0
    assert rows_of(Path("a")) == rows_of(Path("b"))
    import hashlib

    digest = hashlib.sha256(Path("eval.jsonl").read_bytes()).hexdigest()
    assert f"| eval.jsonl | 1 | `{digest}` |" in card


def test_the_section_of_the_card_is_yaml_of_a_recipe() -> None:
    spec = Curate(select="random", traces_per_problem=None, rows=3, evaluation_sets=["/some/where/e.jsonl", "gsm8k"])
    row = {"source": "s", "licence": "mit", "teacher": "t", "verdict": "unknown", "verdict_by": "nobody"}
    row |= {"sampling": "{}", "completion_tokens": 5, "problem_id": "p"}
    sets = [("e.jsonl", 1, "0" * 64), ("gsm8k", 1319, "1" * 64)]
    card = data_card({name: [value] for name, value in row.items()}, [Step("all", 1, 1)], spec, 0, Inputs((), sets))
    section = re.search(r"```yaml\n(.*?)```", card, re.DOTALL)
    assert section is not None
    held = yaml.safe_load(section[1])["curate"]
    assert Curate(**held) == spec.model_copy(update={"evaluation_sets": ["e.jsonl", "gsm8k"]})
    assert "| unknown, not judged | 1 |" in card


def test_questions_of_a_form_that_s1_leaves_out(tmp_path: Path, distill: Any) -> None:
    asked = ["What is 3^{**}?", "Look at this. ![Image](a.png) How long is AB?", "p1. Add. p2. Subtract."]
    asked += [
        "[asy] draw(A--B); [/asy] How long?",
        "[asy] draw(C--D); [/asy] How wide?",
        "**2.** Solve it.",
        "**So**, is it?",
    ]
    rows = [{"question": question, "response": "\\boxed{3}", "verdict": "correct"} for question in asked]
    rows[4]["source"] = "qq8933/AIME_1983_2024"
    done = selected(tmp_path, distill, rows, "quality.question_form=true")
    assert done.code == 0
    assert {row["question"] for row in rows_of(tmp_path / "o")} == {asked[0], asked[4], asked[6]}
    assert "(1 x drawing, 1 x image, 1 x number in bold, 1 x numbered parts)" in done.out
