"""docs/evaluation.md: its table is what the script prints of the results that are stored."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/evaluation.md").read_text()
RESULTS = ROOT / "benchmarks/results/interval_coverage.json"


def test_the_table_is_what_the_script_prints() -> None:
    script = [sys.executable, "benchmarks/interval_coverage.py", "--table", str(RESULTS)]
    printed = subprocess.run(script, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert printed.strip() in PAGE


def test_ours_hold_what_they_promise_where_a_bootstrap_does_not() -> None:
    """Of the stored runs: never clearly below 95 % for what the page says, and the bootstrap is, by far."""
    cells = json.loads(RESULTS.read_text())["cells"]
    ours = [cell[what]["ours"] for cell in cells for what in ("accuracy", "difference")]
    assert min(found["coverage"] for found in ours) > 0.9
    assert min(cell["accuracy"]["bootstrap"]["coverage"] for cell in cells) < 0.8
