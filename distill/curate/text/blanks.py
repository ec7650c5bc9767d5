"""Spaces where a text has what is not looked at: places in it stay what they are."""

import re


def blank(found: re.Match[str]) -> str:
    """As many spaces as what was found has bytes in UTF-8, with its ends of lines."""
    return "\n".join(" " * len(line.encode("utf-8", "replace")) for line in found[0].split("\n"))
