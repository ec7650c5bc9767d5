"""A folder becomes a repository of the hub: in one commit, so that nobody ever downloads half of it.

Killed or cut off at any moment, the same push goes on: the hub knows large files by their digests and asks for none
that it has, and a commit that changes nothing is not made. What an earlier push put there and this one does not have
is deleted (two checkpoints in one repository load as neither); files of others stay.
"""

import logging
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from distill import __version__
from distill.console import duration
from distill.errors import DistillError, Refused
from distill.files import read_json, write_json
from students.hub import hub, hub_errors, passes_by_itself, status_of, told

if TYPE_CHECKING:
    from huggingface_hub import HfApi

logger = logging.getLogger(__name__)

MANIFEST = "distill.json"
"""Beside what was pushed: which recipe it came from, and the files that are ours."""

WAITS = (5.0, 20.0, 60.0)
"""Seconds before further attempts; the client itself tries single requests again before that."""

TELL_SECONDS = 60.0
"""Between two words about an upload that goes on."""

NEUTRAL = frozenset({".gitattributes", "README.md", "LICENSE", "LICENSE.md", "LICENSE.txt", ".gitignore"})
"""What a new repository may hold that its owner has made by hand."""

WEIGHTS = (".safetensors", ".bin", ".index.json")
"""Ends of the names of checkpoints, of which a folder may hold one."""

Kind = Literal["model", "dataset"]


@dataclass(frozen=True)
class Target:
    """A repository, and what it is to hold."""

    kind: Kind
    name: str
    """OWNER/NAME."""
    private: bool
    recipe: str
    """Name of the recipe."""
    overwrite: bool
    """`publish.overwrite`."""


def write_manifest(folder: Path, recipe: str, without: str | None = None) -> None:
    """Name the files of a folder that is complete; `without` is a folder in it that goes elsewhere."""
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    names = [name for name in found if without is None or not name.startswith(f"{without}/")]
    write_json(folder / MANIFEST, {"distill": __version__, "recipe": recipe, "files": [*names, MANIFEST]})


def push(target: Target, folder: Path, token: str) -> str:
    """Make the repository hold what the folder's manifest names. Returns its address.

    Raises:
        DistillError: why it failed; nothing was lost, and the same push goes on.
        Refused: the repository is public and should not be, or holds something else.
    """
    with hub(token) as api:
        for attempt, wait in enumerate((*WAITS, None), 1):
            try:
                with _hearing_warnings():
                    return _push_once(api, target, folder)
            except hub_errors() as e:
                reason, hint = told(e, target.name, token)
                if wait is None or not passes_by_itself(e):
                    raise _failed(target, reason, hint, folder) from e
                logger.info("publish: %s; attempt %d of %d in %g s", reason, attempt + 1, len(WAITS) + 1, wait)
                time.sleep(wait)
    raise AssertionError("the last attempt returns or raises")


def refuse_foreign(api: "HfApi", target: Target) -> list[str]:
    """Files of the repository that a push replaces: those of an earlier one, or with `overwrite` the weights of others.

    Raises:
        Refused: it is public and should be private, or holds files that no push of this recipe put there.
    """
    try:
        info = api.repo_info(target.name, repo_type=target.kind)
    except hub_errors() as e:
        if status_of(e) == 404:
            return []
        raise
    if target.private and info.private is False:
        raise Refused(
            f"'{target.name}' is public, and publish.private is true.",
            "Make it private in its settings on the hub, set publish.private=false, or name another repository.",
        )
    present = [file.rfilename for file in info.siblings or []]
    recipe, ours = _manifest(api, target) if MANIFEST in present else (None, [])
    others = [name for name in present if name not in ours and name not in NEUTRAL]
    if not target.overwrite and recipe not in (None, target.recipe):
        raise _taken(target, f"what the recipe '{recipe}' made")
    if not target.overwrite and recipe is None and others:
        raise _taken(target, f"files that distill did not put there ({', '.join(others[:3])})")
    replaced = ours or [name for name in others if name.endswith(WEIGHTS)]
    return [name for name in replaced if name in present]


def _push_once(api: "HfApi", target: Target, folder: Path) -> str:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    url = str(api.create_repo(target.name, repo_type=target.kind, private=target.private, exist_ok=True))
    replaced = refuse_foreign(api, target)
    names = read_json(folder / MANIFEST)["files"]
    sizes = sum((folder / name).stat().st_size for name in names)
    logger.info("publish: %d files, %.1f MB, to %s", len(names), sizes / 1e6, url)
    stale = [name for name in replaced if name not in names]
    with _telling(url):
        api.create_commit(
            target.name,
            [
                *(CommitOperationDelete(name) for name in stale),
                *(CommitOperationAdd(path_in_repo=name, path_or_fileobj=folder / name) for name in names),
            ],
            commit_message=f"{target.recipe}, pushed by distill {__version__}",
            repo_type=target.kind,
        )
    return url


@contextmanager
def _telling(url: str) -> Iterator[None]:
    """Say now and then that an upload goes on. The client tells its bytes to progress bars of its own only."""
    done, started = threading.Event(), time.monotonic()

    def tell() -> None:
        while not done.wait(TELL_SECONDS):
            logger.info("publish: uploading to %s for %s", url, duration(time.monotonic() - started))

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _manifest(api: "HfApi", target: Target) -> tuple[str, list[str]]:
    """The recipe and the files of an earlier push."""
    with tempfile.TemporaryDirectory() as at:
        held = read_json(Path(api.hf_hub_download(target.name, MANIFEST, repo_type=target.kind, local_dir=at)))
    if not isinstance(held, dict) or not isinstance(held.get("files"), list) or "recipe" not in held:
        raise DistillError(f"{MANIFEST} in '{target.name}' is none of ours.", "Delete it there, or push elsewhere.")
    return held["recipe"], held["files"]


def _taken(target: Target, what: str) -> Refused:
    return Refused(
        f"'{target.name}' holds {what}.",
        "Name another repository, or set publish.overwrite=true (its history keeps what is overwritten).",
    )


def _failed(target: Target, reason: str, hint: str, folder: Path) -> DistillError:
    kept = f"{folder} is complete; the same command pushes again, and uploads nothing twice."
    return DistillError(f"pushing to '{target.name}' failed: {reason}.", "\n".join(filter(None, (hint, kept))))


@contextmanager
def _hearing_warnings() -> Iterator[None]:
    """What the hub remarks on a card comes as Python warnings; here as lines of the run."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        yield
    for warning in heard:
        logger.info("publish: %s", " ".join(str(warning.message).split()))
