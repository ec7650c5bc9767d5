"""Programs are judged by what they return, whatever they do to look right."""

import base64
import gzip
import json
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest
from isolation import MBPP, absent, attacks, judged

from distill.recipe import FileProblems
from distill.table_problems import table_problems
from distill.verify import code, judge
from distill.verify.printed import same_output
from distill.verify.sandbox.inside import wire
from distill.verify.suites import NotUnderstood, suite_of

needs_sandbox = pytest.mark.skipif(bool(absent()), reason=absent() or "isolation is at hand")

ADDS = "def f(x): return x + 1"

CHEATS = attacks("Cheating")


@needs_sandbox
@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_is_never_correct(name: str) -> None:
    found = judged(CHEATS[name])
    assert found.verdict in ("wrong", "unknown"), (name, found)


LOOSE = {
    "test_list": [
        "assert set(f(2)) == set([1, 2])",
        "assert abs(f(2)[0] - 1) < 1e-9",
        "assert len(f(3)) == 3 and sorted(f(3)) == [1, 2, 3]",
    ]
}


@needs_sandbox
@pytest.mark.parametrize("name", attacks("Under the tests' feet"))
def test_what_tests_use_is_not_the_programs(name: str) -> None:
    assert judged(attacks("Under the tests' feet")[name], LOOSE).verdict in ("wrong", "unknown")
    assert judged("def f(n): return list(range(1, n + 1))", LOOSE).verdict == "correct"


@needs_sandbox
def test_helpers_of_the_prompt_are_not_the_programs() -> None:
    """HumanEval's find_zero is checked with poly(), which a program may define as it likes."""
    data = {
        "prompt": "def poly(c, x):\n    return c[0] + c[1] * x\n\ndef find_zero(c):\n    '''Its zero.'''\n",
        "entry_point": "find_zero",
        "test": "def check(candidate):\n    c = [2.0, 1.0]\n    assert abs(poly(c, candidate(c))) < 1e-6\n",
    }
    assert judged("def poly(c, x): return 0\ndef find_zero(c): return 7", data).verdict == "wrong"
    assert judged("def find_zero(c):\n    c[:] = [0, 0]\n    return 7", data).verdict == "wrong"
    assert judged("def find_zero(c): return -c[0] / c[1]", data).verdict == "correct"
    assert judge("code", "    return -c[0] / c[1]\n", "", data).verdict == "correct"


@needs_sandbox
def test_reasons() -> None:
    assert judged(ADDS).reason == "passes 3 tests"
    assert judged(ADDS, {"test_list": ["assert f(2) == 3"]}).reason == "passes 1 test"
    assert judged("def f(x): return x + 1 if x < 5 else 0").reason == "failed test 2"
    assert judged("def f(x): return y").reason == "NameError"
    assert judged("def f(x: return").reason == "syntax error"
    assert judged("def g(x): return 1").reason == "does not define what is tested"
    assert judge("code", "I cannot.", "", MBPP).reason == "no program"
    lacking = judged("import os, numpy as np\ndef f(x): return x + 1")
    assert lacking[::2] == ("unknown", "numpy is not installed")
    assert judged("def f(x):\n    from sympy import S\n    return S(x) + 1").verdict == "unknown"
    assert judged("import made_up\ndef f(x): return x + 1").verdict == "wrong"
    assert judged("try:\n    import numpy\nexcept ImportError:\n    pass\ndef f(x): return x").reason == "failed test 1"
    broken = {"test_list": ["assert f(2) == undefined_name"]}
    assert judged(ADDS, broken)[::2] == (
        "unknown",
        "tests fail by themselves: NameError: name 'undefined_name' is not defined",
    )
    assert judged(ADDS, {"test_list": []})[::2] == ("unknown", "no tests")
    assert judged(ADDS, {"test_list": ["assert f("]})[::2] == ("unknown", "tests are not in the layout of mbpp")
    reason = judged(ADDS, {"test_list": ["f", "assert True"]}).reason
    assert reason == "tests fail by themselves: they never call the program"
    second = {
        "prompt": "def f(x):\n    ''\n",
        "entry_point": "f",
        "test": "def check(candidate):\n    assert candidate(1) == 2\n\n    assert candidate(2) == 3\n",
    }
    assert judged("def f(x): return 2", second).reason == "failed test 2"


