"""What the documentation shows can be written so."""

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import TypeAdapter

from grace.domain.catalog import Catalog, Source

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_is_a_source(text):
    found = yaml.safe_load(text)
    if "source" in found:
        TypeAdapter(Source).validate_python(found["source"])
    else:
        assert Catalog.model_validate({"metrics": found}).metrics


def test_every_kind_has_an_example():
    union, _ = get_args(Source)
    kinds = {kind.model_fields["kind"].default for kind in get_args(union)}
    assert kinds == set(re.findall(r"kind: (\w+)", "".join(EXAMPLES)))
