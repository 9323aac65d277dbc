"""What a section of the settings is made of: frozen, closed (unknown keys are errors), no NaN, strict numbers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt

# Strict numbers: pydantic would otherwise read `true` as 1 and the text "2" as 2.
Share = Annotated[StrictFloat, Field(ge=0.0, le=1.0)]
Positive = Annotated[StrictFloat, Field(gt=0.0)]
AtLeastZero = Annotated[StrictFloat, Field(ge=0.0)]
AtLeastOne = Annotated[StrictInt, Field(ge=1)]
NotNegative = Annotated[StrictInt, Field(ge=0)]


def no_bool(value: object) -> object:
    # True == 1 satisfies a Literal, too.
    return repr(value) if isinstance(value, bool) else value


class Section(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )
