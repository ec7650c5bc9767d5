"""What a recipe or a report may tell others: no folders of this machine, no internal servers, no keys."""

import ipaddress
import re
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

SECRET = re.compile(r"(?i)(api_?key|token|secret|password|credential)s?$")
"""Keys whose values are left out; `max_tokens` and `api_key_env`, a name, do not end like this or hold numbers."""

WORDS = frozenset({"system", "user", "question", "answer"})
"""Keys of prompts, which may begin with a slash."""

ELSEWHERE = "http://localhost:8000/v1"
"""Stands for a server that others cannot know."""


def public(value: Any) -> Any:
    """The same JSON value with paths cut to their names, and without what looks like a secret."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if not (isinstance(v, str) and SECRET.search(k))}
        return {key: v if key in WORDS else public(v) for key, v in kept.items()}
    if isinstance(value, list | tuple):
        return [public(v) for v in value]
    if not isinstance(value, str):
        return value
    if re.match(r"https?://", value):
        return _address(value)
    return PurePath(value).name if value.startswith(("/", "~", "../")) and "\n" not in value else value


def _address(url: str) -> str:
    """Public hosts as they are but for user, password and query; others by a stand-in."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    inner = "." not in host or host.endswith((".local", ".internal", ".lan", ".localdomain", ".svc", ".cluster"))
    if inner or _is_address(host):
        return ELSEWHERE
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
