"""YAML as recipes mean it: no key twice, `1e-3` a number, `010` and `1:30` no octal and no minutes."""

import re
from pathlib import Path
from typing import Any

import yaml

from distill.errors import Refused


def read(path: Path) -> tuple[Any, yaml.Node | None]:
    """What a file holds, and its nodes, which know their lines.

    Raises:
        Refused: it is not readable, or no YAML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        return value(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except (
        yaml.YAMLError,
        ValueError,
        RecursionError,
    ) as e:
        # half a character, a number of 5,000 digits, 3,000 levels
        said = " ".join(str(e).replace('in "<unicode string>", ', "").split())
        raise Refused(f"{path} is not readable as YAML: {said}.") from e
    except OSError as e:
        raise Refused(f"{path} cannot be read: {e.strerror}.") from e


def value(text: str) -> Any:
    """A text as YAML; raises what PyYAML raises."""
    return yaml.load(text, Loader=_UniqueKeyLoader)


def word(text: str) -> Any:
    """The value of a word `key=value`; what is no YAML stands for itself."""
    try:
        return value(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML lets a later key overwrite an earlier one in silence; a recipe must not."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                line = key_node.start_mark.line + 1
                raise yaml.constructor.ConstructorError(None, None, f"a key must be a word (line {line})")
            if key_node.value in seen:
                line = key_node.start_mark.line + 1
                raise yaml.constructor.ConstructorError(
                    None, None, f"key '{key_node.value}' occurs twice (line {line})"
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def _construct_float(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
    return float(loader.construct_scalar(node))


# YAML 1.1 reads `010` as 8 and `1:30` as 90; such a word is text here, and refused where a number must stand.
_NUMBER_TAGS = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
_ODD_NUMBER = re.compile(r"[-+]?(0[0-7_]+|0b[01_]+|[0-9_.]*:[0-9:_.]*)")


def _resolver(first: str) -> list[tuple[str, Any]]:
    """The implicit types of a word that begins so, without the odd numbers of YAML 1.1."""
    return [
        (tag, _Not(_ODD_NUMBER, regexp) if tag in _NUMBER_TAGS else regexp)
        for tag, regexp in yaml.SafeLoader.yaml_implicit_resolvers.get(first, [])
    ]


class _Not:
    """Matches what the second expression does, unless the first matches all of it."""

    def __init__(self, never: re.Pattern[str], regexp: Any) -> None:
        self._never, self._regexp = never, regexp

    def match(self, text: str) -> Any:
        return None if self._never.fullmatch(text) else self._regexp.match(text)


_UniqueKeyLoader.yaml_implicit_resolvers = {c: _resolver(c) for c in yaml.SafeLoader.yaml_implicit_resolvers}

# YAML 1.1 reads `1e-3` as a string for want of a dot; people write learning rates that way.
_UniqueKeyLoader.add_constructor("tag:distill,float", _construct_float)
_UniqueKeyLoader.add_implicit_resolver(
    "tag:distill,float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)
