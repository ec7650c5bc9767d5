"""What the gate must not let pass, each fault in disguise, and what it must not refuse."""

import re
from pathlib import Path
from typing import Any

import pytest
import tiny
from test_students import MESSAGES, curated
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from distill.errors import Refused
from distill.recipe import Train
from students.check import Checked, check
from students.render import IGNORED
from students.unfit import Unfit
from students.vocabulary import refuse_tokens_without_embedding

ANSWER = "<think>\n3*7=21\n</think>\n\n<answer>3*7+12</answer>"
HEAD = "'<|im_start|>assistant\\n'"
BLOCKS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}{{ m.content }}{% else %}"
    "{% for part in m.content %}{{ part.text }}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def begins(with_: str) -> str:
    """ChatML whose prompt goes on with this Jinja expression behind the assistant's header."""
    return tiny.CHATML.replace(HEAD, f"{HEAD} + {with_}")


def passed(template: str, *answers: str, messages: list[dict[str, str]] = MESSAGES, **train: Any) -> Checked:
    rows = [{**row, "messages": messages} for row in curated(*answers or [ANSWER])]
    return check(rows, tiny.tokenizer(template), Train(**train))


IF_SYSTEM = "('{}' if messages[0].role == 'system' else '{}')"
NO_HEAD = tiny.CHATML.split("{% if add")[0]
EMPTIED = tiny.CHATML.replace("'<|im_start|>assistant\\n'", "'<|im_start|>assistant\\n<think>\\n\\n</think>\\n\\n'")
CHANNELS = tiny.CHATML.replace("m['content']", "('final:' if m['role'] == 'assistant' else '') + m['content']")
NO_END = tiny.CHATML.replace("+ '<|im_end|>'", "")
TWO_BOS = "<|pad|><|pad|>" + tiny.CHATML
NO_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + tiny.CHATML
)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (begins(IF_SYSTEM.format("<think>\\n<think>\\n", "<think>\\n")), "the chat template begins one"),
        (begins(IF_SYSTEM.format("<think></think>", "")), "ends its prompt with an empty thinking block"),
        (begins("'<think>\\nOkay, '"), "more than one thinking block"),
        (begins("'<think>\\nNone.\\n</think>\\n\\n'"), "more than one thinking block"),
        (NO_HEAD, "puts '<|im_start|>assistant' before an answer"),
        (NO_HEAD + "{% if messages[-1].role == 'user' %}\n{% endif %}", "puts '<|im_start|>assistant' before"),
        (
            tiny.CHATML.replace("{% if add", "{% if messages[0].role != 'system' and add"),
            "puts '<|im_start|>assistant' before an answer",
        ),
        (BLOCKS.replace("{{ m.content }}", ""), "leaves the system message out"),
        (tiny.CHATML.replace("in messages", "in messages if m.role != 'system'"), "leaves the system message out"),
        (tiny.CHATML.replace("in messages", "in messages if m.role != 'user'"), "leaves the question out"),
        (BLOCKS.replace("{{ part.text }}", " {{ part.text }}"), "in another way when their content comes in parts"),
        (BLOCKS.replace("part.text", "part.txt"), "in another way when their content comes in parts"),
        ("<|pad|>\n<|pad|>" + tiny.CHATML, "begins a prompt with '<|pad|>' twice"),
        (tiny.CHATML.replace("im_end", "stop"), "ends an answer without a token of its own"),
        (
            tiny.CHATML.replace("im_end", "stop") + "{% if messages[-1].role == 'assistant' %}<|im_end|>{% endif %}",
            "puts '<|stop|>' behind an answer",
        ),
        ("{{ 1 // 0 }}" + tiny.CHATML, "cannot render a chat"),
        ("{{ '{unknown}'.format() }}" + tiny.CHATML, "cannot render a chat of system, user: 'unknown'"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}" + tiny.CHATML, "cannot render a chat"),
        (tiny.CHATML.replace("in messages", "in messages if m.role != 'assistant'"), "leaves out what an assistant"),
        (
            tiny.CHATML.replace("m['content']", "(m['content'][:20] if m['role'] == 'assistant' else m['content'])"),
            "leaves out what an assistant says, or writes it in another way",
        ),
        (EMPTIED, "ends its prompt with an empty thinking block"),
        (CHANNELS, "puts 'final:' before an answer"),
        (NO_END, "ends an answer without a token of its own"),
        (TWO_BOS, "begins a prompt with '<|pad|>' twice"),
        (NO_SYSTEM, "cannot render a chat of system, user: System role not supported"),
    ],
)
def test_templates_with_a_hidden_fault_are_refused(template: str, said: str) -> None:
    tokenizer = tiny.tokenizer(template)
    tokenizer.bos_token = "<|pad|>"
    with pytest.raises(Refused, match=re.escape(said)):
        check(curated(ANSWER), tokenizer, Train())


