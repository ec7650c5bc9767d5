"""Where the student goes."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from distill.licences import KNOWN, SLUG, identifier
from distill.recipe_base import Section
from distill.recipe_export import GgufTypes


def _repository(written: str) -> str:
    """`OWNER/NAME` as the hub takes it; its own client knows the rules."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(written)
    except HFValidationError as e:
        raise ValueError(f"the hub takes no such name: {str(e).rstrip('.')}") from e
    if written.count("/") != 1:
        raise ValueError("a repository of the hub is OWNER/NAME")
    return written


def _licence(written: str) -> str:
    if written in KNOWN:
        return written
    meant = identifier(written)
    hint = f"did you mean '{meant}'?" if meant else "for one of your own write 'other', with licence_name, licence_link"
    raise ValueError(f"the hub knows no licence '{written}'; {hint}")


def _link(written: str) -> str:
    if not written.startswith("https://") or " " in written:
        raise ValueError("a licence is linked by an address that begins with https://")
    return written


RepositoryId = Annotated[str, Field(max_length=193), AfterValidator(_repository)]
"""`OWNER/NAME` on the Hugging Face Hub."""

Licence = Annotated[str, AfterValidator(_licence)]
"""An identifier of https://huggingface.co/docs/hub/repositories-licenses."""


class Publish(Section):
    """Where the student goes. Nothing leaves the machine unless hub_id or dataset_id is set."""

    hub_id: RepositoryId | None = None
    """Model repository on the Hugging Face Hub; null only writes the folder `published/`. The token is read from
    HF_TOKEN."""
    dataset_id: RepositoryId | None = None
    """Data set repository for the curated set; null publishes no data."""
    private: bool = True
    """Create repositories as private. One that is public already is refused then."""
    overwrite: bool = False
    """Push into a repository that holds files of others, or the student of another recipe; refused otherwise."""
    merged: bool = True
    """The merged checkpoint, with the adapter in its folder `adapter/`; false publishes the adapter alone."""
    gguf: GgufTypes = Field(default_factory=list)
    """GGUF files of the merged checkpoint beside it, such as [q8_0]; `distill export` makes them at any time."""
    answers: bool = True
    """Publish the answers and verdicts of base and student, up to 50 MB; false publishes the figures alone."""
    licence: Licence | None = None
    """Of the student, by the hub's identifier; null leaves it out, and the card says so."""
    licence_name: Annotated[str, Field(pattern=rf"^{SLUG.pattern}$", max_length=96)] | None = None
    """Name of a licence `other`, such as `qwen-research`."""
    licence_link: Annotated[str, AfterValidator(_link)] | None = None
    """Where a licence `other` can be read."""
    base_licence: str | None = Field(None, min_length=1)
    """Licence of the base model, for the card; null takes what its README says, where that is on this machine."""
    teacher_licence: str | None = Field(None, min_length=1)
    """Licence of the teacher, or terms for its answers, for the card; null says that it is unknown."""

    @model_validator(mode="after")
    def _other(self) -> "Publish":
        described = self.licence_name is not None and self.licence_link is not None
        if self.licence == "other" and not described:
            raise ValueError("licence=other needs licence_name and licence_link")
        if self.licence != "other" and (self.licence_name or self.licence_link):
            raise ValueError("licence_name and licence_link describe licence=other")
        return self
