"""Where `distill select` may put a curated set: a new folder, or one that holds an older set and nothing else."""

import re
from collections.abc import Sequence
from pathlib import Path

from distill.errors import Refused
from distill.files import user_path
from distill.folders import LOCK, places_of

OURS = re.compile(
    r"README\.md|funnel\.(json|txt|svg)|(contaminated|duplicates)\.jsonl|dataset_info\.json|state\.json"
    r"|data-\d+-of-\d+\.arrow|cache-[0-9a-f]+(_\d+_of_\d+)?\.arrow|" + re.escape(LOCK)
)
"""Names of what lies in a curated set; `cache-...` are results of `Dataset.map` and the like over it."""


def is_curated(folder: Path) -> bool:
    return (folder / "funnel.json").is_file() and (folder / "state.json").is_file()


def output_folder(out: Path, files: Sequence[Path]) -> Path:
    """The folder, links followed, that the set of these files is written to.

    Raises:
        Refused: something else is there, or beside a set that is; it lies in another set, or holds one of the files.
    """
    user_path(str(out))
    try:
        folder = out.expanduser().resolve()
    except (OSError, RuntimeError) as e:  # a circle of links
        raise Refused(f"--out={out} is a link that leads nowhere.") from e
    if folder.is_symlink():  # as newer versions of Python tell the circle
        raise Refused(f"--out={out} is a link that leads nowhere.")
    if not folder.parent.is_dir():
        raise Refused(f"there is no folder {out.parent} for {out.name}.", "Make it first, or name another --out.")
    outer = next((parent for parent in folder.parents if is_curated(parent)), None)
    if outer is not None:
        raise Refused(f"--out={out} lies in {outer}, which is a curated set itself.", "Name a folder beside it.")
    if folder.exists():
        _refuse_others(out, folder)
    for place in places_of(folder):
        if within := next((file for file in files if place in file.resolve().parents), None):
            lies_in = f"--out={out}" if place == folder else f"{place}, where --out={out} is written"
            raise Refused(f"{within} lies in {lies_in}, which is replaced.", "Name another --out.")
    return folder


def _refuse_others(out: Path, folder: Path) -> None:
    if not folder.is_dir() or not is_curated(folder):
        raise Refused(f"{out} is there and holds no curated set.", "Name a folder that is not there yet.")
    others = sorted(path.name for path in folder.iterdir() if path.is_dir() or not OURS.fullmatch(path.name))
    if others:
        more = f" and {len(others) - 3} more" if others[3:] else ""
        raise Refused(
            f"{out} is a curated set that is replaced, and holds what is no part of it: {', '.join(others[:3])}{more}.",
            "Move that away, or name another --out.",
        )
