"""How a new database compares with the one it is to replace, by the rows of each table."""

from collections.abc import Mapping

from grace.domain.playbooks.action import Scalar
from grace.runner.action import Found

TOLD = 5


def compared(before: Mapping[str, int | None], after: Mapping[str, int], most: float) -> Found:
    """Judge a new database by the rows of each table; `most`: the percentage that may be lost.

    `before` has None for a table that cannot be counted, and nothing where nothing can be read.
    """
    grave, told = [], []
    for table in sorted({*before, *after}):
        was, now = before.get(table), after.get(table)
        if now is None:
            grave.append(f"table {table} is missing")
        elif was is None:
            told.append(f"{table} has {now} rows (uncountable before)")
            if now == 0 and before:
                grave.append(f"of table {table}, which could not be counted, nothing is left")
        elif now < was:
            told.append(f"{table} has {now} of {was} rows")
            if (was - now) * 100 > most * was:
                grave.append(f"table {table} would lose {was - now} of {was} rows")
    values: dict[str, Scalar] = {
        "tables": len(after),
        "rows_before": sum(count or 0 for count in before.values()),
        "rows_after": sum(after.values()),
        "uncountable": sum(1 for table in after if before.get(table) is None),
    }
    if grave:
        return Found(False, f"too much would be lost: {'; '.join(grave[:TOLD])}"[:900], values)
    told = told or ["each table has as many rows as before"]
    return Found(True, "; ".join(told[: 2 * TOLD])[:900], values)
