"""From a YAML file and `key=value` overrides to a `Recipe`, or to a sentence that names the line."""

import difflib
from collections.abc import Collection
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import ValidationError

from distill import presets, recipe_yaml
from distill.errors import Refused
from distill.recipe import Recipe
from distill.recipe_base import Section

S = TypeVar("S", bound=Section)

SHIPPED = Path(str(resources.files("recipes")))


def shipped() -> dict[str, Path]:
    """Name -> path of the recipes that come with the package, such as `cpu/gsm8k`; presets are none of them."""
    found = [path for path in sorted(SHIPPED.rglob("*.yaml")) if path.parent != presets.FOLDER]
    return {str(path.relative_to(SHIPPED)).removesuffix(".yaml"): path for path in found}


def find(name: str) -> Path:
    """Path of a recipe given as a file, or by the name under which it is shipped, the folder left out or not."""
    path = Path(name)
    if path.is_file():
        return path
    known = shipped()
    short = {one.rpartition("/")[2]: file for one, file in known.items()}
    if name in known or name in short:
        return known.get(name) or short[name]
    if name in presets.names():
        hint = f"It goes with a recipe: distill run students/qwen2.5-7b preset={name}"
        raise Refused(f"'{name}' is a preset, not a recipe.", hint)
    near = difflib.get_close_matches(name, [*known, *short], n=1, cutoff=0.5)
    raise Refused(
        f"there is no recipe file '{name}'.",
        f"Did you mean '{near[0]}'?" if near else "`distill recipes ls` lists those that come with the package.",
    )


class Resolved(NamedTuple):
    """A recipe, and where its values come from."""

    recipe: Recipe
    origins: dict[str, Any]
    """Sections as in the recipe; instead of a value stands who gave it. What nobody gave is a default, and absent."""


def load(name: str, overrides: list[str] | tuple[str, ...] = ()) -> Recipe:
    """Read a recipe and apply `key=value` overrides (dots for depth); `preset=NAME` among them brings a preset.

    Raises:
        Refused: no such file or preset, broken YAML, unknown keys, wrong types, contradictory values.
    """
    return resolve(name, overrides).recipe


def resolve(name: str, overrides: list[str] | tuple[str, ...] = ()) -> Resolved:
    """The same, with the origin of each value."""
    path = find(name)
    own, node = recipe_yaml.read(path)
    if not isinstance(own, dict):
        raise Refused(f"{path} holds no recipe: the top level must be sections such as 'problems:' and 'teacher:'.")
    words = [word for word in overrides if not word.startswith("preset=")]
    on_line = [recipe_yaml.word(word.removeprefix("preset=")) for word in overrides if word.startswith("preset=")]
    in_file = own.pop("preset", None)
    own.setdefault("name", "-".join([path.name.removesuffix(".yaml"), *(str(one) for one in on_line[-1:] if one)]))
    chosen = on_line[-1] if on_line else in_file
    layers = [(path.name, own)]
    if chosen is not None:
        brought = (f"preset {chosen}", presets.overlay(chosen, _student_in(own, words)))
        layers.insert(len(layers) if on_line else 0, brought)
    tree: dict[str, Any] = {}
    origins: dict[str, Any] = {}
    for origin, layer in layers:
        tree, origins = presets.merged(tree, layer), presets.merged(origins, _labelled(layer, origin))
    for word in words:
        _apply(tree, word)
        _apply(origins, f"{word.partition('=')[0]}=command line")
    return Resolved(parse(tree, str(path), node, {word.partition("=")[0] for word in words}), origins)


def _student_in(own: dict[str, Any], words: list[str]) -> str:
    """The student's model as far as it can be told before anything is validated."""
    said = [word.partition("=")[2] for word in words if word.startswith("student.model=")]
    section = own.get("student")
    return said[-1] if said else str(section.get("model", "")) if isinstance(section, dict) else ""


def _labelled(layer: dict[str, Any], origin: str) -> dict[str, Any]:
    """The same keys with their origin as value."""
    return {key: _labelled(value, origin) if isinstance(value, dict) else origin for key, value in layer.items()}


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
        at[last] = recipe_yaml.value(raw)
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
