"""The program in a response: fences, prose around it, several blocks."""

import pytest

from distill.verify.programs import extract
from distill.verify.stop_tokens import without_stop_tokens


@pytest.mark.parametrize(
    ("response", "names", "program"),
    [
        (
            "```python\na = 1\n```\nthen\n```python\ndef f(): pass\n```\nuse:\n```python\nprint(f())\n```",
            ("f",),
            "def f(): pass\n",
        ),
        ("```py\ndef f(): pass\n```\nno:\n```python\ndef f(): return 1\n```", ("f",), "def f(): return 1\n"),
        (
            "```python\nimport re\nN = 5\n```\n```python\ndef f(): return N\n```",
            ("f",),
            "import re\nN = 5\n\ndef f(): return N\n",
        ),
        (
            "```python\ndef h(): pass\n```\n```python\ndef f(): return h()\n```",
            ("f",),
            "def h(): pass\n\ndef f(): return h()\n",
        ),
        (
            "```python\nclass Solution:\n    def f(self): pass\n```\n```\nf() -> 3\n```",
            ("f",),
            "class Solution:\n    def f(self): pass\n",
        ),
        ("```python\nn = int(input())\nprint(n)\n```\n```\n3\n```", (), "n = int(input())\nprint(n)\n"),
        ("```cpp\nint main() {}\n```", ("f",), None),
        ("    ```python\n    def f(): pass\n    ```", ("f",), "def f(): pass\n"),
        ("```python\ndef f():\n    return 1", ("f",), "def f():\n    return 1\n"),
        ("def f():\n    return 1", ("f",), "def f():\n    return 1\n"),
        ("    return 1\n\ndef g(): pass", ("f",), "    return 1\n\ndef g(): pass\n"),
        ("```python\ndef f():\n    return 1```", ("f",), "def f():\n    return 1\n"),
        ("```python\ndef f(): return '```'\n```", ("f",), "def f(): return '```'\n"),
        ("Here it is:\ndef f():\n    return 1\n\nThis returns one as asked.", ("f",), "def f():\n    return 1\n"),
        ("[BEGIN]\ndef f():\n    return 1\n[DONE]\nYou are an expert", ("f",), "def f():\n    return 1\n"),
        ("def f():\n    return 1\n[DONE]\nYou are an expert", ("f",), "def f():\n    return 1\n"),
        ("[PYTHON]\ndef f(): pass\n[/PYTHON]\nIt passes.", ("f",), "def f(): pass\n"),
        ("So: <answer>def f(): pass</answer>", ("f",), "def f(): pass\n"),
        ("<answer>\n<code>\ndef f(): pass\n</code>\n</answer>", ("f",), "def f(): pass\n"),
        ("<answer>\n```python\ndef f(): pass\n```\n</answer>", ("f",), "def f(): pass\n"),
        ("\\begin{lstlisting}[language=Python]\nf = len\n\\end{lstlisting}", ("f",), "f = len\n"),
        ("It calls <code>sum</code>.\ndef f(): pass", ("f",), "def f(): pass\n"),
        ("def f(x):\n    return x.strip('<code>')", ("f",), "def f(x):\n    return x.strip('<code>')\n"),
        ("def f(): pass<|im_end|>\n<|endoftext|>\n", ("f",), "def f(): pass\n"),
        ("```python\ndef f(): pass\n```</s>", ("f",), "def f(): pass\n"),
        ("The answer is 3.", ("f",), None),
        ("", ("f",), None),
    ],
)
def test_the_program_in_a_response(response: str, names: tuple[str, ...], program: str | None) -> None:
    assert extract(response, names) == program


def test_finding_it_is_linear() -> None:
    for text in (
        "```" * 100_000,
        "```python\n" * 50_000,
        "def f" * 100_000,
        "`" * 300_000,
        " \t" * 200_000 + "```",
        "~~~\n" * 70_000,
        "[BEGIN]\n" * 50_000,
        "<code>x=1</code> " * 50_000,
        "</s>" * 50_000,
    ):
        extract(text, ("f",))


def test_stop_tokens_at_the_end_alone_are_cut() -> None:
    for token in ("<|endoftext|>", "<|im_end|>", "</s>", "<｜end▁of▁sentence｜>", "<end_of_turn>", "<|eot_id|>"):
        assert without_stop_tokens(f"It is 4.{token}\n {token}\n") == "It is 4."
        assert without_stop_tokens(f"{token} is what ends it\n") == f"{token} is what ends it\n"
