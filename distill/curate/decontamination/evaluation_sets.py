"""Questions that no trained problem may hold: evaluation sets by a short name, from the hub, or in a file."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from distill.curate.decontamination.questions import Question
from distill.curate.files.asked_text import text_of
from distill.curate.files.short_names import short_names
from distill.curate.files.tables import QUESTIONS, parts
from distill.errors import Refused
from distill.files import user_path
from distill.given_paths import content_digest, existing
from distill.hub_reach import asking_hub
from distill.recipe_curate import Curate
from distill.records import digest
from distill.wording import key


class OnHub(NamedTuple):
    """A data set on the hub."""

    hub_id: str
    config: str | None = None
    split: str | None = None
    """None takes all."""


KNOWN = {
    "math500": OnHub("HuggingFaceH4/MATH-500", None, "test"),
    "aime24": OnHub("HuggingFaceH4/aime_2024", None, "train"),
    "aime25": OnHub("yentinglin/aime_2025", None, "train"),
    "amc23": OnHub("math-ai/amc23", None, "test"),
    "gsm8k": OnHub("openai/gsm8k", "main", "test"),
    "gpqa": OnHub("Idavidrein/gpqa", "gpqa_diamond", "train"),
    "livecodebench": OnHub("livecodebench/code_generation_lite", None, "test"),
    "humaneval": OnHub("openai/openai_humaneval", None, "test"),
    "mbpp": OnHub("google-research-datasets/mbpp", "full", "test"),
}
"""As open-r1 and lighteval load them. GPQA wants a licence accepted on the hub; the card of each tells its terms."""

_HUB = re.compile(r"(?P<id>[\w.-]+/[\w.-]+)(?:\[(?P<config>[\w.-]+)\])?(?::(?P<split>[\w.-]+))?")


def place_of(name: str) -> OnHub | Path:
    """Where an evaluation set is: a name of `KNOWN`, `owner/name`, `owner/name[config]:split`, or a file.

    Raises:
        Refused: there is no such file, and it can be no name on the hub.
    """
    if name in KNOWN:
        return KNOWN[name]
    file = user_path(name)
    if file.is_file():
        return file
    if name.endswith((".jsonl", ".json", ".jsonl.gz", ".parquet")):
        raise Refused(
            f"{key('curate.evaluation_sets')}: there is no file '{name}'.",
            "Paths are relative to the working directory.",
        )
    named = _HUB.fullmatch(name)
    if named is None:
        raise Refused(
            f"the evaluation set '{name}' is no file, no name on the hub, and none of {', '.join(KNOWN)}.",
            "On the hub it is `owner/name`, or `owner/name[config]:split`.",
        )
    return OnHub(named["id"], named["config"], named["split"])


def shown_names(sets: Sequence[str]) -> list[str]:
    """What the sets are called in evidence and on a card: files without the paths of a machine."""
    places = [place_of(name) for name in sets]
    names = iter(short_names([place for place in places if isinstance(place, Path)]))
    return [name if isinstance(place, OnHub) else next(names) for name, place in zip(sets, places, strict=True)]


def questions_of(name: str, called: str = "") -> list[Question]:
    """The questions of an evaluation set, as `place_of` finds it; `called` is its name in evidence.

    Sets of one name would be weighed as one: `shown_names` tells them apart.

    Raises:
        Refused: it cannot be read, or holds none.
    """
    place = place_of(name)
    values = on_hub(name, place) if isinstance(place, OnHub) else _in_file(place)
    called = called or (name if isinstance(place, OnHub) else place.name)
    texts = [(row, text_of(value)) for row, value in enumerate(values, 1)]
    if untold := [row for row, text in texts if text is None]:
        said = f"{name} in {key('curate.evaluation_sets')}, row {untold[0]} holds no text that can be read."
        raise Refused(said, f"Its questions stand in the first of these columns: {', '.join(QUESTIONS)}.")
    found = [Question(text, f"{called}, row {row}") for row, text in texts if text and any(map(str.isalnum, text))]
    if not found:
        raise Refused(f"{name} in {key('curate.evaluation_sets')} holds no question.")
    return found


def card_of(name: str, called: str, questions: Sequence[Question]) -> tuple[str, int, str]:
    """What a card tells of an evaluation set: name, questions, and the digest of the file, or of the questions."""
    place = place_of(name)
    told = digest([q.text for q in questions]) if isinstance(place, OnHub) else content_digest(place)
    return called, len(questions), told


def outside_fingerprint(spec: Curate) -> str:
    """Changes when the files do that a curation reads beside its traces: evaluation sets and general data.

    Raises:
        Refused: one of them is not there.
    """
    places = [place_of(name) for name in spec.evaluation_sets]
    sets = [list(place) if isinstance(place, OnHub) else content_digest(place) for place in places]
    return digest([sets, [content_digest(existing(part.path, "curate.mix.path")) for part in spec.mix]])


def _in_file(file: Path) -> Iterator[Any]:
    return (value for part in parts(file, None) for value in part.values)


def on_hub(name: str, hub: OnHub, column: str | None = None) -> Iterator[Any]:
    """The questions of its rows, in the column of that or a usual name; without a split of all splits.

    Raises:
        Refused: it cannot be had, or no column is known to hold questions.
    """
    from datasets import Dataset, disable_progress_bars, load_dataset

    disable_progress_bars()
    try:
        with asking_hub():
            found = load_dataset(hub.hub_id, hub.config, split=hub.split)
    except (OSError, ValueError, RuntimeError) as e:
        first = (str(e).strip() or type(e).__name__).splitlines()[0].rstrip(".")
        raise Refused(
            f"the evaluation set '{name}' ({hub.hub_id}) cannot be had from the hub ({first}).",
            f"With its questions in a file, name that in {key('curate.evaluation_sets')}.",
        ) from e
    for table in [found] if isinstance(found, Dataset) else list(found.values()):
        found_in = next((one for one in ([column] if column else QUESTIONS) if one in table.column_names), None)
        if found_in is None:
            raise Refused(
                f"the evaluation set '{name}' has no column {column or 'that is known to hold questions'} "
                f"(its columns: {', '.join(sorted(table.column_names))}).",
                f"With its questions in a file, name that in {key('curate.evaluation_sets')}.",
            )
        yield from table[found_in]
