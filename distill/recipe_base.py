"""What all sections of a recipe have in common."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

ModelName = Annotated[str, Field(min_length=1, max_length=1000)]
"""Hub id, local folder, path of a `*.gguf` file, or `package:IMPORT_NAME/FILE.gguf`."""


Count = Annotated[int, Field(ge=1, le=10**9)]
"""A whole number from 1; the upper bound only catches slips of the keyboard."""


class Section(BaseModel):
    """Strict: `yes` is no number and `3.5` no count."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


def json_value(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse what cannot be sent as JSON."""
    try:
        json.dumps(value)
    except (TypeError, ValueError) as e:
        raise ValueError(f"it must be sent as JSON, which cannot hold it ({e})") from e
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(json_value)]
"""Keys and values that are passed on as JSON."""
