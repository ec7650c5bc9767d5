"""The packages of curation stand one above another: each knows only those below it."""

import ast
from pathlib import Path

import distill.curate

LAYERS = ["text", "files", "selections", "quality", "problems", "duplicates", "decontamination", "traces"]
LAYERS += ["steps", "output"]
ROOT = Path(distill.curate.__file__).parent


def imported(file: Path) -> set[str]:
    """The packages of curation that a module imports from, wherever in it; "" for modules above them all."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        found |= {name.split(".")[2] if name.count(".") > 1 else "" for name in names if _is_curation(name)}
    return {name if (ROOT / name).is_dir() else "" for name in found}


def _is_curation(name: str) -> bool:
    return name == "distill.curate" or name.startswith("distill.curate.")


def test_each_package_knows_only_those_below_it() -> None:
    assert {p.parent.name for p in ROOT.glob("*/__init__.py")} == {*LAYERS}
    wrong = [
        f"{package}/{file.name} imports {other or 'what stands above all packages'}"
        for at, package in enumerate(LAYERS)
        for file in sorted((ROOT / package).rglob("*.py"))
        for other in sorted(imported(file) - {*LAYERS[: at + 1]})
    ]
    assert not wrong
