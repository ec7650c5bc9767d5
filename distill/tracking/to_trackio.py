"""trackio: its local store (SQLite, under TRACKIO_DIR) and, only where the recipe names one, a space on the hub."""

import io
import os
from contextlib import redirect_stdout

from distill.tracking.tracker import Figures, TrackedRun

ELSEWHERE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL", "TRACKIO_BUCKET_ID", "TRACKIO_WEBHOOK_URL")
"""Variables by which trackio would send figures away; the recipe alone decides that."""


class ToTrackio:
    """One run a stage, grouped by run directory."""

    name = "trackio"

    def __init__(self, project: str, space: str | None) -> None:
        self._project = project
        self._space = space

    def open(self, run: TrackedRun) -> int | None:
        for variable in ELSEWHERE:
            os.environ.pop(variable, None)
        os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
        import trackio
        from trackio.sqlite_storage import SQLiteStorage

        last = SQLiteStorage.get_max_step_for_run(self._project, run.key) if self._space is None else None
        with redirect_stdout(io.StringIO()):  # it greets
            self._run = trackio.init(
                project=self._project,
                name=run.key,
                group=run.group,
                space_id=self._space,
                private=True,
                config=run.config,
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
        return -1 if last is None and self._space is None else last

    def log(self, step: int, figures: Figures) -> None:
        self._run.log(figures, step=step)

    def close(self) -> None:
        with redirect_stdout(io.StringIO()):
            self._run.finish()
