"""What stands in the tests' process for an object that stays with the program.

A test may call what it names, look at attributes, go over an object, ask for its length and text. With the expected
value in hand it may ask nothing: an object that answers for itself says what is liked. Objects that tests make by
themselves, of a class that they name, are what is tested, and answer to their methods.
"""

import itertools
from typing import Any, NoReturn, Protocol

MOST_ITEMS = 20_000
"""That are looked through for a value in an object of the program."""

_SAYS_YES = frozenset(
    name
    for kind in (str, bytes, set, frozenset, float)
    for name in dir(kind)
    if name.startswith(("is", "startswith", "endswith"))
)
"""Methods of plain values that say yes or no, which an object in place of the value could answer with yes."""


class Asks(Protocol):
    """The way to the program."""

    def ask(self, do: str, of: "Remote", *given: Any, **named: Any) -> Any: ...

    def said(self, do: str, of: "Remote") -> Any: ...

    def refuse(self, what: str) -> NoReturn: ...


class Remote:
    """A value that stays with the program. Equal to nothing but itself."""

    __slots__ = ("_line", "_made", "_number", "_part")

    def __init__(self, line: Asks, number: int, made: bool, part: bool) -> None:
        """`made`: by the tests, of a class that they name; `part`: of what the program has returned."""
        for name, value in (("_line", line), ("_number", number), ("_made", made), ("_part", part)):
            object.__setattr__(self, name, value)

    def __call__(self, *given: Any, **named: Any) -> Any:
        if self._part and (given or named):
            self._line.refuse("a method with the expected value in hand")
        return self._line.ask("call", self, *given, **named)

    def __getattr__(self, name: str) -> Any:
        if name in _SAYS_YES:
            self._line.refuse(f"whether it {name}")
        return self._line.ask("get", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._line.ask("set", self, name, value)

    def __getitem__(self, key: Any) -> Any:
        if not self._made:
            self._line.refuse("for an item")
        return self._line.ask("item", self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._line.ask("set_item", self, key, value)

    def __eq__(self, other: object) -> bool:
        if self is other or other is None:
            return self is other
        if self._made or isinstance(other, Remote):
            self._line.refuse("whether it is equal")
        return False

    def __hash__(self) -> int:
        return int(self._number)

    def __contains__(self, item: Any) -> bool:
        """By all that it goes over: what it would say itself could be yes to everything."""
        try:
            items = list(itertools.islice(iter(self), MOST_ITEMS + 1))
        except TypeError:
            self._line.refuse("for what it holds")
        if len(items) > MOST_ITEMS:
            self._line.refuse("for what it holds, and it holds too much")
        return any(one is item or one == item for one in items)

    def __iter__(self) -> Any:
        return self._line.ask("iter", self)

    def __next__(self) -> Any:
        return self._line.ask("next", self)

    def __len__(self) -> int:
        return int(self._line.said("len", self))

    def __bool__(self) -> bool:
        return self._line.said("bool", self) is True

    def __str__(self) -> str:
        return str(self._line.said("str", self))

    def __repr__(self) -> str:
        return str(self._line.said("repr", self))
