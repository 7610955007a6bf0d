"""`grace serve` by itself."""

import typer

from grace.cli.serve import serve

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(serve)
