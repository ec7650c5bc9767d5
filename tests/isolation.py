"""A sandbox for these tests, or the reason why there is none here."""

import re
from functools import cache
from pathlib import Path

from distill.verify import code, judge
from distill.verify.judgement import Judgement
from distill.verify.sandbox import Sandbox, Unavailable
from distill.verify.sandbox.bubble import bubblewrap

MBPP = {"test_list": ["assert f(2) == 3", "assert f(10) == 11", "assert f(-1) == 0"]}
"""Tests of `f(x) = x + 1`."""


@cache
def absent() -> str:
    """Why no sandbox can be had; empty if it can."""
    if bubblewrap() is None:
        return "bubblewrap is not installed"
    sandbox = Sandbox()
    try:
        sandbox.call(
            "def f(): pass",
            {"before": "", "setup": "", "checks": ["f()"], "under_test": ["f"], "entry": ""},
            code.runner.limits,
        )
    except Unavailable as e:
        return f"no isolation here: {e}"
    finally:
        sandbox.close()
    return ""


def attacks(chapter: str) -> dict[str, str]:
    """Programs of a chapter of `attacks.md`, by name."""
    text = Path(__file__).with_name("attacks.md").read_text().split(f"# {chapter}\n")[1]
    text = re.split(r"^# (?!expected)", text, maxsplit=1, flags=re.MULTILINE)[0]
    found = re.findall(r"^## ([^\n]+)\n\n```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return dict(found)


def judged(program: str, data: dict | None = None) -> Judgement:
    """The verdict on a response that holds this program."""
    return judge("code", f"Here it is:\n```python\n{program}\n```\n", "", MBPP if data is None else data)
