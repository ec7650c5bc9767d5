"""Trackers: where the figures of a run go besides the run directory."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from distill.recipe_base import Section
from distill.recipe_publish import RepositoryId

TrackerName = Literal["tensorboard", "trackio", "wandb"]


def _once(value: list[TrackerName]) -> list[TrackerName]:
    if len(set(value)) < len(value):
        raise ValueError("a tracker is named twice")
    return value


class Track(Section):
    """Where figures go besides the run directory. Nothing leaves the machine unless trackio_space is set or wandb_mode
    is online; to change any of this redoes nothing."""

    to: Annotated[list[TrackerName], AfterValidator(_once)] = Field(default_factory=list)
    """tensorboard writes `tracking/tensorboard/` in the run, wandb `tracking/wandb/`, trackio its own local store
    (TRACKIO_DIR); empty tracks nowhere. Each needs its package: `pip install 'distill[tensorboard]'` and so on."""
    project: str = Field("distill", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=128)
    """Under which trackio and wandb list the runs."""
    trackio_space: RepositoryId | None = None
    """Space on the Hugging Face Hub, made private where it is new, that trackio sends to; null keeps all here. The
    token is read from HF_TOKEN."""
    wandb_mode: Literal["offline", "online"] = "offline"
    """online sends to Weights & Biases, with the key of WANDB_API_KEY or `wandb login`; offline writes files, which
    `wandb sync` can send later."""
    wandb_entity: str | None = Field(None, min_length=1, max_length=128)
    """User or team on Weights & Biases; null takes the key's own."""

    @model_validator(mode="after")
    def _named(self) -> "Track":
        changed = {
            "trackio": [] if self.trackio_space is None else ["trackio_space"],
            "wandb": [key for key in ("wandb_mode", "wandb_entity") if getattr(self, key) not in ("offline", None)],
        }
        for tracker, keys in changed.items():
            if keys and tracker not in self.to:
                raise ValueError(f"{keys[0]} is about {tracker}, which track.to does not name")
        return self