@needs_sandbox
def test_objects_stay_and_work() -> None:
    """Classes of the program, work in place, iterators, exceptions: as in one process."""
    data = {
        "test_setup_code": "root = Node(1)\nroot.left = Node(2)",
        "test_list": [
            "assert total(root) == 3",
            "assert list(walk(root)) == [1, 2]",
            "a = [3, 1]\nsort(a)\nassert a == [1, 3]",
            "try:\n    total(None)\nexcept ValueError as e:\n    assert 'none' in str(e)\nelse:\n    assert False",
            "assert math.isclose(root.left.value, 2)",
            "assert Node(5).value in {5} and count('aab') == {'a': 2, 'b': 1} and pair() == (1, frozenset({2}))",
        ],
    }
    program = """
import collections
class Node:
    def __init__(self, value): self.value, self.left = value, None
def total(node):
    if node is None: raise ValueError('none given')
    return node.value + (total(node.left) if node.left else 0)
def walk(node):
    while node:
        yield node.value
        node = node.left
def sort(a): a.sort()
def count(s): return collections.Counter(s)
def pair(): return 1, frozenset({2})
"""
    assert judged(program, data) == (
        "correct",
        (program.strip("\n") and judged(program, data).extracted),
        "passes 6 tests",
    )


@needs_sandbox
@pytest.mark.parametrize(
    ("check", "verdict"),
    [
        ("assert 7 in f(3)", "wrong"),
        ("assert f(3).startswith('a')", "unknown"),
        ("assert f(3).issuperset({7})", "unknown"),
        ("assert len(f(3)) == 4", "wrong"),
        ("assert f(3) > 2", "unknown"),
    ],
)
def test_an_object_that_says_yes_to_everything(check: str, verdict: str) -> None:
    program = """
class Yes:
    def __contains__(self, item): return True
    def __getattr__(self, name): return lambda *given: True
    def __iter__(self): return iter([1, 2])
    def __len__(self): return 3
    def __gt__(self, other): return True
    __lt__ = __ge__ = __le__ = __eq__ = __gt__
def f(x): return Yes()
"""
    assert judged(program, {"test_list": [check]}).verdict == verdict


@needs_sandbox
def test_what_an_object_holds_is_looked_up() -> None:
    program = """
class Stack:
    def __init__(self): self.items = []
    def push(self, item): self.items.append(item)
    def __iter__(self): return iter(self.items)
class Closed:
    def __contains__(self, item): return True
"""
    checks = ["s = Stack()\ns.push(3)\nassert 3 in s and 4 not in s and bool(s)"]
    assert judged(program, {"test_list": checks}).verdict == "correct"
    assert judged(program, {"test_list": ["assert 3 in Closed()"]}).verdict == "unknown"


@needs_sandbox
@pytest.mark.parametrize("value", ["Decimal('1e999999999')", "Fraction(1, 3)", "10**5000", "Decimal('0.1')"])
def test_numbers_of_any_size_cross(value: str) -> None:
    program = f"from decimal import Decimal\nfrom fractions import Fraction\ndef f(x): return {value}"
    data = {"test_list": [f"assert f(1) == {value}"], "test_imports": program.split("\n")[:2]}
    assert judged(program, data).verdict == ("wrong" if "e9" in value else "correct")


STDIN = {"input_output": json.dumps({"inputs": ["1 2\n", "5 5\n"], "outputs": ["3\n0.5\n", ["10", "0.5"]]})}


@needs_sandbox
def test_standard_input() -> None:
    right = "a, b = map(int, input().split())\nprint(a + b)\nprint(0.5000001)"
    assert judged(right, STDIN).verdict == "correct"
    late = """
import sys, threading
def main():
    sys.stdout.write(str(sum(map(int, sys.stdin.readline().split()))) + "\\n.5")
threading.Thread(target=main).start()
"""
    assert judged(late, STDIN).verdict == "correct"
    main = """
def main():
    print(sum(map(int, open(0).read().split())), 1/2, sep="\\n")
    exit(1)
if __name__ == "__main__":
    main()
"""
    assert judged(main, STDIN).verdict == "correct"
    assert judged("print(3)\nprint(0.5)", STDIN).reason == "failed test 2"
    assert judged("print(3, 0.5)", STDIN).reason == "failed test 1"
    assert judged("input(); input()", STDIN).reason == "EOFError"
    assert judged("print(3)\nprint(0.5)\nx = [][0]", STDIN).reason == "IndexError"
    for cheat in ("import os\nos._exit(0)", "print('passed')", "", "import sys\nprint(sys.stdin.read())"):
        assert judged(cheat or "pass", STDIN).verdict == "wrong"


