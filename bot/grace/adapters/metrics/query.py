"""Answers of the Prometheus HTTP API to instant queries and to range queries.

Source: Prometheus, "HTTP API", format overview, instant queries and range queries.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Literal, assert_never

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from grace.adapters.metrics.reading import Reading, idle, nothing, one_line
from grace.domain.samples import Sample

Point = tuple[float, str]


class _Vector(BaseModel):
    resultType: Literal["vector"]  # noqa: N815 -- the API's name

    class Element(BaseModel):
        value: Point | None = None

    result: list[Element]


class _Matrix(BaseModel):
    resultType: Literal["matrix"]  # noqa: N815 -- the API's name

    class Element(BaseModel):
        values: list[Point] | None = None

    result: list[Element]


class _Scalar(BaseModel):
    resultType: Literal["scalar"]  # noqa: N815 -- the API's name
    result: Point


class _String(BaseModel):
    resultType: Literal["string"]  # noqa: N815 -- the API's name


class _Success(BaseModel):
    status: Literal["success"]
    data: Annotated[_Vector | _Matrix | _Scalar | _String, Field(discriminator="resultType")]


class _Error(BaseModel):
    status: Literal["error"]
    errorType: str = ""  # noqa: N815 -- the API's name
    error: str = ""


_ANSWER: TypeAdapter[_Success | _Error] = TypeAdapter(
    Annotated[_Success | _Error, Field(discriminator="status")]
)


class QueryFailed(Exception):
    """A query was not answered with what it was asked for; the message says why, in one line."""


def read_answer(body: bytes, status: int) -> tuple[Reading, float | None]:
    """Read the one number that an instant query should answer, and the time (s) it is given.

    The API sends its errors as JSON with status 400, 422 or 503.
    """
    try:
        answer = _success(body, status)
    except QueryFailed as error:
        return nothing(str(error)), None
    match answer.data:
        case _Scalar(result=point):
            return _number(point[1]), point[0]
        case _Vector(result=elements):
            return _read_vector(elements)
        case _Matrix(resultType=kind) | _String(resultType=kind):
            told = f"the query answered a {kind}; it must answer a scalar or one series"
            return nothing(told), None
        case unknown:
            assert_never(unknown)


def read_range(body: bytes, status: int) -> Sequence[Sample]:
    """Read the one series that a range query should answer; what is no number is no value."""
    data = _success(body, status).data
    if not isinstance(data, _Matrix):
        raise QueryFailed(f"the query answered a {data.resultType}, not a range")
    if len(data.result) > 1:
        raise QueryFailed(f"the query answered {len(data.result)} series; aggregate them to one")
    points = [point for element in data.result for point in element.values or ()]
    return [Sample(at, _number(text).value) for at, text in points]


def _success(body: bytes, status: int) -> _Success:
    try:
        answer = _ANSWER.validate_json(body)
    except ValidationError as error:
        told = f"answered HTTP {status} with something that is not the Prometheus API"
        raise QueryFailed(told) from error
    if isinstance(answer, _Error):
        raise QueryFailed(one_line(f"the query failed: {answer.errorType}: {answer.error}"))
    return answer


def _read_vector(elements: list[_Vector.Element]) -> tuple[Reading, float | None]:
    if not elements:
        return nothing("the query matched no series"), None
    if len(elements) > 1:
        told = f"the query answered {len(elements)} series; aggregate them to one"
        return nothing(told), None
    point = elements[0].value
    if point is None:
        return nothing("the query answered a native histogram; ask for a quantile of it"), None
    return _number(point[1]), point[0]


def _number(text: str) -> Reading:
    try:
        value = float(text)
    except ValueError:
        return nothing(f"the query answered {text!r}, which is no number")
    if math.isnan(value):
        return idle("the query answered NaN, which is no number: nothing was measured")
    if not math.isfinite(value):
        return nothing(f"the query answered {text}, which is no number to judge by")
    return Reading(value)
