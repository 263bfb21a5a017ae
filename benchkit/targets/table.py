"""What every table of a file is: strict, closed and frozen."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A typing error in a key is an error, and never a default."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, validate_by_alias=True
    )
