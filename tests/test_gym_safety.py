"""Scorers of reasoning_gym: nothing that a model writes is run, no verdict is wrong for want of time."""

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gyms import problems_of, time_limit, verdict

from distill.verify import gym, limit_time
from distill.verify.gym import Scorer
from distill.verify.tagged import decode

__all__ = ["time_limit"]  # a fixture

EVALUATED = {
    "simple_integration": "x**2",
    "intermediate_integration": "x**2",
    "polynomial_multiplication": "x**2",
    "puzzle24": "24",
    "countdown": "24",
    "string_insertion": "['a']",
    "spiral_matrix": "[1]",
    "binary_matrix": "[[1]]",
    "n_queens": "[['Q']]",
    "number_sorting": "[1]",
    "bitwise_arithmetic": "0x1",
    "propositional_logic": "P",
    "coin_flip": "1",
}
"""Data sets whose scorers evaluate or parse answers, with an answer of the usual form."""


def attacks(folder: Path) -> list[str]:
    touch = f"open({str(folder / 'pwned')!r},'w')"
    python = f"__import__('os').system('touch {folder / 'pwned'}')"
    return [
        python,
        touch,
        f"[{python}]",
        f"[x for x in [{touch}]]",
        f"(lambda: {touch})()",
        f'exec("{touch}")',
        f"Symbol({touch})",
        f"sin({touch})",
        "().__class__.__base__.__subclasses__()",
        "x.__class__",
        "Integer.__init__.__globals__",
        f"sympify({touch!r})",
        f"S({touch!r})",
        f"f'{{{touch}}}'",
        f"print({touch})",
        f"globals()['__builtins__']['open']({str(folder / 'pwned')!r}, 'w')",
        f"preview(x, output='png', outputbuffer={touch})",
    ]


@pytest.mark.parametrize("name", EVALUATED)
def test_code_is_not_run(name: str, tmp_path: Path) -> None:
    for text in attacks(tmp_path):
        assert verdict(problems_of(name)[0], text) in ("wrong", "unknown"), text
    assert list(tmp_path.iterdir()) == []
    assert verdict(problems_of(name)[0], EVALUATED[name]) in ("wrong", "correct", "unknown")


BOMBS = [
    "9**9**9",
    "9**9**9**9",
    "(9**999)**999**999",
    "10**-9**9**9",
    "1<<10**12",
    "[0]*10**12",
    "'a'*10**12",
    "1e999999999",
    "1/9e999999999",
    "factorial(10**9)",
    "(" * 5000 + "1" + ")" * 5000,
    "[" * 5000 + "]" * 5000,
    "-" * 50_000 + "1",
    "sin(" * 250 + "x" + ")" * 250,
    "1+" * 40_000 + "1",
    "(x+1)**1000*(x+2)**1000",
    "9" * 1_000_000,
    "<answer>" * 100_000,
    "\x00",
    "R999999999",
]


def test_bombs_cost_one_verdict_and_never_the_run() -> None:
    limit_time(1)
    for name in ("simple_integration", "n_queens", "coin_flip", "rubiks_cube"):
        for bomb in BOMBS:
            assert verdict(problems_of(name)[0], bomb) in ("wrong", "unknown"), (name, bomb[:20])
    limit_time(5)
    right = problems_of("simple_integration")[0]
    assert verdict(right, right.answer) == "correct"


def test_too_large_or_too_deep_is_unknown_not_wrong() -> None:
    right = problems_of("simple_integration")[0]
    variable = decode(right.data["entry"])["metadata"]["variable"]
    assert verdict(right, f"{right.answer} + 0*9**9**9") == "unknown"
    assert verdict(right, right.answer + " + 0" * 400) == "unknown"
    assert verdict(right, f"{right.answer} + 0*Integral(1, {variable})") == "unknown"


