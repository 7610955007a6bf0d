"""The base of every model of ours: immutable, strict about unknown fields."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """An immutable value; an unknown field is an error that names it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_inf_nan="strings", serialize_by_alias=True
    )
