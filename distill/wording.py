"""How messages speak to the user of the verb that runs: by which names it knows a key, and what its end leaves behind.

The modules below the verbs name keys as a recipe has them; here they become the words that are typed for this verb.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import NamedTuple


class Verb(NamedTuple):
    """What a verb calls things."""

    section: str = ""
    """Section of a recipe whose keys are this verb's own KEY=VALUE words; empty where whole recipes are read."""
    flags: Mapping[str, str] = MappingProxyType({})
    """Keys of a recipe, and columns, that are an option of this verb."""
    interrupted: tuple[str, str] = ("what was done is kept.", "The same command goes on where it was.")
    """What Ctrl-C leaves, and what the same command does then."""
    kept: str = "All that was counted before is on disk"
    """What a disk that is full leaves."""
    known: str = "name what is known of the problems in problems.known_keys"
    """How more comes to be known of problems."""
    ended: str = "Nothing was trained; the traces are kept."
    """What it means that nothing is left to go on with."""


RECIPE = Verb()
_STARTS_OVER = "The same command starts over."
_LOOKING = Verb(interrupted=("nothing was changed.", _STARTS_OVER))
VERBS = {
    "select": Verb(
        section="curate",
        interrupted=("nothing was written.", _STARTS_OVER),
        kept="Nothing was written",
        known="give the rows a column of that name",
        ended="Nothing was written.",
    ),
    "decontaminate": Verb(
        flags={"curate.evaluation_sets": "--against", "text key": "--text-key", "evaluation key": "--against-key"},
        interrupted=("nothing was written.", _STARTS_OVER),
        kept="Nothing was written",
        ended="Nothing was written.",
    ),
    "evaluate MODEL": Verb(
        section="evaluate",
        interrupted=("the answers that had come whole are kept.", "The same command goes on where it was."),
        known="name what is known of the problems in rows.known_keys",
        ended="The answers that had come are kept.",
    ),
    "verify": Verb(interrupted=("what was judged is kept.", "The same command goes on where it was.")),
    **dict.fromkeys(("plan", "check", "doctor", "recipes"), _LOOKING),
    "view": Verb(interrupted=("nothing was changed.", "The same command shows the pages again.")),
    "report": Verb(interrupted=("the report is the old one.", _STARTS_OVER), kept="The report is the old one"),
}
"""By the name that is typed; all others walk a recipe."""

_verb: ContextVar[Verb] = ContextVar("verb", default=RECIPE)


def speak_for(name: str | None) -> None:
    """Let messages speak to who has typed this verb."""
    _verb.set(VERBS.get(name or "", RECIPE))


def keeps(what: str) -> None:
    """Let messages tell that this is kept where nothing else is written."""
    left = f"nothing was written but {what}."
    _verb.set(verb()._replace(interrupted=(left, _STARTS_OVER)))


def verb() -> Verb:
    """The one that runs; in Python without one it is as in a recipe."""
    return _verb.get()


def key(name: str) -> str:
    """What the user calls a key of a recipe, such as `curate.rows`."""
    spoken = verb()
    if name in spoken.flags:
        return spoken.flags[name]
    return name.removeprefix(f"{spoken.section}.") if spoken.section else name


def setting(name: str, value: str) -> str:
    """A key with a value as the user writes it: YAML for a recipe, a word of the command line elsewhere."""
    return f"`{key(name)}={value}`" if verb().section else f"`{key(name)}: {value}`"


def flag(name: str) -> str | None:
    """The option for a key, or a column, where this verb has one."""
    return verb().flags.get(name)


def counted(count: int, one: str, many: str = "") -> str:
    """`1 row`, `2 rows`, `1,000 rows`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
