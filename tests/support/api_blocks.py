"""The block of the documentation that the table of operations writes."""

from grace.web.api.operation import Operation
from grace.web.api.table import TABLE


def who(operation: Operation) -> str:
    need = operation.need
    found = [f"`{scope}`" for scope in need.scopes] or ["anybody"]
    words = " or ".join([*found, *(["who signed in"] if need.person else [])])
    return f"{words}, with a login" if need.login else words


def operations() -> str:
    lines = ["| operation | what it does | for |", "| --- | --- | --- |"]
    for operation in TABLE:
        summary = operation.summary.replace("|", "\\|")
        where = f"`{operation.method} {operation.path}`"
        lines.append(f"| {where} | {summary} | {who(operation)} |")
    return "\n".join(lines)


API_BLOCKS = {"operations": operations}
