"""The metrics of a training as they lie on disk; read without what trains, which takes seconds to import."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The metrics by step; the last line of a step counts, a torn or damaged one does not."""
    steps: dict[int, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError, TypeError, KeyError):
            entry = json.loads(line)
            steps[int(entry["step"])] = entry
    return [steps[step] for step in sorted(steps)]