@needs_sandbox
def test_functions_of_apps_and_livecodebench() -> None:
    apps = {"input_output": {"fn_name": "add", "inputs": [[1, 2], [[1], [2]]], "outputs": [3, [[1, 2]]]}}
    assert judged("def add(a, b): return a + b", apps).verdict == "correct"
    assert judged("class Solution:\n    def add(self, a: List[int], b): return a + b", apps).verdict == "correct"
    assert judged("def add(a, b): return 3", apps).reason == "failed test 2"
    public = [{"input": "[1, 2]\n3", "output": "[1, 2, 3]", "testtype": "functional"}]
    hidden = [{"input": "[]\n-1", "output": "[-1]", "testtype": "functional"}]
    packed = base64.b64encode(zlib.compress(pickle.dumps(json.dumps(hidden)))).decode()
    live = {"public_test_cases": json.dumps(public), "private_test_cases": packed, "metadata": '{"func_name": "put"}'}
    assert judged("class Solution:\n    def put(self, a, x): return (*a, x)", live).verdict == "correct"
    assert judged("class Solution:\n    def put(self, a, x): return [1, 2, 3]", live).reason == "failed test 2"


def test_a_pickle_that_runs_something_is_not_read() -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return print, ("pwned",)

    packed = base64.b64encode(zlib.compress(pickle.dumps(Evil()))).decode()
    with pytest.raises(NotUnderstood, match="more than text"):
        suite_of({"public_test_cases": "[]", "private_test_cases": packed})


def test_printed_numbers() -> None:
    assert same_output("1  2 \n3\n\n", "1 2\n3", "exact")
    assert same_output("1", "1.0", "exact")
    assert same_output("1.0", "1", "exact")
    assert not any(same_output(printed, "0011", "exact") for printed in ("11", "11.0"))
    assert same_output("0.00001", "1e-05", "exact")
    for printed, wanted in (("11", "0011"), ("1e3", "1000"), ("+5", "5"), ("100001", "1e5"), ("1\x0c2", "1 2")):
        assert not same_output(printed, wanted, "exact")
        assert not same_output(printed, wanted, "close")
    assert same_output("1.50  2\n", " 1.5 2 \n", "exact")
    assert not same_output("* *", "*   *", "exact")
    assert not same_output("*\n***", " *\n***", "close")
    assert not same_output("1\n1 2", "  1\n 1 2", "close")
    assert not same_output("1\n\n2", "1\n2", "exact")
    assert not same_output("0.333333", "0.333334", "exact")
    assert same_output("0.333333", "0.333334", "close")
    assert not same_output("100000001", "100000000", "close")
    assert not same_output("50000000000000001", "50000000000000000", "exact")
    assert not same_output("1 2", "1\n2", "close")
    assert not same_output("", "1", "close")
    assert not same_output("nan", "1.5", "close")
    assert not same_output("YES", "yes", "close")


def test_values_cross_as_they_are() -> None:
    from collections import Counter, OrderedDict, deque
    from decimal import Decimal
    from fractions import Fraction

    def refuse(value: object) -> int:
        raise wire.NotPlain(value)

    values = [
        None,
        True,
        10**5000,
        -(10**400),
        0.1,
        -0.0,
        float("inf"),
        "\ud800\0é",
        b"\0",
        (1, [2]),
        {3},
        frozenset({(4,)}),
    ]
    values += [
        {1: {None: (2,)}},
        range(3),
        1j,
        Decimal("0.10"),
        Fraction(1, 3),
        deque([1]),
        Counter("ab"),
        OrderedDict(a=1),
        int,
    ]
    for value in values:
        back = wire.decode(json.loads(json.dumps(wire.encode(value, refuse))), lambda n: n)
        assert (back, type(back)) == (value, type(value))
        assert isinstance(value, int) or repr(back) == repr(value)
    for hostile in (
        {"$": "eval", "of": "1"},
        {"$": "set", "of": [[]]},
        {},
        {"$": "type", "of": "print"},
        {"$": "int", "of": []},
    ):
        with pytest.raises(wire.Broken):
            wire.decode(hostile, lambda n: n)


@needs_sandbox
def test_humaneval_reference_solutions_pass(data: Path) -> None:
    with gzip.open(data / "HumanEval.jsonl.gz", "rt") as f:
        rows = [json.loads(line) for line in f]
    assert len(rows) == 164
    for row in rows:
        whole = judged(row["prompt"] + row["canonical_solution"], row)
        assert whole.verdict == "correct", (row["task_id"], whole)


