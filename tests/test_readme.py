"""The README is true: its commands exist, its tree is the tree, its files are there."""

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from distill import presets
from distill.recipe_file import parse, shipped

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def _tree(page: str) -> list[str]:
    return page.split("```text\ndistill/")[1].split("```")[0].splitlines()[1:]


FILES = _tree((ROOT / "docs" / "files.md").read_text())


def test_every_file_has_a_line() -> None:
    named = [line.split()[0].rsplit("/", 1)[-1] for line in FILES if not line.split()[0].endswith("/")]
    hidden = ("__init__.py", "__main__.py")
    folders = ("distill", "teachers", "students", "recipes", "notebooks", "benchmarks", "docs", "tests")
    listed = (".py", ".yaml", ".md", ".png", ".ipynb")
    present = {p.name for f in folders for p in (ROOT / f).rglob("*") if p.suffix in listed}
    present |= {"pyproject.toml", "Makefile", "CHANGELOG.md", "LICENSE"}
    assert set(named) == {name for name in present if name not in (*hidden, "model_card.md")}


def test_the_main_path_is_told_as_in_the_list_of_all_files() -> None:
    told = _tree(README)
    assert 40 < len(told) < 100
    assert [line for line in told if line not in FILES] == []
    assert [line for line in FILES if re.match(r"[a-z]+/ ", line) and line not in told] == []


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_what_is_stored_names_no_folders_of_a_machine() -> None:
    stored = [*(ROOT / "benchmarks" / "results").glob("*.json"), *(ROOT / "notebooks").glob("*.ipynb")]
    stored += [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    found = {file.name: re.findall(r"/(?:tmp|root|home)/\S{,60}", file.read_text()) for file in stored}
    assert not {name: paths for name, paths in found.items() if paths}


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make ([\w-]+)", README, re.MULTILINE):
        assert f"\n{target}:" in makefile


VERBS = README.split("## The verbs")[1].split("```")[1]


@pytest.mark.parametrize("verb", re.findall(r"^distill ([a-z]+) ", VERBS, re.MULTILINE))
def test_verbs_exist(verb: str) -> None:
    done = subprocess.run([sys.executable, "-m", "distill", verb, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_recipe_commands_dry_run(
    distill: Any, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every `distill run` of README and recipes resolves; names of files and models are replaced by tiny ones."""
    row = '{{"question": "What is {0} plus {2}?", "answer": "#### {1}"}}\n'
    for more, name in enumerate(("gsm8k_train.jsonl", "gsm8k_test.jsonl")):
        (tmp_path / name).write_text("".join(row.format(i, i + 1 + more, 1 + more) for i in range(220)))
    monkeypatch.chdir(ROOT)
    texts = [README, *(p.read_text() for p in shipped().values())]
    commands = {c for text in texts for c in re.findall(r"(distill run recipes/[^\n`]+)", text) if "[" not in c}
    assert len(commands) >= 3
    for command in sorted(commands):
        files = re.sub(r"(?=gsm8k_(train|test)\.jsonl)", f"{tmp_path}/", command)
        words = shlex.split(files.replace("FOLDER_OR_HUB_ID", str(tiny_model)))
        arguments = [w for w in words[1:] if w != "runs/quickstart"]
        student = [f"student.model={tiny_model}", "train.max_length=512"]
        student += [f"teacher.model={tiny_model}"] if "vllm" in command else []
        done = distill(*arguments, *student, "--dry-run")
        if "vllm" in command and importlib.util.find_spec("vllm") is None:
            assert done.code == 2
            assert "needs vLLM, which is not installed" in done.err
            continue
        assert done.code == 0, f"{command}: {done.err}"


def test_yaml_of_the_pages_is_valid() -> None:
    """Every YAML block of the docs resolves when its sections stand in a recipe."""
    for page in (ROOT / "docs").glob("*.md"):
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL):
            sections = yaml.safe_load(block)
            if sections:
                assert sections.pop("preset", "s1") in presets.names()
                tree = {
                    "name": "x",
                    "problems": {"source": "file", "path": "x.jsonl"},
                    "teacher": {"kind": "local", "model": "x"},
                    "student": {"model": "x"},
                }
                parse({**tree, **sections})
