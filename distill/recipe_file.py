"""From a YAML file and `key=value` overrides to a `Recipe`, or to a sentence that names the line."""

import difflib
import re
from collections.abc import Collection
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from distill.errors import Refused
from distill.recipe import Recipe
from distill.recipe_base import Section

S = TypeVar("S", bound=Section)

SHIPPED = Path(str(resources.files("recipes")))


def shipped() -> dict[str, Path]:
    """Name -> path of the recipes that come with the package, such as `cpu/gsm8k`."""
    return {str(p.relative_to(SHIPPED).with_suffix("")): p for p in sorted(SHIPPED.rglob("*.yaml"))}


def find(name: str) -> Path:
    """Path of a recipe given as a file, or by the name under which it is shipped."""
    path = Path(name)
    if path.is_file():
        return path
    known = shipped()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    raise Refused(
        f"there is no recipe file '{name}'.",
        f"Did you mean '{near[0]}'?" if near else "`distill recipes ls` lists those that come with the package.",
    )


def load(name: str, overrides: list[str] | tuple[str, ...] = ()) -> Recipe:
    """Read a recipe and apply `key=value` overrides (dots for depth).

    Raises:
        Refused: no such file, broken YAML, unknown keys, wrong types, contradictory values.
    """
    path = find(name)
    try:
        text = path.read_text(encoding="utf-8-sig")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        tree = yaml.load(text, Loader=_UniqueKeyLoader)
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
    if not isinstance(tree, dict):
        raise Refused(f"{path} holds no recipe: the top level must be sections such as 'problems:' and 'teacher:'.")
    tree.setdefault("name", path.stem)
    for override in overrides:
        _apply(tree, override)
    return parse(tree, str(path), node, {override.partition("=")[0] for override in overrides})


def parse(
    tree: dict[str, Any], where: str = "recipe", node: yaml.Node | None = None, overridden: Collection[str] = ()
) -> Recipe:
    """Validate a plain mapping; every problem found is told, each with its line where it has one.

    `overridden` are the keys that come from the command line and not from the file.
    """
    try:
        return Recipe.model_validate(tree)
    except ValidationError as e:
        told = [_sentence(error, tree, node, overridden) for error in e.errors(include_url=False)]
        raise _refusal(where, told) from e


def settings(model: type[S], words: Collection[str]) -> S:
    """A section from `key=value` words alone.

    Raises:
        Refused: unknown keys, wrong types, contradictory values.
    """
    tree: dict[str, Any] = {}
    for word in words:
        _apply(tree, word)
    try:
        return model.model_validate(tree)
    except ValidationError as e:
        told = [_sentence(error, tree, None, (), model) for error in e.errors(include_url=False)]
        raise _refusal("on the command line", told) from e


def _refusal(where: str, told: list[str]) -> Refused:
    sentence = f"{where}: " + "; ".join(dict.fromkeys(told))
    end = "" if sentence.endswith("?") else "."
    return Refused(sentence + end, "`distill recipes schema` describes every key.")


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


def _apply(tree: dict[str, Any], override: str) -> None:
    key, equals, raw = override.partition("=")
    if not equals or not key:
        raise Refused(f"override '{override}' is not of the form key=value, such as train.learning_rate=1e-4.")
    *parents, last = key.split(".")
    if not all([*parents, last]):
        raise Refused(f"override '{override}': '{key}' is no key.")
    at: Any = tree
    for part in parents:
        at = at.setdefault(part, {})
        if not isinstance(at, dict):
            raise Refused(f"override '{override}': '{part}' is a value, not a section.")
    try:
        at[last] = yaml.load(raw, Loader=_UniqueKeyLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as e:
        raise Refused(f"override '{override}': the value is not readable as YAML.") from e


def _sentence(
    error: Any,
    tree: dict[str, Any],
    node: yaml.Node | None,
    overridden: Collection[str],
    model: type[Section] = Recipe,
) -> str:
    """One pydantic error as a clause: line, key, what is wrong, what was probably meant."""
    path = [str(part) for part in error["loc"]]
    keys = _keys_in(path, tree)
    name = ".".join(keys) or "recipe"
    line = _line_of(keys, node)
    place = f"line {line}: " if line else ""
    if any(f"{name}.".startswith(f"{key}.") for key in overridden):
        place = "on the command line: "
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(keys[-1], _known_keys(keys[:-1], tree, model), n=1, cutoff=0.5)
        return f"{place}unknown key '{name}'" + (f", did you mean '{near[0]}'?" if near else "")
    if error["type"] == "missing":
        return f"{place}key '{name}' is missing"
    if error["type"] in ("union_tag_not_found", "union_tag_invalid"):
        expected = error["ctx"].get("expected_tags", "")
        tag = error["ctx"]["discriminator"].strip("'")
        return (
            f"{place}'{name}.{tag}' must be one of {expected}" if expected else f"{place}key '{name}.{tag}' is missing"
        )
    if error["type"] == "value_error":
        return f"{place}{error['ctx']['error']}" if not keys else f"{place}{name}: {error['ctx']['error']}"
    if error["type"] == "model_type":
        what = "is empty" if error["input"] is None else f"is {error['input']!r}"
        return f"{place}section '{name}' {what}, but must hold keys; leave it out to take its defaults"
    message = error["msg"][0].lower() + error["msg"][1:]
    return f"{place}'{name}' is {_shown(error['input'])}, but {message}"


def _shown(value: Any) -> str:
    """A value as a sentence can hold it."""
    text = "of a number with thousands of digits" if isinstance(value, int) and abs(value) >= 10**4000 else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _keys_in(path: list[str], tree: Any) -> list[str]:
    """Drop from a pydantic location what is no key of the file (the tags of its unions)."""
    keys: list[str] = []
    at = tree
    for i, part in enumerate(path):
        if isinstance(at, dict) and part in at:
            keys.append(part)
            at = at[part]
        elif isinstance(at, list) and part.isdigit():
            keys.append(part)
            at = at[int(part)]
        elif i == len(path) - 1 and isinstance(at, dict):
            keys.append(part)
    return keys


def _known_keys(parents: list[str], tree: dict[str, Any], model: type[Section]) -> list[str]:
    """Keys that the schema allows in a section, unions resolved by what the file chose."""
    schema = model.model_json_schema()
    at: Any = schema
    value: Any = tree
    for part in parents:
        value = value[int(part)] if isinstance(value, list) else value[part]
        entry = at.get("items") or at.get("properties", {}).get(part) or at.get("additionalProperties")
        at = _resolve(entry, schema, value) if isinstance(entry, dict) else {}
    return list(at.get("properties", {}))


def _resolve(entry: dict[str, Any], schema: dict[str, Any], value: Any) -> dict[str, Any]:
    if "discriminator" in entry:
        tag = value.get(entry["discriminator"]["propertyName"])
        entry = {"$ref": entry["discriminator"]["mapping"][tag]}
    for choice in entry.get("anyOf", []):
        if "$ref" in choice:
            entry = choice
    if "$ref" in entry:
        return schema["$defs"][entry["$ref"].rsplit("/", 1)[1]]
    return entry


def _line_of(keys: list[str], node: yaml.Node | None) -> int | None:
    """Line of a key in the file (1 is the first); of its section where the key itself is absent."""
    line = None
    for key in keys:
        if not isinstance(node, yaml.MappingNode):
            break
        found = [(k, v) for k, v in node.value if k.value == key]
        if not found:
            break
        line = found[0][0].start_mark.line + 1
        node = found[0][1]
    return line
