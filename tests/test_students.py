"""What goes into training: rendering, masks, the gate, packing. Hugging Face's own output is the oracle."""

import random
from typing import Any

import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.chat_template import turn_of
from distill.errors import Refused
from distill.recipe import Train
from students.check import check, coloured
from students.pack import OPEN, pack
from students.rates import refuse_strange_rate
from students.render import IGNORED, Row, render, serving_prompt

MESSAGES = [{"role": "system", "content": "Think."}, {"role": "user", "content": "Make 33 from 3 7 12."}]
ANSWER = "<think>\n3*7=21\n</think>\n\n<answer>3*7+12</answer>"
TOK = tiny.tokenizer()
TURN = turn_of(TOK, "tiny")


def curated(*answers: str) -> list[dict[str, Any]]:
    return [{"trace_id": f"p/{i}", "messages": MESSAGES, "completion": a} for i, a in enumerate(answers)]


def test_prompt_is_token_for_token_the_serving_prompt() -> None:
    row = render(TOK, TURN, "p/0", MESSAGES, ANSWER)
    served = TOK.apply_chat_template(MESSAGES, add_generation_prompt=True, return_dict=True)["input_ids"]
    assert row.input_ids[: len(served)] == served
    assert row.labels[: len(served)] == [IGNORED] * len(served)


def test_loss_covers_the_answer_to_its_end_of_turn() -> None:
    row = render(TOK, TURN, "p/0", MESSAGES, ANSWER)
    learned = [t for t in row.labels if t != IGNORED]
    assert TOK.decode(learned) == ANSWER + "<|im_end|>"
    assert row.labels[-1] == row.input_ids[-1] == TOK.eos_token_id


def test_coloured_shows_all_text_once() -> None:
    row = render(TOK, TURN, "p/0", MESSAGES, ANSWER)
    pieces = coloured(row, TOK)
    assert [in_loss for _, in_loss in pieces] == [False, True]
    assert "".join(text for text, _ in pieces) == serving_prompt(TOK, MESSAGES) + ANSWER + "<|im_end|>"


