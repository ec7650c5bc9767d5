"""The notebooks: a text form that is edited, the notebook made of it, and a kernel that runs in this interpreter.

A notebook holds the outputs of the cells tagged `kept`, which are the same on every machine and at every size, and no
others. So its file follows from its text and those outputs alone: no execution counts, times, paths or versions.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import jupytext
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
TEXTS = sorted(FOLDER.glob("*.py"))

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
COMPARED = ("text/plain", "text/markdown", "image/svg+xml")
"""What of an output is compared: the HTML of a table is the library's affair, its text is the content."""

Cell = dict[str, Any]
Outputs = list[dict[str, Any]]


def read(text: Path) -> Any:
    """The cells of the text form, without outputs."""
    return jupytext.read(text, fmt="py:percent")


def is_kept(cell: Cell) -> bool:
    return "kept" in cell["metadata"].get("tags", [])


def as_file(notebook: Any, kept: list[Outputs]) -> str:
    """The .ipynb of a notebook, with these outputs of its `kept` cells."""
    waiting = iter(kept)
    cells = []
    for cell in notebook.cells:
        tags = cell["metadata"].get("tags")
        made = {"cell_type": cell["cell_type"], "metadata": {"tags": tags} if tags else {}}
        if cell["cell_type"] == "code":
            made |= {"execution_count": None, "outputs": next(waiting, []) if is_kept(cell) else []}
        cells.append({**made, "source": cell["source"].splitlines(keepends=True)})
    whole = {
        "cells": cells,
        "metadata": METADATA,
        "nbformat": 4,
        "nbformat_minor": 4,
    }  # from 5 on cells have random ids
    return json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def kept_in(file: Path) -> list[Outputs]:
    """What a stored notebook holds for each of its `kept` cells."""
    return [cell["outputs"] for cell in json.loads(file.read_text())["cells"] if is_kept(cell)]


def kept_of(executed: Any) -> list[Outputs]:
    """The outputs of the `kept` cells of an executed notebook, as they are stored."""
    return [[_stored(o) for o in cell["outputs"]] for cell in executed.cells if is_kept(cell)]


def _stored(output: dict[str, Any]) -> dict[str, Any]:
    if output["output_type"] == "stream":
        return {"name": output["name"], "output_type": "stream", "text": output["text"].splitlines(keepends=True)}
    data = {kind: text.splitlines(keepends=True) for kind, text in output["data"].items()}
    counted = {"execution_count": None} if output["output_type"] == "execute_result" else {}
    return {"data": data, "metadata": {}, "output_type": output["output_type"], **counted}


def compared(outputs: list[Outputs]) -> list[list[Any]]:
    """What must come out again, by cell."""
    return [
        [o["text"] if o["output_type"] == "stream" else [o["data"].get(kind) for kind in COMPARED] for o in of_cell]
        for of_cell in outputs
    ]


def execute(notebook: Any, folder: Path, environment: dict[str, str]) -> Any:
    """Run all cells in `folder` and return the executed notebook.

    The kernel is this interpreter's, whatever is registered on the machine, and has a home of its own that it shall
    not need.

    Raises:
        CellExecutionError: a cell failed; nothing behind it was run.
    """
    home = home_of(folder)
    specs = home / "kernels"
    (specs / "here").mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (specs / "here" / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "", "language": "python"}))
    folder.mkdir(exist_ok=True)
    manager = AsyncKernelManager(
        kernel_name="here",
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(specs)]),
        connection_file=str(home / "connection.json"),
    )
    where = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, km=manager, timeout=None, coalesce_streams=True, resources=where)
    return client.execute(cleanup_kc=True, env={**os.environ, **_alone(home), **environment})


def home_of(folder: Path) -> Path:
    """Beside the folder in which a notebook runs: what its kernel has of its own, and in `user` the user's home."""
    return folder.with_name(f"{folder.name}-home")


def _alone(home: Path) -> dict[str, str]:
    """An environment in which nothing of this machine's settings is read, and nothing is written but in `home`."""
    commands = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    modules = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "PATH": os.pathsep.join(commands),
        "PYTHONPATH": os.pathsep.join(modules),
        "HOME": str(home / "user"),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "HF_HOME": str(home / "hf"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "settings"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "OVERRIDES": "",
    }
