"""Programs as models hand them over: tags, quotes, prompts of the interpreter, prose around bare code."""

import time

import pytest

from distill.verify.programs import behind, extract

F = "def f(x):\n    return x + 1\n"
READS = "a = int(input())\nprint(a + 1)\n"


@pytest.mark.parametrize(
    "response",
    [
        f"```python:main.py\n{F}```",
        f"```python3.11\n{F}```",
        f"```{{.python .numberLines}}\n{F}```",
        f"```Python\n{F}```",
        "```pycon\n>>> def f(x):\n...     return x + 1\n>>> f(1)\n2\n```",
        "```python\n>>> def f(x):\n...     return x + 1\n```",
        f"````markdown\nHere:\n```python\n{F}```\n````\nThat is all of it.",
        f"```md\n```python\n{F}```\n```\nDone.",
        "> ```python\n> def f(x):\n>     return x + 1\n> ```\nas asked.",
        f"```python\n\ufeff{F}```",
        f"```python\n\u200b{F}```",
        f"```python\n{F}```".replace("    ", "\u00a0\u00a0  "),
        f"[PYTHON]\n{F}[/PYTHON]",
        f"Here:\n[BEGIN]\n{F}[DONE]\n",
        f"{F}[DONE]\n\nThe next problem:\n[BEGIN]\ndef f(x): return 0\n[DONE]",
        f"[BEGIN]\n{F}",
        f"<answer>\n{F}</answer>",
        f"<code>\n{F}</code>\nThat is it.",
        f"{F}<|endoftext|>",
        f"{F}<|im_end|>\n</s>",
        f"{F}Done.",
        f"{F}\nTime complexity: O(1)",
        f"{F}\nOutput:\n2",
        f"{F}\n**Explanation**\n\n* adds one",
        f"{F}\nExplanation: adds one.\n- step 1",
        f"with dynamic programming, we get:\n{F}",
        f"if you want this, try:\n{F}",
        f"import note first\n{F}",
        f"```python\n{F}```\nUsage:\n```python\nf = lambda x: f(x)\n```",
    ],
)
def test_a_function_is_found(response: str) -> None:
    found = extract(response, ("f",))
    assert found is not None
    assert found.strip().removesuffix("f(1)").strip() == F.strip()


@pytest.mark.parametrize(
    "program",
    [
        'def f(x):\n    """Adds one to it.\n\n    ```\n    f(1)\n    ```\n    """\n    return x + 1\n',
        "def f(x):\n    '''This adds one. It is short.'''\n    return x + 1\n",
        "def f(x):\n    '''\n    This adds one. It is short.\n\n    Output:\n    '''\n    return x + 1\n",
        f"def f(x):\n    print('one more of it', \"{'words ' * 60}\")\n    return x + 1  # one more of it\n",
        "f = lambda x: x + 1\n",
        "@cache\nasync def f(x):\n    return await g(x) if x not in seen else None\n",
    ],
)
def test_programs_are_left_whole(program: str) -> None:
    if "```" not in program:
        assert (extract(program, ("f",)) or "").rstrip() == program.rstrip()
    assert extract(f"```python\n{program}```\nThat is it.", ("f",)) == program


def test_completions_are_left_whole() -> None:
    for body in ("    yield from range(x)\n", "    if x:\n        yield 0\n    yield 1\n"):
        assert (extract(body, ("f",)) or "").rstrip() == body.rstrip()


@pytest.mark.parametrize("program", [READS, READS.replace("input()", "open(0, 'rb').read()"), "print(6 * 7)\n"])
def test_a_sample_is_no_program(program: str) -> None:
    for after in ("Sample output:\n```\n42\n```", "Input:\n```\n41\n```\nOutput:\n```text\n42\n```"):
        assert extract(f"```python\n{program}```\n{after}", ()) == program
        assert extract(f"```\n{program}```\n{after}", ()) == program


def test_a_later_solution_counts() -> None:
    assert extract(f"```python\ndef f(x): return 0\n```\nNo:\n```python\n{F}```", ("f",)) == F
    assert extract(f"```python\n{READS}```\nBetter:\n```python\nprint(input())\n```", ()) == "print(input())\n"


def test_imports_from_the_future_stand_first() -> None:
    future = "from __future__ import annotations"
    assert behind("import re\n", f"import sys\n{future}  # types\n{F}").startswith(
        f"{future}  \nimport re\nimport sys\n"
    )
    assert behind("import re\n", F) == f"import re\n{F}"


@pytest.mark.parametrize(
    "piece",
    ["a ", "A aa ", ") ", "```\nf=1\n```\n", "[BEGIN]", "<answer>", "'", '\\"', ">>> ", "> ```", "\u200b", "x, "],
)
def test_finding_it_takes_linear_time(piece: str) -> None:
    def seconds(text: str) -> float:
        begin = time.process_time()
        for head in ("", "def f(x):\n    return 1\nA aa ", "for", "x = lambda: 1\n"):
            extract(head + text, ("f",))
            extract(head + text, ())
        return time.process_time() - begin

    text = piece * (300_000 // len(piece))
    assert seconds(text) < max(40 * seconds(text[: len(text) // 10]), 1)
