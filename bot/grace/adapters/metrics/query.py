"""Answers of the Prometheus HTTP API to an instant query.

Source: Prometheus, "HTTP API", format overview and instant queries.
"""

import math
from typing import Annotated, Literal, assert_never

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from grace.adapters.metrics.reading import Reading, nothing

Point = tuple[float, str]


class _Vector(BaseModel):
    resultType: Literal["vector"]  # noqa: N815 -- the API's name

    class Element(BaseModel):
        value: Point | None = None

    result: list[Element]


class _Scalar(BaseModel):
    resultType: Literal["scalar"]  # noqa: N815 -- the API's name
    result: Point


class _Other(BaseModel):
    resultType: Literal["matrix", "string"]  # noqa: N815 -- the API's name


class _Success(BaseModel):
    status: Literal["success"]
    data: Annotated[_Vector | _Scalar | _Other, Field(discriminator="resultType")]


class _Error(BaseModel):
    status: Literal["error"]
    errorType: str = ""  # noqa: N815 -- the API's name
    error: str = ""


_ANSWER: TypeAdapter[_Success | _Error] = TypeAdapter(
    Annotated[_Success | _Error, Field(discriminator="status")]
)


def read_answer(body: bytes, status: int) -> Reading:
    """Read the one number that an instant query should answer.

    The API sends its errors as JSON with status 400, 422 or 503.
    """
    try:
        answer = _ANSWER.validate_json(body)
    except ValidationError:
        told = f"answered HTTP {status} with something that is not the Prometheus API"
        return nothing(told)
    if isinstance(answer, _Error):
        return nothing(f"the query failed: {answer.errorType}: {answer.error}")
    match answer.data:
        case _Scalar(result=point):
            return _number(point[1])
        case _Vector(result=elements):
            return _read_vector(elements)
        case _Other(resultType=kind):
            return nothing(f"the query answered a {kind}; it must answer a scalar or one series")
        case unknown:
            assert_never(unknown)


def _read_vector(elements: list[_Vector.Element]) -> Reading:
    if not elements:
        return nothing("the query matched no series")
    if len(elements) > 1:
        return nothing(f"the query answered {len(elements)} series; aggregate them to one")
    point = elements[0].value
    if point is None:
        return nothing("the query answered a native histogram; ask for a quantile of it")
    return _number(point[1])


def _number(text: str) -> Reading:
    try:
        value = float(text)
    except ValueError:
        return nothing(f"the query answered {text!r}, which is no number")
    if not math.isfinite(value):
        return nothing(f"the query answered {text}, which is no number to judge by")
    return Reading(value)
