"""Models as what a recipe wants of them, told from their configs before anything is paid or loaded."""

from distill import models
from distill.adapters import CONFIG as ADAPTER
from distill.errors import Refused
from distill.model_kind import EMBEDDING, no_writer, refuse_other_kind
from distill.model_limits import refuse_quantised, refuse_recurrent
from distill.models import ModelSource


def refuse_no_writer(source: ModelSource, key: str = "student.model") -> None:
    """
    Raises:
        Refused: the model, that `key` names, is no causal language model.
    """
    refuse_other_kind(models.config(source), source.name, key)
    if source.gguf_file is None and models.beside(source, EMBEDDING):
        raise no_writer(source.name, f"an embedding model ({EMBEDDING})", key)
    if not source.is_local and models.beside(source, ADAPTER):
        raise Refused(
            f"the hub's '{source.name}' holds an adapter beside a model: which of the two is meant?",
            f"Download the one, merged if it is the adapter, and give its folder as {key}.",
        )


def refuse_no_student(source: ModelSource) -> None:
    """
    Raises:
        Refused: the model cannot be trained: no causal language model, quantised, or with layers that carry a state.
    """
    refuse_no_writer(source)
    refuse_quantised(models.config(source), source.name)
    refuse_recurrent(models.config(source), source.name)
