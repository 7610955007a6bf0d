"""POST /graphql: parse, validate, weigh, run, and answer with GitHub's errors."""

import uuid
from dataclasses import dataclass, field

import structlog
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    execute,
    get_operation_ast,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values

from grace.localforge.api import Call, Reply, Route
from grace.localforge.core import Json
from grace.localforge.errors import ApiError
from grace.localforge.graph.reading import query_root
from grace.localforge.graph.sdl import SDL
from grace.localforge.graph.viewing import Viewer, fault_of, resolve_field
from grace.localforge.graph.weight import MAX_NODES, Weight, weigh
from grace.localforge.graph.writing import mutation_root
from grace.localforge.limits import GRAPHQL


@dataclass(frozen=True, slots=True)
class _Question:
    document: DocumentNode
    operation: OperationDefinitionNode
    variables: Json
    weight: Weight


@dataclass(slots=True)
class GraphApi:
    """Answers GraphQL; the schema is built at the first question."""

    _schema: GraphQLSchema | None = field(default=None)

    @property
    def route(self) -> Route:
        return Route("POST", GRAPHQL, self.answer)

    async def answer(self, call: Call) -> Reply:
        """Answer one request; all but sign-in, limits and broken JSON is a 200."""
        if call.actor.kind not in {"user", "installation"}:
            raise ApiError(401, "This endpoint requires you to be authenticated.")
        body = call.body("GraphQL").data
        if self._schema is None:
            self._schema = build_schema(SDL)
        question = _read(self._schema, body)
        if isinstance(question, list):
            return Reply({"errors": [_shape(error) for error in question]})
        core = call.core
        now = core.clock().timestamp()
        core.limits.charge(call.actor.caller, "graphql", question.weight.cost - 1, now)
        seen = Viewer(core, call.actor, question.weight.cost, question.weight.nodes)
        mutates = question.operation.operation is OperationType.MUTATION
        result = execute(
            self._schema,
            question.document,
            root_value=mutation_root(seen) if mutates else query_root(seen),
            variable_values=body.get("variables") or {},
            operation_name=body.get("operationName"),
            field_resolver=resolve_field,
        )
        done = result if isinstance(result, ExecutionResult) else await result
        answer: Json = {"data": done.data}
        if done.errors:
            answer["errors"] = [_shape(error) for error in done.errors]
        return Reply(answer)


def _read(schema: GraphQLSchema, body: Json) -> _Question | list[GraphQLError]:
    """Return the checked question, or why it cannot be asked."""
    source, variables = body.get("query"), body.get("variables") or {}
    if not isinstance(source, str) or not source.strip():
        return [GraphQLError("A query attribute must be specified and must be a string.")]
    if not isinstance(variables, dict):
        return [GraphQLError("Variables must be an object.")]
    try:
        document = parse(source)
    except GraphQLError as error:
        return [error]
    errors = validate(schema, document)
    operation = get_operation_ast(document, body.get("operationName"))
    if errors or operation is None:
        return errors or [GraphQLError("An operation name is required")]
    values = get_variable_values(schema, operation.variable_definitions or (), variables)
    if isinstance(values, list):
        return values
    weight = weigh(document, operation, values.coerced)
    if weight.nodes > MAX_NODES:
        words = f"This query requests up to {weight.nodes} possible nodes which exceeds the maximum"
        return [GraphQLError(f"{words} limit of {MAX_NODES}.")]
    return _Question(document, operation, variables, weight)


def _shape(error: GraphQLError) -> Json:
    """Return an error as GitHub writes it; what is no refusal is logged and kept from callers."""
    shape: Json = {}
    fault = fault_of(error.original_error)
    message = error.message
    if fault is not None:
        shape["type"] = fault.kind
        message = fault.message
    elif error.original_error is not None and not isinstance(error.original_error, GraphQLError):
        reference = uuid.uuid4().hex[:20].upper()
        structlog.get_logger().error(
            "forge.graphql_failed", reference=reference, exc_info=error.original_error
        )
        message = (
            "Something went wrong while executing your query. Please include"
            f" `{reference}` when reporting this issue."
        )
    if error.path is not None:
        shape["path"] = error.path
    if error.locations:
        shape["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    return {**shape, "message": message}
