"""GGUF files by llama.cpp's own converter, where it is present: looked at alike, and the same as ours."""

import os
from pathlib import Path

import pytest
import tiny
from test_export import CASES, Case, checkpoint
from transformers import AutoModelForCausalLM

from distill.errors import DistillError, Refused
from students import llama_cpp
from students.export import export


def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """A converter that does what a test says, where LLAMA_CPP names it."""
    (tmp_path / "llama.cpp").mkdir()
    (tmp_path / "llama.cpp" / llama_cpp.CONVERTER).write_text(f"import shutil, sys\n{body}\n")
    monkeypatch.setenv(llama_cpp.SOURCES, str(tmp_path / "llama.cpp"))


def test_a_converter_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, monkeypatch, "sys.exit('NotImplementedError: BPE pre-tokenizer was not recognized')")
    with pytest.raises(DistillError, match=r"converter .* failed: NotImplementedError: BPE pre-tokenizer") as caught:
        export(checkpoint(CASES[0], tmp_path / "model"), tmp_path / "gguf", ["q8_0"], "m")
    assert "Without LLAMA_CPP" in caught.value.hint
    assert list((tmp_path / "gguf").iterdir()) == []


def test_a_file_of_the_converter_is_compared_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here it converts another checkpoint of the same shape."""
    folder = checkpoint(CASES[0], tmp_path / "model")
    other = AutoModelForCausalLM.from_pretrained(folder)
    other.model.layers[1].mlp.up_proj.weight.data.neg_()
    other.save_pretrained(tmp_path / "other")
    tiny.tokenizer().save_pretrained(tmp_path / "other")
    (right,) = export(folder, tmp_path / "right", ["f16"], "m")
    (wrong,) = export(tmp_path / "other", tmp_path / "wrong", ["f16"], "m")
    fake(tmp_path, monkeypatch, f"shutil.copy({str(tmp_path / 'wrong' / wrong.file)!r}, sys.argv[3])")
    with pytest.raises(
        DistillError, match=r"is not the checkpoint: model\.layers\.1\.mlp\.up_proj\.weight is off by 2 "
    ):
        export(folder, tmp_path / "gguf", ["f16"], "m")
    (tmp_path / "llama.cpp" / llama_cpp.CONVERTER).write_text(
        f"import shutil, sys\nassert sys.argv[4:] == ['--outtype', 'f16']\n"
        f"shutil.copy({str(tmp_path / 'right' / right.file)!r}, sys.argv[3])"
    )
    (found,) = export(folder, tmp_path / "gguf", ["f16"], "m")
    assert found.by == "llama.cpp's convert_hf_to_gguf.py"
    assert found.divergence == right.divergence


def test_a_folder_without_a_converter_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(llama_cpp.SOURCES, str(tmp_path))
    with pytest.raises(Refused, match=r"holds no convert_hf_to_gguf\.py"):
        export(checkpoint(CASES[0], tmp_path / "model"), tmp_path / "gguf", ["f16"], "m")


def test_types_that_need_the_quantiser_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama_cpp, "quantise_command", lambda: None)
    with pytest.raises(Refused, match=r"of type q4_k_m are made by llama\.cpp's quantiser") as caught:
        export(checkpoint(CASES[0], tmp_path / "model"), tmp_path / "gguf", ["f16", "q4_k_m"], "m")
    assert "llama-cpp-python" in caught.value.hint
    assert not (tmp_path / "gguf").exists()


@pytest.mark.skipif(not os.environ["TESTED_LLAMA_CPP"], reason="LLAMA_CPP names no folder of llama.cpp's sources")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["f16", "q8_0"])
def test_our_files_are_those_of_llama_cpps_converter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case, kind: str
) -> None:
    """Tensor by tensor and setting by setting; it is told the tokenizer's name. Slow: it loads all that it knows."""
    from gguf import GGUFReader

    folder = checkpoint(case, tmp_path / "model")
    monkeypatch.setenv(llama_cpp.SOURCES, os.environ["TESTED_LLAMA_CPP"])
    script = llama_cpp.converter()
    assert script is not None
    by_hash = tmp_path / "convert.py"
    by_hash.write_text(
        f"import runpy, sys\nsys.path.insert(0, {str(script.parent)!r})\nfrom conversion.base import TextModel\n"
        "TextModel.get_vocab_base_pre = lambda *_: 'gpt-2'\n"
        f"runpy.run_path({str(script)!r}, run_name='__main__')\n"
    )
    llama_cpp.convert(by_hash, folder, tmp_path / "theirs.gguf", kind)
    monkeypatch.delenv(llama_cpp.SOURCES)
    (ours,) = export(folder, tmp_path / "gguf", [kind], "m")
    theirs, found = GGUFReader(tmp_path / "theirs.gguf"), GGUFReader(tmp_path / "gguf" / ours.file)
    expected = {one.name: one for one in theirs.tensors}
    assert {one.name for one in found.tensors} == set(expected)
    for one in found.tensors:
        other = expected[one.name]
        assert one.tensor_type == other.tensor_type, one.name
        if one.name == "rope_freqs.weight":  # worked out, in another precision
            assert one.data == pytest.approx(other.data, rel=1e-5)
        else:
            assert (one.data == other.data).all(), one.name
    theirs_own = (  # names, counts; the tokenizer of these models has no BOS, whatever their config says
        *("general.name", "general.size_label", "GGUF.tensor_count", "GGUF.kv_count"),
        *("tokenizer.ggml.bos_token_id", "tokenizer.ggml.pre"),
    )
    for name, field in theirs.fields.items():
        if name not in theirs_own:
            assert found.fields[name].contents() == field.contents(), name
