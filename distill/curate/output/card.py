"""The card of a curated set: what is in it, where that comes from, and how it was chosen."""

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from distill import __version__
from distill.curate.files.short_names import short_names
from distill.curate.steps.funnel import Step, as_text
from distill.curate.traces.sources import NOT_JUDGED
from distill.files import user_path
from distill.licences import of_all
from distill.recipe_curate import Curate
from distill.wording import counted

NOBODY = NOT_JUDGED.by

MOST_LISTED = 20
"""Sources, teachers, ... that are told one by one."""


class Inputs(NamedTuple):
    """What a set was made of."""

    files: Sequence[tuple[str, str]] = ()
    """Of traces and general data, by name, with the SHA-256 of each."""
    sets: Sequence[tuple[str, int, str]] = ()
    """Of the evaluation, by name: questions, and the SHA-256 of the file, or of the questions where there is none."""
    command: Sequence[str] = ()
    """What was typed but for keys of the recipe; empty in a run."""


def data_card(
    columns: Mapping[str, Sequence[Any]],
    steps: Sequence[Step],
    spec: Curate,
    seed: int,
    inputs: Inputs = Inputs(),  # noqa: B008
) -> str:
    """Markdown with the front matter that the Hugging Face Hub reads; `columns` are those of the set."""
    count = len(columns["source"])
    tokens = sorted(columns["completion_tokens"])
    licences = sorted(set(columns["licence"]))
    shown = {
        "front": _front(count, licences),
        "count": counted(count, "trace"),
        "funnel": as_text(steps),
        "seed": str(seed),
    }
    places = (0, count // 4, count // 2, 3 * count // 4, count - 1)
    shown["lengths"] = " | ".join(f"{tokens[place]:,}" for place in places)
    shown["problems"] = counted(len(set(columns["problem_id"])), "problem")
    for name, column in (("sources", "source"), ("licences", "licence"), ("teachers", "teacher")):
        shown[name] = _counted(columns[column])
    judged = [
        f"{v}, not judged" if by == NOBODY else f"{v} by {by}"
        for v, by in zip(columns["verdict"], columns["verdict_by"], strict=True)
    ]
    shown["verdicts"] = _counted(judged)
    shown["samplings"] = _counted([_sampling(told) for told in columns["sampling"]])
    files = "\n".join(f"| {name} | `{digest}` |" for name, digest in inputs.files)
    sets = "\n".join(f"| {name} | {questions:,} | `{digest}` |" for name, questions, digest in inputs.sets)
    shown["files"] = (_FILES.format(files) if files else "") + (_SETS.format(sets) if sets else "")
    shown["settings"] = _command(spec, seed, inputs) if inputs.command else _section(spec, inputs)
    shown["version"] = __version__
    return _CARD.format(**shown)


def _front(count: int, licences: Sequence[str]) -> str:
    size = next((name for most, name in _SIZES if count < most), "n>1M")
    shared = of_all(licences)
    licence = [f"license: {shared}"] if shared else []
    named = ["license_name: mixed"] if shared == "other" else []
    tags = ["tags:", "- distillation", "- reasoning"]
    category = ["task_categories:", "- text-generation", "size_categories:", f"- {size}"]
    return "\n".join(["---", *licence, *named, *category, *tags, "---"])


_SIZES = ((1000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def _counted(values: Sequence[str]) -> str:
    found = Counter(values).most_common()
    lines = [f"| {name.replace('|', '/')} | {rows:,} |" for name, rows in found[:MOST_LISTED]]
    if found[MOST_LISTED:]:
        lines.append(f"| {len(found) - MOST_LISTED} others | {sum(rows for _, rows in found[MOST_LISTED:]):,} |")
    return "\n".join(lines)


def _sampling(told: str) -> str:
    """How a trace was sampled, its seed aside."""
    known = [f"{key} {value}" for key, value in json.loads(told).items() if value is not None and key != "seed"]
    return ", ".join(known) or "unknown"


def _settings(spec: Curate, sets: Sequence[tuple[str, int, str]]) -> dict[str, Any]:
    """The keys that differ from their defaults, and those that always matter; files without paths of a machine."""
    chosen = {"select": spec.select} | spec.model_dump(mode="json", exclude_defaults=True)
    if spec.traces_per_problem != Curate(select=spec.select, rows=spec.rows or 1).traces_per_problem:
        chosen["traces_per_problem"] = spec.traces_per_problem  # of which a selection may have a default of its own
    if spec.evaluation_sets:
        chosen["evaluation_sets"] = [name for name, *_ in sets]
    if spec.mix:
        names = short_names([user_path(part.path) for part in spec.mix])
        chosen["mix"] = [p.model_dump(mode="json") | {"path": name} for p, name in zip(spec.mix, names, strict=True)]
    return chosen


def _section(spec: Curate, inputs: Inputs) -> str:
    """Of a recipe."""
    text = yaml.safe_dump({"curate": _settings(spec, inputs.sets)}, sort_keys=False, allow_unicode=True, width=120)
    return f"```yaml\n{text}```"


def _command(spec: Curate, seed: int, inputs: Inputs) -> str:
    """The same set again, where the files are."""
    words = [f"{key}={_word(value)}" for key, value in _settings(spec, inputs.sets).items()]
    return f"```bash\n{shlex.join([*inputs.command, *words, '--seed', str(seed), '--out', 'FOLDER'])}\n```"


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_FILES = """
| file | SHA-256 |
|---|---|
{}
"""

_SETS = """
| compared with | questions | SHA-256 of the file, or of the questions |
|---|---|---|
{}
"""

_CARD = """{front}

# Curated reasoning traces

{count} of {problems}, chosen with `distill` {version}, seed {seed}. Each row holds what is trained on
(`messages`, `completion`) and where it comes from: the problem with its source and licence, the teacher and how it was
sampled, the verdict with its reason, and why the row was chosen (`selected_as`, `selected_because`).

## How they were chosen

```text
{funnel}
```

{settings}

## Where they come from

| source | rows |
|---|---|
{sources}

| licence of the problem | rows |
|---|---|
{licences}

| teacher | rows |
|---|---|
{teachers}

| sampling | rows |
|---|---|
{samplings}

| verdict | rows |
|---|---|
{verdicts}
{files}
## Length

| shortest | a quarter below | half below | three quarters below | longest |
|---|---|---|---|---|
| {lengths} |

Tokens of the completion, reasoning included, as the teacher's server counted them, or a quarter of its characters where
none did.
"""
