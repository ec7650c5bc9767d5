"""A command that trains on a processor starts again without glibc's cache of small blocks, once and unseen."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from distill import heap

ROOT = Path(__file__).parents[1]

PROBE = (
    "import os, sys\n"
    "from distill import heap\n"
    "heap._has_gpu = lambda: False\n"
    "heap.start_again(sys.argv[1:])\n"
    "began = [line for line in open('/proc/self/environ').read().split(chr(0)) if 'glibc.malloc' in line]\n"
    "print(os.getpid(), ':'.join(line for line in began if not line.startswith(heap.BEFORE)))\n"
    "print({k: v for k, v in os.environ.items() if 'TUNABLES' in k}, sys.argv[1:], sys.stdin.read())\n"
)
OFF = "glibc.malloc.tcache_count=0"
GLIBC = pytest.mark.skipif(not heap._is_glibc(), reason="the C library is not glibc")


def began(tmp_path: Path, *words: str, before: str | None = None, piped: bool = False) -> tuple[int, str, str]:
    """Its exit code, the setting it began with, and what is left of it: environment, arguments and input.

    glibc 2.36 puts a zero byte behind each tunable that it reads there.
    """
    (tmp_path / "probe.py").write_text(PROBE)
    environment = {k: v for k, v in os.environ.items() if "TUNABLES" not in k}
    environment |= {"PYTHONPATH": str(Path(heap.__file__).parents[1])} | ({heap.TUNABLES: before} if before else {})
    command = [sys.executable, *(["-"] if piped else [str(tmp_path / "probe.py")]), *words]
    running = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    told, _ = running.communicate(PROBE if piped else "typed in")
    first, left = told.splitlines()
    assert int(first.split()[0]) == running.pid
    return running.returncode, first.split(" ", 1)[1], left


@GLIBC
@pytest.mark.parametrize("words", [("run", "x.yaml"), ("train", "x.yaml", "a b='c'"), ("--debug", "on-policy", "x")])
def test_a_verb_that_trains_starts_again(tmp_path: Path, words: tuple[str, ...]) -> None:
    """In the same process, with its arguments and its input; processes that it starts know nothing of it."""
    assert began(tmp_path, *words) == (0, f"GLIBC_TUNABLES={OFF}", f"{{}} {list(words)} typed in")


@GLIBC
def test_tunables_of_the_user_stay(tmp_path: Path) -> None:
    own = "glibc.malloc.arena_max=2"
    kept = f"{{'GLIBC_TUNABLES': '{own}'}} ['run'] typed in"
    assert began(tmp_path, "run", before=own) == (0, f"GLIBC_TUNABLES={own}:{OFF}", kept)
    chosen = "glibc.malloc.tcache_count=3"
    kept = f"{{'GLIBC_TUNABLES': '{chosen}'}} ['run'] typed in"
    assert began(tmp_path, "run", before=chosen) == (0, f"GLIBC_TUNABLES={chosen}", kept)


@pytest.mark.parametrize("words", [("view", "run"), ("evaluate", "x"), ("--help",), ()])
def test_others_do_not(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert began(tmp_path, *words) == (0, "", f"{{}} {list(words)} typed in")


def test_nor_what_is_read_from_standard_input(tmp_path: Path) -> None:
    """It was read already: started again it would do nothing, and say so to nobody."""
    assert began(tmp_path, "run", piped=True) == (0, "", "{} ['run'] ")


@GLIBC
@pytest.mark.skipif(heap._has_gpu(), reason="with a GPU nothing starts again")
def test_the_command_does(tmp_path: Path) -> None:
    """`distill` as it is installed and `python -m distill`: each start of Python notes what it began with."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os\n"
        "with open(os.environ['NOTED'], 'a') as noted:\n"
        "    noted.write(os.environ.get('GLIBC_TUNABLES', 'nothing') + '\\n')\n"
    )
    script = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["distill"]
    module, name = script.split(":")
    (tmp_path / "script.py").write_text(f"import sys\nfrom {module} import {name}\nsys.exit({name}())\n")
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    for number, command in enumerate((["-m", "distill"], [str(tmp_path / "script.py")])):
        noted = tmp_path / f"noted{number}"
        environment = {**os.environ, "PYTHONPATH": paths, "NOTED": str(noted)}
        done = subprocess.run(
            [sys.executable, *command, "train", "nowhere.yaml"], env=environment, capture_output=True, text=True
        )
        assert (done.returncode, "nowhere.yaml" in done.stderr) == (2, True)
        assert noted.read_text().splitlines() == ["nothing", OFF]
