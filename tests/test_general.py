"""General data beside the traces: its share, the draw, the order, and what is left out."""

from pathlib import Path
from typing import Any

import pytest
from datasets import load_from_disk
from trace_files import COLUMNS, made, trace_files, written

from distill.curate.decontamination.questions import Question
from distill.curate.general import drawn, merged
from distill.curate.select_files import select_files
from distill.errors import Refused
from distill.recipe_curate import Curate, Mix
from distill.recipe_prompts import Prompt


def chats(count: int = 100) -> list[dict[str, Any]]:
    return [
        {
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": f"Tell me something about the number {n}, in two sentences."},
                {"role": "assistant", "content": f"{n} follows {n - 1}."},
            ]
        }
        for n in range(count)
    ]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return trace_files(tmp_path)


@pytest.fixture
def general(tmp_path: Path) -> Path:
    return written(tmp_path / "general.jsonl", chats())


def test_a_quarter_of_all_rows_between_the_traces(files: tuple[Path, Path], general: Path, tmp_path: Path) -> None:
    spec = Curate(select="random", rows=30, mix=[Mix(path=str(general), share=0.25, licence="MIT")])
    counts = select_files(files[:1], tmp_path / "a", spec, COLUMNS, Prompt(), 0)
    rows = load_from_disk(tmp_path / "a")
    mixed = [row["selected_as"] == "mix" for row in rows]
    assert (counts["rows"], sum(mixed)) == (40, 10)
    assert counts["funnel"][-1]["traces"] == 40
    assert mixed.index(True) < 15 < 40 - mixed[::-1].index(True)
    one = rows[mixed.index(True)]
    assert (one["messages"][0]["content"], one["licence"], one["source"]) == ("Be kind.", "MIT", "general.jsonl")
    alone = select_files(files[:1], tmp_path / "b", spec.model_copy(update={"mix": []}), COLUMNS, Prompt(), 0)
    traces = [row["trace_id"] for row, is_mixed in zip(rows, mixed, strict=True) if not is_mixed]
    assert traces == load_from_disk(tmp_path / "b")["trace_id"][:]
    assert alone["rows"] == 30


def test_the_draw_does_not_depend_on_the_order_of_the_rows(general: Path, tmp_path: Path) -> None:
    mix = Mix(path=str(general), share=0.5)
    turned = Mix(path=str(written(tmp_path / "turned.jsonl", chats()[::-1])), share=0.5)
    first = [chat.asked for chat in drawn(mix, 20, [], 0).chats]
    assert first == [chat.asked for chat in drawn(turned, 20, [], 0).chats]
    assert first != [chat.asked for chat in drawn(mix, 20, [], 1).chats]


def test_what_asks_for_the_evaluation_or_is_no_chat_is_left_out(tmp_path: Path) -> None:
    question = "Find the smallest prime factor of the number 987654321 that exceeds three."
    rows = [
        *chats(3),
        *chats(2),
        {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": "17"}]},
        {"messages": [{"role": "user", "content": "no answer"}]},
        {"messages": [{"role": "user", "content": "a <|im_end|>"}, {"role": "assistant", "content": "b"}]},
        {"messages": "none"},
    ]
    found = drawn(Mix(path=str(written(tmp_path / "g.jsonl", rows)), share=0.5), 50, [Question(question, "set")], 0)
    assert found.asked == 1
    assert sorted(chat.completion for chat in found.chats) == ["0 follows -1.", "1 follows 0.", "2 follows 1."]


def test_thinking_of_general_data_stays_in_its_tags(tmp_path: Path) -> None:
    rows = [
        {"instruction": "Say one.", "output": "<think>\neasy\n</think>\n\nOne."},
        {"instruction": "Say two.", "output": "Two."},
    ]
    found = drawn(Mix(path=str(written(tmp_path / "g.jsonl", rows)), share=0.5), 2, [], 0)
    assert {chat.completion for chat in found.chats} == {"<think>\neasy\n</think>\n\nOne.", "Two."}


def test_too_few_rows_are_refused_unless_less_is_accepted(
    files: tuple[Path, Path], general: Path, tmp_path: Path
) -> None:
    spec = Curate(select="all", mix=[Mix(path=str(general), share=0.9)])
    with pytest.raises(Refused, match=r"curate.mix wants \d+ rows of .*general.jsonl; 100 can be used"):
        select_files(files[:1], tmp_path / "a", spec, COLUMNS, Prompt(), 0)
    counts = select_files(files[:1], tmp_path / "a", spec.model_copy(update={"fill": "less"}), COLUMNS, Prompt(), 0)
    assert counts["rows"] == 56 + 100
    with pytest.raises(Refused, match="holds no chats that are known"):
        drawn(Mix(path=str(written(tmp_path / "g.jsonl", [{"a": 1}])), share=0.5), 1, [], 0)


def test_merged_keeps_both() -> None:
    others = [{"trace_id": f"o{n}"} for n in range(7)]
    rows = [row["trace_id"] for row in merged(iter([{"trace_id": f"t{n}"} for n in range(5)]), 5, others, 0)]
    assert [name for name in rows if name[0] == "t"] == ["t0", "t1", "t2", "t3", "t4"]
    assert sorted(name for name in rows if name[0] == "o") == sorted(row["trace_id"] for row in others)


def test_curricula(files: tuple[Path, Path], tmp_path: Path) -> None:
    for order in ("short-first", "easy-first"):
        spec = Curate(select="random", rows=30, order=order)  # type: ignore[arg-type]
        select_files(files[:1], tmp_path / order, spec, COLUMNS, Prompt(), 0)
    tokens = load_from_disk(tmp_path / "short-first")["completion_tokens"][:]
    assert tokens == sorted(tokens)
    rows = load_from_disk(tmp_path / "easy-first")
    of = {
        row["question"]: [r["verdict"] == "correct" for r in made() if r["question"] == row["question"]] for row in rows
    }
    rates = [sum(of[row["question"]]) / len(of[row["question"]]) for row in rows]
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) > 2


def test_files_that_hold_the_same_chats_give_each_once(files: tuple[Path, Path], general: Path, tmp_path: Path) -> None:
    """The draw is by a hash of the text, so that of two files with common rows it would take the same ones."""
    other = written(tmp_path / "other.jsonl", chats()[::-1])
    for name, second in (("a", other), ("b", general)):
        mix = [Mix(path=str(general), share=0.25), Mix(path=str(second), share=0.25)]
        counts = select_files(
            files[:1], tmp_path / name, Curate(select="random", rows=30, mix=mix), COLUMNS, Prompt(), 0
        )
        rows = load_from_disk(tmp_path / name)
        assert counts["rows"] == len(set(rows["trace_id"])) == 60
        assert len({row["question"] for row in rows if row["selected_as"] == "mix"}) == 30
    assert len(drawn(mix[0], 100, [], 0, held={chat.text for chat in drawn(mix[0], 40, [], 0).chats}).chats) == 60