def test_a_killed_scorer_costs_one_unknown() -> None:
    right = problems_of("simple_integration")[0]
    assert verdict(right, right.answer) == "correct"
    limit_time(0.5)
    assert verdict(right, f"{right.answer} + 0*1e999999999") == "unknown"  # a number with a billion digits
    limit_time(5)
    assert verdict(right, right.answer) == "correct"
    assert gym.scorer._child is not None
    gym.scorer._child.kill()
    gym.scorer._child.wait()
    assert verdict(right, right.answer) == "correct"


CONFINED = """
import os, socket, subprocess, sys
import distill.verify.confine as c
if sys.argv[1] == "kernel":
    c._filter_system_calls()
else:
    c.confine(2 << 30)
tries = {
    "write": lambda: open(sys.argv[2] + "/pwned", "w"),
    "change": lambda: os.open(sys.argv[2] + "/there", os.O_RDWR),
    "remove": lambda: os.unlink(sys.argv[2] + "/there"),
    "folder": lambda: os.mkdir(sys.argv[2] + "/pwned"),
    "run": lambda: subprocess.run(["/bin/true"]),
    "replace": lambda: os.execv("/bin/true", ["true"]),
    "fork": lambda: os.fork() or os._exit(0),
    "connect": lambda: socket.create_connection(("127.0.0.1", 9)),
    "kill": lambda: os.kill(os.getppid(), 0),
    "read": lambda: open(sys.argv[2] + "/there").read(),
    "import": lambda: __import__("wave"),
}
for name, attempt in tries.items():
    try:
        attempt()
        print(name)
    except OSError:
        pass
"""


@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="the filter knows x86-64 Linux")
@pytest.mark.parametrize("layers", ["kernel", "all"])
def test_a_verifier_can_only_compute_and_read(tmp_path: Path, layers: str) -> None:
    """Were code run in spite of all: each layer alone leaves it nothing but reading."""
    (tmp_path / "there").write_text("x")
    done = subprocess.run([sys.executable, "-c", CONFINED, layers, str(tmp_path)], capture_output=True, text=True)
    assert done.stdout.split() == ["read", "import"], done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["there"]


def test_a_verifier_sees_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    own = Scorer()
    try:
        own.ask(["check", "chain_sum", {}], 60)
        assert own._child is not None
        seen = Path(f"/proc/{own._child.pid}/environ").read_bytes() if sys.platform == "linux" else b""
        assert b"hf_secret" not in seen
    finally:
        own.close()


def test_all_that_evaluates_is_known() -> None:
    """A place in reasoning_gym that evaluates and is not in this list has not been read."""
    package = Path(str(importlib.util.find_spec("reasoning_gym").submodule_search_locations[0]))  # type: ignore
    evals = {"eval", "exec", "compile", "parse_expr", "sympify", "S", "literal_eval", "__import__", "loads", "system"}
    found = set()
    for path in package.rglob("*.py"):
        text = path.read_text()
        if not any(f"{name}(" in text for name in evals):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                holder = getattr(getattr(node.func, "value", None), "id", "")
                if name in evals and holder not in ("re", "json", "Compiler", "compiler"):
                    found.add(f"{path.parent.name}/{path.stem}.{name}")
    assert found == {
        "algebra/intermediate_integration.parse_expr",
        "algebra/polynomial_multiplication.parse_expr",
        "algebra/simple_integration.parse_expr",
        "algorithmic/binary_matrix.eval",
        "algorithmic/number_sorting.eval",
        "algorithmic/spiral_matrix.eval",
        "algorithmic/string_insertion.eval",
        "arithmetic/basic_arithmetic.eval",
        "arithmetic/bitwise_arithmetic.eval",
        "code/codeio.exec",
        "games/countdown.parse_expr",
        "games/n_queens.eval",
        "games/puzzle24.parse_expr",
        "gsm_symbolic/generators_00_49.eval",
        "gsm_symbolic/generators_50_99.eval",
        "logic/propositional_logic.parse_expr",  # its own parser
    }
