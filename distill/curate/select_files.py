"""`distill select`: curation of traces in any files, without a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distill.curate.curated_folder import output_folder
from distill.curate.funnel import Step, as_text
from distill.curate.problem_steps import Ask
from distill.curate.published_traces import PublishedTraces
from distill.curate.stage import curate_source
from distill.errors import Refused
from distill.given_paths import refuse_no_file
from distill.recipe_curate import Curate
from distill.recipe_problems import TracesProblems
from distill.recipe_prompts import Prompt
from distill.wording import counted

FORMATS = (".jsonl", ".json", ".parquet")


def select_files(
    files: Sequence[Path],
    out: Path,
    spec: Curate,
    columns: TracesProblems,
    prompt: Prompt,
    seed: int,
    ask: Ask | None = None,
) -> dict[str, Any]:
    """Choose traces of files by the keys of a recipe's section `curate`, and write a `datasets` folder to `out`.

    Verdicts are those that `distill verify` has written beside the rows; `ask` gets domains of problems from a model.
    Returns rows and funnel, as `curate` does.

    Raises:
        Refused: a file that is missing or of no layout that is known, an `out` that is no folder of ours, nothing left.
    """
    refuse_paths(files)
    folder = output_folder(out, files)
    source = PublishedTraces(tuple(file.resolve() for file in files), columns)
    return curate_source(source, spec, seed, [], prompt.messages, folder, ask)


def refuse_paths(files: Sequence[Path]) -> None:
    """
    Raises:
        Refused: inputs that are no files of a known format.
    """
    for file in files:
        refuse_no_file(file)
        if file.suffix not in FORMATS:
            raise Refused(f"{file} is neither .jsonl nor .parquet, the formats that are read.")


def summary(counts: dict[str, Any]) -> str:
    """The funnel, and what was mended on the way."""
    funnel = as_text([Step(**step) for step in counts["funnel"]])
    halves = counts.get("halves", 0)
    said = f"{counted(halves, 'row')} with half a character, as a cut stream leaves it: a ? stands for it"
    return f"{funnel}\n{said}" if halves else funnel
