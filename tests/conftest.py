"""Shared fixtures. Tests of real data read `../shared` beside the checkout, and skip where it is absent."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # else Ray writes a token into the home folder
os.environ.setdefault("TESTED_LLAMA_CPP", os.environ.pop("LLAMA_CPP", ""))  # for tests that ask; others go without it
if "PYTEST_XDIST_WORKER" in os.environ:  # several tests at a time share the cores, and what they start does
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")  # else every vLLM server sits on the same core

import pytest
import tiny
from commands import Outcome
from hub_client import loopback_hub
from hub_server import HubServer

from distill.cli import main
from distill.recipe import Recipe

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of real data sets."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("real data sets (../shared/data) are absent")
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random two-layer model."""
    return tiny.folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def tiny_recipe(tiny_model: Path) -> dict[str, Any]:
    """A recipe that walks all stages in about two seconds."""
    return tiny.recipe(tiny_model)


@pytest.fixture
def recipe(tiny_recipe: dict[str, Any]) -> Recipe:
    return Recipe.model_validate(tiny_recipe)


@pytest.fixture
def recipe_file(tiny_recipe: dict[str, Any], tmp_path: Path) -> Path:
    """The tiny recipe as a file (JSON is YAML)."""
    path = tmp_path / "tiny.yaml"
    path.write_text(json.dumps(tiny_recipe))
    return path


@pytest.fixture
def distill(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command line in this process."""

    def call(*arguments: str | Path) -> Outcome:
        capsys.readouterr()
        code = 0
        try:
            main([str(a) for a in arguments])
        except SystemExit as e:
            code = int(e.code or 0)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A model hub on loopback, with the client of this process turned to it."""
    with loopback_hub(monkeypatch) as server:
        yield server


LONGEST_FIRST = (
    *("test_replicas.py", "test_kill.py", "test_student_recipes.py", "test_vllm.py", "test_vllm_evaluation.py"),
    *("test_readme.py", "test_gym_safety.py", "test_endpoint_command.py", "test_select_files.py", "test_scale.py"),
    *("test_gym.py", "test_cli.py", "test_models.py", "test_launch.py", "test_notebooks.py"),
)
"""Files that take minutes: begun first, no process works on one of them alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST_FIRST)
