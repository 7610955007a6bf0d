import json

from typer.testing import CliRunner

from grace.ci.cli import app
from grace.ci.piece import Piece


def observe(checkout, source, *more):
    out = checkout.parent / "observe.json"
    args = ["--metric", "mesh.errors", "--source", json.dumps(source), "--out", str(out)]
    done = CliRunner().invoke(app, ["observe", *args, "--interval", "0", *more])
    return done, out


def test_samples_of_a_page_are_kept_with_the_commit(checkout, serve):
    values = iter(["1", "2", "3"])
    page = serve(lambda *_: (200, f"errors {next(values)}\n".encode()))
    source = {"kind": "prometheus_text", "url": f"{page.url}/metrics", "series": "errors"}
    done, out = observe(checkout, source, "--samples", "3", "--unit", "%")
    assert done.exit_code == 0, done.output
    taken = Piece.model_validate_json(out.read_bytes()).observations
    assert [(each.value, each.unit) for each in taken] == [(1, "%"), (2, "%"), (3, "%")]
    assert "mesh.errors: 3 %" in done.output


def test_a_sample_without_a_value_is_kept_with_its_reason(checkout, serve):
    answers = iter([(200, b"errors 1\n"), (500, b"")])
    page = serve(lambda *_: next(answers))
    source = {"kind": "prometheus_text", "url": page.url, "series": "errors"}
    done, out = observe(checkout, source, "--samples", "2")
    assert done.exit_code == 0, done.output
    taken = Piece.model_validate_json(out.read_bytes()).observations
    assert [(each.value, each.note) for each in taken] == [(1, ""), (None, "answered HTTP 500")]


def test_no_value_at_all_is_red_and_says_why(checkout, serve):
    page = serve(lambda *_: (404, b""))
    source = {"kind": "prometheus", "url": page.url, "query": "up"}
    done, out = observe(checkout, source, "--samples", "2")
    assert done.exit_code == 1
    assert (
        "::error title=No samples::none of 2 samples has a value: answered HTTP 404" in done.output
    )
    assert not out.exists()


def test_a_source_that_the_catalog_would_refuse_is_refused(checkout):
    done, _ = observe(checkout, {"kind": "shell", "command": "id"})
    assert done.exit_code == 1
    assert "the source is not one of the metrics catalog's" in done.output
