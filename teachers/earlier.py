"""Answers that earlier recipes of a run have paid for: given again to the very same request, and to no other.

They lie beside the present traces, where a changed recipe moved them. A plan asks for what it asks as if nothing were
there, so that the harvest is the same as one from nothing, only cheaper.
"""

import re
from pathlib import Path

from pydantic import ValidationError

from distill.records import Trace

_DIGEST = re.compile(rb'"request":"([0-9a-f]+)"')


class Earlier:
    """An index of traces on disk by the digest of their request; the traces themselves stay there."""

    def __init__(self, folder: Path, cut_loops: bool = True, log: str = "samples.jsonl") -> None:
        """`folder` is where the present traces lie; those of earlier recipes lie in `<folder>.<fingerprint>`.

        Without `cut_loops` an answer that was cut in a loop is not what would come back now.
        """
        self._cut_loops = cut_loops
        self.used = 0
        """Answers given so far."""
        self._at: dict[str, tuple[Path, int]] = {}
        for path in sorted(folder.parent.glob(f"{folder.name}.*/{log}")):
            self._index(path)

    def get(self, digest: str) -> Trace | None:
        """The trace of a request; None where there is none, or its line is damaged."""
        if digest not in self._at:
            return None
        path, offset = self._at[digest]
        with path.open("rb") as f:
            f.seek(offset)
            line = f.readline()
        try:
            trace = Trace.model_validate_json(line)
        except ValidationError:
            return None
        if trace.finish_reason == "loop" and not self._cut_loops:
            return None
        self.used += 1
        return trace

    def _index(self, log: Path) -> None:
        offset = 0
        with log.open("rb") as f:
            for line in f:
                found = _DIGEST.search(line)
                if found and line.endswith(b"\n"):
                    self._at.setdefault(found[1].decode(), (log, offset))
                offset += len(line)