@pytest.mark.parametrize(
    ("template", "answer", "learned"),
    [
        (begins(IF_SYSTEM.format("<think>\\n", "")), ANSWER, ANSWER.removeprefix("<think>\n")),
        (begins("'<think>\\n'"), "3*7=21\n</think>\n\n33", "3*7=21\n</think>\n\n33"),
        (begins("'<think>\\n\\n</think>\\n\\n'"), "33", "33"),
        (BLOCKS, ANSWER, ANSWER),
        (tiny.CHATML.replace("m['content']", "(m['content'] | trim)"), ANSWER, ANSWER),
        (tiny.CHATML, "Well.\n" + ANSWER, "Well.\n" + ANSWER),
        (tiny.CHATML, "The tag <think> opens it.", "The tag <think> opens it."),
        (
            tiny.CHATML,
            "<think>\r\ne\u0301, \U0001f600\r\n</think>\r\n33",
            "<think>\r\ne\u0301, \U0001f600\r\n</think>\r\n33",
        ),
    ],
)
def test_what_is_sound_is_not_refused(template: str, answer: str, learned: str) -> None:
    tokenizer = tiny.tokenizer(template)
    told = [{"role": "system", "content": "Reason between <think> and </think>."}, MESSAGES[1]]
    row = check([{**curated(answer)[0], "messages": told}], tokenizer, Train()).rows[0]
    assert tokenizer.decode([t for t in row.labels if t != IGNORED]) == learned + "<|im_end|>"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("<think>\n3*7=21 and then", "never closes its thinking"),
        ("3*7=21\n</think>\n\n33", "never opens it"),
        ("</think> 3 <think>\n\n33", "never opens it"),
        ("<think>\n3*7=21\n</think>\n\n", "ends with its thinking"),
        ("<think>\na\n</think>\n\n5 <|pad|> more", "holds '<|pad|>' in its answer"),
        ("<think>\na\n</think>\n\n5\n<|im_start|>user\nhi", "holds '<|im_start|>' in its answer"),
        (ANSWER + "<|im_end|>", "end-of-turn token '<|im_end|>' in the middle"),
        ("", "no answer to learn"),
    ],
)
def test_unfit_rows_are_refused_or_counted(answer: str, said: str) -> None:
    with pytest.raises(Refused, match=re.escape(said)):
        passed(tiny.CHATML, answer)
    with pytest.raises(Refused, match=rf"1 of 2 rows cannot be trained on\. The first: .*{re.escape(said)}") as caught:
        passed(tiny.CHATML, ANSWER, answer)
    assert "train.drop_unfit=true" in caught.value.hint
    checked = passed(tiny.CHATML, ANSWER, answer, drop_unfit=True)
    assert (len(checked.rows), checked.counts()["unfit"]) == (1, 1)
    with pytest.raises(Refused, match=re.escape(said)):
        passed(tiny.CHATML, answer, drop_unfit=True)


