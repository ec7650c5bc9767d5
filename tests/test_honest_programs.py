"""Programs that any interpreter runs to a right answer: the sandbox must not be what they fail by."""

import json
from typing import Any

import pytest
from isolation import absent, judged

pytestmark = pytest.mark.skipif(bool(absent()), reason=absent() or "isolation is at hand")

ADDS = "def f(x): return x + 1"
READS = "print(sum(int(line) for line in sys.stdin))"


def fed(text: str, wanted: str) -> dict[str, Any]:
    return {"input_output": json.dumps({"inputs": [text], "outputs": [wanted]})}


SUM = fed("2\n3\n", "5")


@pytest.mark.parametrize(
    "program",
    [
        f"import sys\nsys.stdin = open(0)\n{READS}",
        f"import sys, io\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8')\n{READS}",
        f"import sys, io\nsys.stdout = io.TextIOWrapper(open(1, 'wb', 0), write_through=True)\n{READS}",
        f"import sys, io\nsys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding='utf-8')\n{READS}",
        f"import sys, codecs\nsys.stdin = codecs.getreader('utf-8')(sys.stdin.buffer)\n{READS}",
        "import sys\nprint(sum(int(line) for line in sys.stdin), file=sys.__stdout__)",
        "import sys\nout = open(1, 'w')\nout.write(str(sum(int(line) for line in sys.stdin)))",
        "import os, sys\nout = os.fdopen(1, 'w')\nprint(sum(map(int, sys.stdin)), file=out)",
        "import io, sys\nreal, sys.stdout = sys.stdout, io.StringIO()\nprint(5)\nreal.write(sys.stdout.getvalue())",
        "import atexit, io, sys\nb = io.StringIO('5')\natexit.register(lambda: sys.__stdout__.write(b.read()))",
        "print(sum(int(line) for line in open('/dev/stdin')))",
        f"import asyncio, sys\nasync def main(): {READS}\nasyncio.run(main())",
        f"from __future__ import annotations\nimport sys\n{READS}",
        f"import os, sys\nos.path.dirname(os.path.abspath(__file__))\n{READS}",
    ],
)
def test_streams_and_surroundings_are_those_of_an_interpreter(program: str) -> None:
    assert judged(program, SUM).verdict == "correct"
    assert judged(program, fed("2\n3\n", "6")).verdict == "wrong"


def test_imports_from_the_future_stand_before_the_prompt() -> None:
    data = {
        "prompt": "def f(x: int) -> int:\n    '''One more.'''\n",
        "entry_point": "f",
        "test": "def check(candidate):\n    assert candidate(1) == 2\n",
    }
    assert judged(f"from __future__ import annotations\n{ADDS}", data).verdict == "correct"


def test_a_package_that_is_not_there_is_no_fault_of_the_program() -> None:
    reason = "numpy is not installed"
    inside = "def f(x):\n    import numpy.linalg\n    return x + 1"
    assert judged(f"import numpy as np\n{ADDS}")[::2] == judged(inside)[::2] == ("unknown", reason)
    assert judged("import numpy as np\nprint(5)", SUM)[::2] == ("unknown", reason)
    assert judged("try:\n    import numpy\nexcept ImportError:\n    print(5)", SUM).verdict == "correct"
    assert judged(f"import my_own_module\n{ADDS}")[::2] == ("wrong", "ModuleNotFoundError")