@needs_sandbox
@pytest.mark.parametrize("part", [pytest.param(slice(0, 100)), pytest.param(slice(100, None), marks=pytest.mark.slow)])
def test_mbpp_reference_solutions_pass(data: Path, part: slice) -> None:
    rows = [json.loads(line) for line in (data / "mbpp.jsonl").read_text().splitlines()]
    for row in rows[part]:
        found = judged(row["code"], row)
        assert found.verdict == "correct", (row["task_id"], found)


@pytest.mark.skipif(not hasattr(__import__("os"), "pidfd_open"), reason="Linux only")
def test_without_isolation_limits_hold_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a recipe must ask for by name. It still bounds time and memory, and starts no process."""
    from distill.recipe import CodeLimits

    own = code.Runner()
    own.configure(CodeLimits(sandbox="none-i-accept-the-risk", cpu_seconds=1))
    monkeypatch.setattr(code, "runner", own)
    try:
        assert judged(ADDS).verdict == "correct"
        assert judged("while True: pass").reason == "time limit"
        assert judged(f"import os\nos.fork()\n{ADDS}").reason == "OSError"
        assert judged("def f(x): return 0").verdict == "wrong"
    finally:
        own.sandbox().close()


@needs_sandbox
def test_a_file_of_programs(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = [{"response": f"```python\n{program}\n```", **MBPP} for program in (ADDS, "def f(x): return x")]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert distill("verify", file, "--out", out, "--kind", "code").code == 0
    assert [json.loads(line)["verdict"] for line in out.read_text().splitlines()] == ["correct", "wrong"]
    refused = distill("verify", file, "--out", out, "--kind", "code", "verify.code.sandbox=none")
    assert refused.code == 2
    assert "'verify.code.sandbox' is 'none', but input should be 'bubblewrap'" in refused.err


def test_problems_with_tests(tmp_path: Path) -> None:
    file = tmp_path / "mbpp.jsonl"
    file.write_text("".join(json.dumps({"text": f"Add {i}.", "code": ADDS, **MBPP}) + "\n" for i in range(4)))
    spec = FileProblems(
        source="file", path=str(file), layout="mbpp", kind="code", question_key="text", answer_key="code", held_out=1
    )
    found = table_problems(spec, 0)
    assert [(p.kind, p.answer, p.data["test_list"]) for p in found] == [("code", ADDS, MBPP["test_list"])] * 4
    with pytest.raises(ValueError, match="does not go with"):
        FileProblems(source="file", path=str(file), layout="mbpp", kind="math")


@needs_sandbox
@pytest.mark.parametrize(
    "program",
    [
        "def f(x): raise StopIteration",
        "import os, time\nos.closerange(3, 256)\ntime.sleep(10**6)\ndef f(x): return x",
        "def f(x):\n    import os, time\n    os.closerange(3, 256)\n    time.sleep(10**6)",
    ],
)
def test_what_neither_answers_nor_ends_is_wrong(program: str) -> None:
    data = {"test_list": ["assert all(map(lambda c: f(c) == c + 1, [1, 2]))"], "test_setup_code": ""}
    assert judge("code", f"```python\n{program}\n```", "", data).verdict == "wrong"


@pytest.mark.parametrize(
    "data",
    [
        {"public_test_cases": [{"input": "1", "output": 1}]},
        {"public_test_cases": [{"input": "1", "output": None}]},
        {"input_output": {"fn_name": ["f"], "inputs": [[1]], "outputs": [2]}},
        {"input_output": {"inputs": {"a": 1}, "outputs": {"a": 1}}},
        {"prompt": "", "entry_point": ["f"], "test": "def check(c): assert c(1) == 2"},
        {"test_list": ["assert f(1) == " + "-" * 100_000 + "2"]},
    ],
)
def test_odd_tests_are_unknown(data: dict) -> None:
    found = judged(ADDS, data)
    assert found.verdict == "unknown"
    assert found.reason.startswith("tests are")


@needs_sandbox
def test_tests_that_are_too_large_are_unknown() -> None:
    data = {"input_output": {"inputs": ["1" * (70 << 20)], "outputs": ["1"]}}
    assert judged("print(input())", data)[::2] == ("unknown", "tests of more than 64 MiB")