THINK_STRIPPED = tiny.CHATML.replace("m['content']", "m['content'].split('</think>')[-1]")
PREFILLED = tiny.CHATML.replace("'<|im_start|>assistant\\n'", "'<|im_start|>assistant\\n<think>\\n'")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("<think>\n\n</think>\n\n5", "one without content"),
        ("<think>\na\n</think>\n\n<think>\nb\n</think>\n\n5", "more than one thinking block"),
        ("stop <|im_end|> and go on", "in the middle of its answer"),
        (" \n", "has no answer to learn"),
    ],
)
def test_answers_that_teach_wrongly_are_refused(answer: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        check(curated(answer), TOK, Train())


def test_an_answer_without_thinking_does_not_follow_a_prefilled_tag() -> None:
    with pytest.raises(Refused, match="begins every answer with <think>, and trace p/0 does not think"):
        check(curated("5"), tiny.tokenizer(PREFILLED), Train())


def test_a_template_that_drops_reasoning_from_the_history_keeps_it_in_training() -> None:
    tokenizer = tiny.tokenizer(THINK_STRIPPED)
    row = render(tokenizer, turn_of(tokenizer, "tiny"), "p/0", MESSAGES, ANSWER)
    assert TOK.decode([t for t in row.labels if t != IGNORED]) == ANSWER + "<|im_end|>"


def test_a_prefilled_think_tag_belongs_to_the_prompt() -> None:
    tokenizer = tiny.tokenizer(PREFILLED)
    row = render(tokenizer, turn_of(tokenizer, "tiny"), "p/0", MESSAGES, ANSWER)
    learned = TOK.decode([t for t in row.labels if t != IGNORED])
    assert learned == ANSWER.removeprefix("<think>\n") + "<|im_end|>"
    assert TOK.decode(row.input_ids).count("<think>") == 1


@pytest.mark.parametrize(
    ("rate", "parameters", "far"),
    [
        (1e-3, 135e6, ""),
        (2e-5, 8e9, ""),
        (1.9e-5, 8e9, "below"),
        (3e-3, 8e9, ""),
        (2e-3, 32e9, "above"),
        (1e-4, 70e9, ""),
    ],
)
def test_rates_that_are_far_from_what_is_known_are_refused(rate: float, parameters: float, far: str) -> None:
    refuse_strange_rate(Train(learning_rate=rate, accept_learning_rate=True), int(parameters))
    if not far:
        refuse_strange_rate(Train(learning_rate=rate), int(parameters))
        return
    with pytest.raises(Refused, match=f"is far {far} what is known"):
        refuse_strange_rate(Train(learning_rate=rate), int(parameters))


def test_the_published_rate_of_all_weights_of_a_small_model_is_known() -> None:
    refuse_strange_rate(Train(method="full", learning_rate=1e-3), 360_000_000)


def test_pad_equal_to_end_is_refused() -> None:
    with pytest.raises(Refused, match="pads with its end-of-turn token"):
        check(curated(ANSWER), tiny.tokenizer(pad="<|im_end|>"), Train())


def test_long_rows_are_refused_or_counted_but_never_cut() -> None:
    rows = curated(ANSWER, "<think>\n" + "3*7=21\n" * 200 + "</think>\n\nx")
    with pytest.raises(Refused, match=r"1 of 2 rows exceed train\.max_length=128"):
        check(rows, TOK, Train(max_length=128))
    checked = check(rows, TOK, Train(max_length=128, drop_long=True))
    assert (len(checked.rows), checked.too_long) == (1, 1)
    with pytest.raises(Refused, match="nothing is left"):
        check(rows[1:], TOK, Train(max_length=128, drop_long=True))


def rows_of(lengths: list[int]) -> list[Row]:
    return [Row(f"r{i}", [100 + i] * n, [IGNORED] + [100 + i] * (n - 1)) for i, n in enumerate(lengths)]


@given(st.lists(st.integers(1, 64), min_size=1, max_size=40), st.integers(0, 3), st.booleans())
@settings(max_examples=100, deadline=None)
def test_packing_keeps_every_token_once_and_restarts_positions(lengths: list[int], seed: int, in_order: bool) -> None:
    rows = rows_of(lengths)
    packed = pack(rows, 64, pad_token_id=0, seed=seed, in_order=in_order)
    assert packed == pack(rows, 64, pad_token_id=0, seed=seed, in_order=in_order)
    assert all(len(p.input_ids) == len(p.labels) == len(p.position_ids) == 64 for p in packed)
    assert sorted(t for p in packed for t in p.trace_ids) == sorted(r.trace_id for r in rows)
    assert sum(lbl != IGNORED for p in packed for lbl in p.labels) == sum(n - 1 for n in lengths)
    by_id = {r.trace_id: r for r in rows}
    for p in packed:
        at = 0
        for name in p.trace_ids:
            n = len(by_id[name])
            assert p.input_ids[at : at + n] == by_id[name].input_ids
            assert p.position_ids[at : at + n] == list(range(n))
            at += n
        assert set(p.input_ids[at:]) <= {0}
        assert p.position_ids[at:] == list(range(64 - at))


def test_a_curriculum_is_kept_but_for_a_few_packed_rows() -> None:
    lengths = sorted(random.Random(0).randint(20, 200) for _ in range(400))
    packed = pack(rows_of(lengths), 256, 0, 0, in_order=True)
    first = {name: at for at, p in reversed(list(enumerate(packed))) for name in p.trace_ids}
    latest = 0
    for i in range(400):
        latest = max(latest, first[f"r{i}"])
        assert first[f"r{i}"] > latest - OPEN
    shuffled = pack(rows_of(lengths), 256, 0, 0)
    assert [p.trace_ids for p in shuffled] != [p.trace_ids for p in packed]
    assert len(packed) < 1.3 * len(shuffled)


def test_packing_is_tight() -> None:
    """Best-fit-decreasing never needs more than 11/9 of the optimum plus one bin (Johnson 1973)."""
    lengths = [random.Random(0).randint(20, 200) for _ in range(400)]
    packed = pack(rows_of(lengths), 256, 0, 0)
    assert len(packed) <= 11 / 9 * (sum(lengths) / 256) + 1
