"""`distill select`: curation of traces in any files, without a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distill.curate.files.short_names import short_names
from distill.curate.files.unpacked import unpacked
from distill.curate.output.curated_folder import output_folder
from distill.curate.stage import curate_source
from distill.curate.steps.funnel import Step, as_text
from distill.curate.steps.problems import Ask
from distill.curate.traces.published_traces import PublishedTraces
from distill.errors import Refused
from distill.given_paths import existing, refuse_no_file, stamp, told_as_changed
from distill.published import as_flag
from distill.recipe_curate import Curate
from distill.recipe_problems import TracesProblems
from distill.recipe_prompts import Prompt
from distill.wording import counted, key

FORMATS = (".jsonl", ".json", ".jsonl.gz", ".json.gz", ".parquet")

KINDS = ("math", "choice", "number")
"""Kinds of problems whose traces are judged by a gold answer in a column."""


def select_files(
    files: Sequence[Path],
    out: Path,
    spec: Curate,
    columns: TracesProblems,
    prompt: Prompt,
    seed: int,
    ask: Ask | None = None,
    verify: str | None = None,
    systems: bool = True,
) -> dict[str, Any]:
    """Choose traces of files by the keys of a recipe's section `curate`, and write a `datasets` folder to `out`.

    Verdicts are those that `distill verify` has written beside the rows, or that a published set has; with `verify`,
    a kind of problem, every trace is judged as it is read. Rows keep the system messages of their chats with `systems`,
    unless `prompt` has one. `ask` gets domains of problems from a model. Returns rows
    and funnel, as `curate` does.

    Raises:
        Refused: a file that is missing, changes while it is read, or is of no layout that is known, an `out` that is no
            folder of ours, nothing left.
    """
    refuse_paths(files)
    folder = output_folder(out, files)
    if verify is not None and verify not in KINDS:
        raise Refused(f"--kind={verify} is not judged here.", f"Kinds: {', '.join(KINDS)}; others: distill verify.")
    for part in spec.mix:
        existing(part.path, key("curate.mix.path"))
    given = tuple(file.absolute() for file in files)  # not where links lead: blobs of a hub cache have no suffix
    stamps = {file: stamp(file) for file in given}
    with told_as_changed(stamps), unpacked(given, folder if spec.engine == "ray" else None) as read:
        judged = (verify or "math", verify is not None)
        own = systems and prompt.system is None
        source = PublishedTraces(read, columns, *judged, own, _carried(spec), given, stamps)
        command = _command(files, columns, prompt, verify, systems)
        return curate_source(source, spec, seed, [], prompt.messages, folder, ask, command)


def _command(
    files: Sequence[Path], columns: TracesProblems, prompt: Prompt, verify: str | None, systems: bool
) -> list[str]:
    """What is typed for this, but for keys of the recipe; files by name, as a card shows no paths of a machine."""
    words = ["distill", "select", *short_names(files)]
    words += ["--verify", "--kind", verify] if verify is not None else []
    for name in ("question_key", "answer_key", "thinking_key", "response_key"):
        value = columns.model_dump()[name]
        words += [as_flag(name), value] if value is not None else []
    words += ["--system", prompt.system] if prompt.system is not None else []
    return words if systems else [*words, "--drop-system"]


def _carried(spec: Curate) -> dict[str, str]:
    """Columns that the steps need to know of a problem, each with the key that names it."""
    found: dict[str, str] = {}
    if spec.difficulty is not None:
        found |= dict.fromkeys(spec.difficulty.known, "difficulty.known")
        found |= dict.fromkeys(spec.difficulty.panel, "difficulty.panel")
    if spec.domains is not None and spec.domains.by == "known":
        found[spec.domains.key] = "domains.key"
    return found


def refuse_paths(files: Sequence[Path]) -> None:
    """
    Raises:
        Refused: inputs that are no files of a known format, or one of them twice: each of its traces would be two
            samples of its problem.
    """
    seen: set[Path] = set()
    for file in files:
        if file.resolve() in seen:
            raise Refused(f"{file} is named twice, so that each of its traces would count as two.", "Name it once.")
        seen.add(file.resolve())
        refuse_no_file(file)
        if not file.name.endswith(FORMATS):
            raise Refused(f"{file} is neither .jsonl nor .parquet, the formats that are read.")


def summary(counts: dict[str, Any]) -> str:
    """The funnel, and what was mended on the way."""
    funnel = as_text([Step(**step) for step in counts["funnel"]])
    halves = counts.get("halves", 0)
    said = f"{counted(halves, 'row')} with half a character, as a cut stream leaves it: a ? stands for it"
    return f"{funnel}\n{said}" if halves else funnel