@pytest.mark.parametrize(
    ("system", "question", "said"),
    [
        ("Think.", "Make 33.<|im_end|>\n<|im_start|>assistant\n12", "holds '<|im_start|>' in its question"),
        ("Think.", "Make 33.<|im_end|>", "holds '<|im_end|>' in its question"),
        ("Think.", "Make 33.<|pad|>", "holds '<|pad|>' in its question"),
        ("Think.<|im_end|>", "Make 33.", "holds '<|im_end|>' in its system message"),
        ("Think.", " \n", "has no question"),
    ],
)
def test_questions_that_hold_marks_of_chats_or_nothing_are_unfit(system: str, question: str, said: str) -> None:
    broken = {**curated(ANSWER)[0], "messages": [{"role": "system", "content": system}, _asked(question)]}
    with pytest.raises(Refused, match=re.escape(f"1 of 2 rows cannot be trained on. The first: trace p/0 {said}")):
        check([broken, *curated(ANSWER)], tiny.tokenizer(), Train())
    assert check([broken, *curated(ANSWER)], tiny.tokenizer(), Train(drop_unfit=True)).unfit == 1


def test_a_system_message_may_show_marks_that_end_no_turn() -> None:
    told = [{"role": "system", "content": "Ignore <|pad|>."}, _asked("Make 33 of <|x|>.")]
    assert check([{**curated(ANSWER)[0], "messages": told}], tiny.tokenizer(), Train()).rows


def _asked(question: str) -> dict[str, str]:
    return {"role": "user", "content": question}


def test_a_second_stop_token_of_the_model_is_no_text() -> None:
    tokenizer = tiny.tokenizer()
    tokenizer.add_tokens([AddedToken("<|stop|>", special=False)])
    rows, stop = curated("5 <|stop|> more"), tokenizer.convert_tokens_to_ids("<|stop|>")
    assert check(rows, tokenizer, Train()).rows
    with pytest.raises(Refused, match=re.escape("holds '<|stop|>' in its answer")):
        check(rows, tokenizer, Train(), stops={stop})


def test_an_end_of_turn_that_is_added_but_not_special_counts() -> None:
    tokenizer = tiny.tokenizer(tiny.CHATML.replace("im_end", "stop"))
    tokenizer.add_tokens([AddedToken("<|stop|>", special=False)])
    assert check(curated(ANSWER), tokenizer, Train()).end == tokenizer.convert_tokens_to_ids("<|stop|>")


def test_white_space_ends_no_turn_though_it_is_an_added_token() -> None:
    """As in Gemma's tokenizers, which hold line breaks so."""
    tokenizer = tiny.tokenizer(tiny.CHATML.replace("+ '<|im_end|>'", "+ '\\n<|im_end|>'"))
    tokenizer.add_tokens([AddedToken("\n", special=False, normalized=False)])
    assert check(curated(ANSWER), tokenizer, Train()).end == tokenizer.convert_tokens_to_ids("<|im_end|>")


def words() -> PreTrainedTokenizerFast:
    """A tokenizer that knows two words."""
    known = ["<unk>", "<|pad|>", "<|im_start|>", "<|im_end|>"]
    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate([*known, "Make", "33"])}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.add_special_tokens(known)
    made = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<|im_end|>", pad_token="<|pad|>", unk_token="<unk>"
    )
    made.chat_template = tiny.CHATML.replace("m['content']", "'Make 33'")
    return made


def normalising(rule: Any) -> PreTrainedTokenizerFast:
    made = tiny.tokenizer()
    made.backend_tokenizer.normalizer = rule
    return made


@pytest.mark.parametrize(
    ("tokenizer", "answer", "is_fit"),
    [
        (normalising(normalizers.NFKC()), "<think>\nx\u00b2 = 4\n</think>\n\n2", False),
        (normalising(normalizers.Lowercase()), "<think>\nABC\n</think>\n\nX", False),
        (normalising(normalizers.NFC()), "<think>\ne\u0301\n</think>\n\n2", True),
        (normalising(normalizers.Lowercase()), "<think>\nabc\n</think>\n\nx", True),
    ],
)
def test_answers_that_the_tokenizer_would_change_are_unfit(tokenizer: Any, answer: str, is_fit: bool) -> None:
    if is_fit:
        assert check(curated(answer), tokenizer, Train()).rows
        return
    with pytest.raises(Refused, match="the tokenizer cannot write trace p/0") as caught:
        check(curated(answer), tokenizer, Train())
    assert isinstance(caught.value.__cause__, Unfit)


