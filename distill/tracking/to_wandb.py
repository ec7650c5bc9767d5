"""Weights & Biases: offline files in the run directory, or online where the recipe says so."""

import os

from distill.tracking.tracker import Figures, TrackedRun

PATIENCE = 30.0
"""Seconds for its server to answer at the beginning."""


class ToWandb:
    """One run a stage, grouped by run directory. An offline run that goes on adds a folder under the same run id, and
    `wandb sync` makes one of them."""

    name = "wandb"

    def __init__(self, project: str, mode: str, entity: str | None) -> None:
        self._project = project
        self._mode = mode
        self._entity = entity

    def open(self, run: TrackedRun) -> int | None:
        os.environ["WANDB_ERROR_REPORTING"] = "false"  # its own errors, which it would send home even when offline
        import wandb

        run.folder.mkdir(exist_ok=True)
        self._run = wandb.init(
            project=self._project,
            entity=self._entity,
            id=run.key,
            name=run.key,
            group=run.group,
            job_type=run.stage,
            dir=run.folder,
            config=run.config,
            mode=self._mode,
            resume="allow" if self._mode == "online" else None,
            reinit="create_new",
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_git=True,
                disable_code=True,
                host="",
                init_timeout=PATIENCE,
                x_disable_meta=True,
                x_disable_stats=True,
                x_disable_machine_info=True,
                x_save_requirements=False,
            ),
        )
        return int(self._run.step) - 1 if self._mode == "online" else None

    def log(self, step: int, figures: Figures) -> None:
        self._run.log(figures, step=step)

    def close(self) -> None:
        self._run.finish()
