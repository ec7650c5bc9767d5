"""What the hub on loopback says against a card: its documented rules (hub-docs, modelcard.md), apart from ours."""

import re

import yaml

from distill.licences import KNOWN


def broken(card: str, kind: str) -> list[str]:
    """A sentence for each rule that a card's front matter breaks; `kind` is model or dataset."""
    found = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    told = yaml.safe_load(found[1]) if found else {}
    errors = []
    if "license" in told and told["license"] not in KNOWN:
        errors.append(f'"license" must be one of the known identifiers, not {told["license"]!r}')
    if "license_name" in told and not re.fullmatch(r"[a-z0-9.-]+", str(told["license_name"])):
        errors.append('"license_name" must match [a-z0-9-.]+')
    ids = [("base_model", told.get("base_model"))] if "base_model" in told else []
    for key, value in ids + [("datasets", d) for d in told.get("datasets", [])]:
        if not re.fullmatch(r"[\w.-]{1,96}(/[\w.-]{1,96})?", str(value), re.ASCII):
            errors.append(f'"{key}" with value {value!r} is not valid. Use an id from the hub')
    if not all(isinstance(tag, str) and tag for tag in told.get("tags", [])):
        errors.append('"tags" must be an array of strings')
    for entry in told.get("model-index", []):
        for result in entry["results"]:
            for section, key in (("task", "type"), ("dataset", "type"), ("dataset", "name")):
                if not isinstance(result.get(section, {}).get(key), str):
                    errors.append(f'"model-index[0].results[0].{section}.{key}" is required')
            if not all(isinstance(m.get("type"), str) and "value" in m for m in result["metrics"]):
                errors.append('"model-index[0].results[0].metrics" needs type and value')
    if kind == "dataset" and not all(isinstance(s, str) for s in told.get("size_categories", [])):
        errors.append('"size_categories" must be an array of strings')
    return errors
