"""`distill decontaminate FILE --against SET ...`: words of which none can be taken for another."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand

from distill.errors import Refused

FORM = "FILE --against SET ... --out FILE --flagged FILE"
AGAINST = "--against"


class Decontaminate(TyperCommand):
    """Takes several sets behind one `--against`, which command lines usually do not."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        taking = {name for option in self.params for name in option.opts if name.startswith("-")}
        return super().parse_args(ctx, _refuse_ambiguous(read_words(args, taking)))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [FORM, "[OPTIONS]"]


class Words(NamedTuple):
    """What stands on the command line, each word with its part."""

    first: list[str]
    """Words that are no option's, in front of the first --against."""
    later: list[str]
    """Those behind it, parted from its sets by another option."""
    sets: list[list[str]]
    """Of each --against."""
    options: list[str]
    """All others, with their values."""


def read_words(args: Sequence[str], taking: set[str]) -> Words:
    """Every word behind `--against`, up to the next option, is an evaluation set; `taking` are options with a value."""
    found, listing = Words([], [], [], []), False
    waiting = list(args)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            (found.later if found.sets else found.first).extend(waiting)
            break
        if name == AGAINST:
            listing = True
            found.sets.append([value] if equals else [])
        elif word.startswith("-") and word != "-":
            listing = False
            found.options.append(word)
            if name in taking and not equals and waiting:
                found.options.append(waiting.pop(0))
        elif listing:
            found.sets[-1].append(word)
        else:
            (found.later if found.sets else found.first).append(word)
    return found


def _refuse_ambiguous(words: Words) -> list[str]:
    """The command line with one set behind each --against, and the input at its end.

    Raises:
        Refused: no input, several, or one that could as well be an evaluation set.
    """
    hint = f"distill decontaminate {FORM}"
    if [] in words.sets:
        raise Refused(f"nothing stands behind {AGAINST}.", hint)
    inputs = [*words.first, *words.later]
    several = next((some for some in words.sets if some[1:]), [])
    if inputs[1:]:
        raise Refused(f"'{inputs[1]}' is one file too many: '{inputs[0]}' is the input already.", hint)
    if words.later and several:
        said = f"'{words.later[0]}' may be the input or one more evaluation set: it stands behind {AGAINST}."
        raise Refused(said, f"The input goes first: {hint}")
    if words.sets and not inputs and not {"-h", "--help"} & {*words.options}:
        sets = [name for some in words.sets for name in some]
        raise Refused(f"no input is named: what stands behind {AGAINST} ({', '.join(sets)}) are evaluation sets.", hint)
    spread = [word for some in words.sets for name in some for word in (AGAINST, name)]
    return [*words.options, *spread, *(["--", *inputs] if inputs else [])]


def decontaminate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .jsonl, .jsonl.gz or .parquet file.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the rows that are kept, as they are.")],
    flagged: Annotated[Path, typer.Option(metavar="FILE", help="Where to write what was found, with the evidence.")],
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SET ...", help="Evaluation sets: files, names as math500 or aime24, or owner/name on the hub."
        ),
    ] = None,
    text_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Column with the text; question, problem, ... if not given.")
    ] = None,
    against_key: Annotated[str | None, typer.Option(metavar="KEY", help="The same of the evaluation sets.")] = None,
    drop_changed: Annotated[
        bool, typer.Option("--drop-changed", help="Leave out rows with other numbers or formulas, too.")
    ] = False,
) -> None:
    """Leave out the rows of any file that hold a question of an evaluation set, whatever was reformatted in it.

    Rows with other numbers or formulas are flagged as changed, and kept (--drop-changed leaves them out, too).
    """
    from distill.curate.decontamination.files import Keys, decontaminate_file, summary

    keys = Keys(text_key, against_key)
    found = decontaminate_file(file, list(dict.fromkeys(against or [])), out, flagged, keys, _looked_at, drop_changed)
    typer.echo(f"{summary(found, file)}\n-> {out}, {flagged}")


def _looked_at(rows: int) -> None:
    if rows % 100_000 < 8192 < rows:
        typer.echo(f"{rows:,} rows", err=True)
