"""Objects of a program in the hands of tests: what they answer for themselves makes nothing right."""

import pytest
from isolation import absent, judged

pytestmark = pytest.mark.skipif(bool(absent()), reason=absent() or "isolation is at hand")

SELF_SERVING = """
class A:
    def __contains__(self, item): return True
    def __iter__(self):
        n = 0
        while True:
            yield n
            n += 1
    def __getitem__(self, key): return key
    def count(self, item): return 1
    def find(self, item): return 0
    def get(self, key, other=None): return key * 2
    def equals(self, other): return True
    def symmetric_difference(self, other): return set()
    def is_same(self, other): return True
def f(x): return A()
"""


@pytest.mark.parametrize(
    "check",
    [
        "assert 77 in f(1)",
        "assert f(1).count('abc') == 1",
        "assert f(1).find('abc') >= 0",
        "for k, v in {1: 2}.items():\n    assert f(1).get(k) == v",
        "assert f(1).equals(5)",
        "assert f(1).is_same(5)",
        "assert not f(1).symmetric_difference({5})",
        "r = f(1)\nfor k in [1, 2]:\n    assert r[k] == k",
        "assert f(1) == f(2)",
        "import contextlib\nwith contextlib.suppress(BaseException):\n    assert f(1).equals(5)",
    ],
)
def test_what_an_object_answers_for_itself_is_not_asked(check: str) -> None:
    assert judged(SELF_SERVING, {"test_list": [check]}).verdict == "unknown"


def test_an_object_says_one_thing_of_itself_at_a_time() -> None:
    program = """
answers = iter([3, 5, 7])
class A:
    def __len__(self): return next(answers)
    def __bool__(self): return next(answers) == 3
X = A()
def f(x): return X
"""
    assert judged(program, {"test_list": ["r = f(1)\nassert len(r) == 3 and len(r) == 5"]}).verdict == "wrong"
    assert judged(program, {"test_list": ["r = f(1)\nassert r\nassert not r"]}).verdict == "wrong"


def test_nan_is_never_near_enough() -> None:
    data = {"test_list": ["assert not abs(f(1) - 5) > 1e-6"]}
    assert judged("def f(x): return float('nan')", data).verdict == "unknown"
    assert judged("def f(x): return complex('nan')", data).verdict == "unknown"
    assert judged("def f(x): return 5.0000001", data).verdict == "correct"
    named = {"test_list": ["import math\nassert math.isnan(f(1))"]}
    assert judged("def f(x): return float('nan')", named).verdict == "correct"


@pytest.mark.parametrize(
    ("helper", "check"),
    [
        ("def close(a, b): return True", "assert close(f(1), 5)"),
        ("def approx(v): return 1", "assert f(1) == approx(5)"),
        ("EXPECTED = 1", "assert f(1) == EXPECTED"),
        ("class utils:\n    isclose = staticmethod(lambda a, b: True)", "assert utils.isclose(f(1), 5)"),
    ],
)
@pytest.mark.parametrize("reference", [{}, {"code": "def f(x): return 5"}])
def test_helpers_that_nobody_defines_are_not_the_programs(helper: str, check: str, reference: dict) -> None:
    data = {"test_list": [check], **reference}
    assert judged(f"def f(x): return 1\n{helper}", data).verdict == "unknown"
    assert judged("def f(x): return 5", data).verdict == "unknown"


def test_a_reference_tells_which_names_are_tested() -> None:
    data = {"test_list": ["assert list(map(f, make(2))) == [1, 2]"], "code": "def f(x): pass\ndef make(n): pass"}
    assert judged("def f(x): return x + 1\ndef make(n): return range(n)", data).verdict == "correct"
    assert judged("def f(x): return x\ndef make(n): return range(n)", data).verdict == "wrong"


POINT = "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n"


@pytest.mark.parametrize(
    ("program", "check"),
    [
        (f"{POINT}def f(p): return P(p.x + 1)", "assert f(P(1)) == P(2)"),
        ("class E(Exception): pass\ndef f(x): raise E", "try:\n    f(1)\n    assert False\nexcept E:\n    pass"),
        ("class S:\n    def __add__(self, o): return 3", "assert S() + S() == 3"),
        ("class S:\n    def __lt__(self, o): return True", "assert S() < S()"),
        (
            "class C:\n    def __enter__(s): return 5\n    def __exit__(s, *a): pass\ndef f(): return C()",
            "with f(): pass",
        ),
        ("async def f(x): return x + 1", "import asyncio\nassert asyncio.run(f(1)) == 2"),
        ("def f(n):\n    r = []\n    for _ in range(n): r = [r]\n    return r", "assert f(900)"),
        ("def f(n): return [123456789] * n", "assert len(f(2 * 10**6)) == 2 * 10**6"),
        ("def f(n): return 'x' * n", "assert len(f(80 << 20)) == 80 << 20"),
    ],
)
def test_what_tests_cannot_do_here_is_unknown(program: str, check: str) -> None:
    assert judged(program, {"test_list": [check]}).verdict == "unknown"


@pytest.mark.parametrize(
    ("program", "check"),
    [
        ("def f(p): return p.x + ONE", "import collections\nassert f(collections.namedtuple('P', 'x')(1)) == 2"),
        ("import collections\ndef f(x): return collections.namedtuple('P', 'x y')(x, ONE)", "assert f(1).y == 1"),
        ("def f(a):\n    a[0].append(ONE)", "b = []\na = [b]\nf(a)\nassert b == [1]"),
        ("def f(d): return {1: 5, ONE: 6}.keys()", "assert f(0) == {1} and list(f(0)) == [1]"),
        (f"{POINT}def f(x): return P(x + ONE)", "assert f(0).x == 1"),
        (
            "class S:\n    def __init__(s): s.a = []\n    def add(s, x): s.a.append(x * ONE)\n"
            "    def count(s, x): return s.a.count(x)",
            "s = S()\ns.add(2)\nassert s.count(2) == 1",
        ),
        ("def f(n):\n    return lambda x: x + ONE", "assert f(3)(0) == 1"),
    ],
)
def test_what_tests_can_do_is_decided(program: str, check: str) -> None:
    data = {"test_list": [check]}
    assert judged(program.replace("ONE", "1"), data).verdict == "correct"
    assert judged(program.replace("ONE", "3"), data).verdict == "wrong"