def test_unknown_words_are_not_learnt() -> None:
    from distill.chat_template import turn_of
    from students.unfit import refuse_marks, refuse_unspeakable

    tokenizer, plain = words(), tiny.CHATML
    turn = turn_of(tiny.tokenizer(plain), "tiny")
    ids = tokenizer("Make 34", add_special_tokens=False)["input_ids"]
    refuse_marks(tokenizer, turn, [4, 5], "p")
    with pytest.raises(Unfit, match="cannot write trace p: '34' becomes '<unk>'"):
        refuse_unspeakable(tokenizer, ids, "Make 34", "p")


def test_thinking_tags_that_servers_leave_out_are_refused() -> None:
    tokenizer = tiny.tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<think>", "</think>"]})
    with pytest.raises(Refused, match="has '<think>' as a special token"):
        check(curated(ANSWER), tokenizer, Train())
    assert check(curated("33"), tokenizer, Train()).rows
    swallowing = tiny.tokenizer()
    swallowing.add_tokens([AddedToken(tag, lstrip=True, rstrip=True) for tag in ("<think>", "</think>")])
    assert check(curated(ANSWER), swallowing, Train()).rows


def test_tokens_without_an_embedding_are_refused() -> None:
    tokenizer = tiny.tokenizer()
    known = len(tokenizer)
    refuse_tokens_without_embedding([known - 1], tokenizer, known)
    with pytest.raises(Refused, match=rf"writes token {known - 1} .*, and the model has {known - 1} embeddings"):
        refuse_tokens_without_embedding([known - 1], tokenizer, known - 1)
    tokenizer.add_special_tokens({"pad_token": "<|new|>"})
    with pytest.raises(Refused, match=re.escape(f"writes token {known} ('<|new|>')")):
        refuse_tokens_without_embedding([], tokenizer, known)


def test_a_chat_that_another_kind_of_row_ends_otherwise_is_refused() -> None:
    template = tiny.CHATML.replace("'<|im_end|>'", "('<|im_end|>' if messages[0].role == 'system' else '<|pad|>')")
    rows = curated(ANSWER, ANSWER)
    rows[1]["messages"] = MESSAGES[1:]
    with pytest.raises(Refused, match="ends answers with different tokens"):
        check(rows, tiny.tokenizer(template), Train())


def test_a_run_is_refused_before_the_teacher_is_paid(
    distill: Any, recipe_file: Path, tiny_recipe: dict[str, Any], tmp_path: Path
) -> None:
    """The template of the student is asked for the chat that the recipe will have, not for a question alone."""
    import json

    (tmp_path / "mute.jinja").write_text(tiny.CHATML.replace("in messages", "in messages if m.role != 'system'"))
    tiny_recipe["student"] |= {"chat_template": str(tmp_path / "mute.jinja"), "prompt": {"system": "Think."}}
    recipe_file.write_text(json.dumps(tiny_recipe))
    done = distill("run", recipe_file, "--run-dir", tmp_path / "run")
    assert done.code == 2
    assert "leaves the system message out of the prompt" in done.err
    assert not (tmp_path / "run").exists()


def test_stop_tokens_of_a_model_from_the_hub_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gemma's and Phi's tokenizers end otherwise than their chats, which only the generation config tells."""
    import json

    from distill import models as sources

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    repository, revision = tmp_path / "models--me--chat", "0" * 40
    tiny.folder(repository / "snapshots" / revision)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(revision)
    told = repository / "snapshots" / revision / "generation_config.json"
    told.write_text(json.dumps({"eos_token_id": [1, 2]}))
    assert sources.known_stops(sources.resolve("me/chat")) == {1, 2}
    told.write_text("{")
    with pytest.raises(Refused, match="the generation config of model 'me/chat' cannot be read"):
        sources.known_stops(sources.resolve("me/chat"))
    told.unlink()
    assert sources.known_stops(sources.resolve("me/chat")) == {2}
