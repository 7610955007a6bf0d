"""Issue forms: `.github/ISSUE_TEMPLATE/*.yml` as fields, and what is filled in as an issue's text.

The format is GitHub's: https://docs.github.com/communities/using-templates-to-encourage-useful-issues-and-pull-requests/syntax-for-issue-forms
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

EMPTY: Final = "_No response_"
MAX_FORM: Final = 100_000


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Validations(_Part):
    required: bool = False


class _Words(_Part):
    label: str
    description: str = ""
    placeholder: str = ""
    value: str = ""
    render: str = ""


class _Options(_Part):
    label: str
    description: str = ""
    options: tuple[str, ...]
    multiple: bool = False
    default: int | None = None


class _Box(_Part):
    label: str
    required: bool = False


class _Boxes(_Part):
    label: str
    description: str = ""
    options: tuple[_Box, ...]


class _Prose(_Part):
    value: str


class Words(_Part):
    """One line (`input`) or many (`textarea`)."""

    type: Literal["input", "textarea"]
    attributes: _Words
    validations: _Validations = _Validations()


class Dropdown(_Part):
    type: Literal["dropdown"]
    attributes: _Options
    validations: _Validations = _Validations()


class Checkboxes(_Part):
    type: Literal["checkboxes"]
    attributes: _Boxes


class Prose(_Part):
    """Text for who fills in the form; no part of the issue."""

    type: Literal["markdown"]
    attributes: _Prose


Element = Annotated[Words | Dropdown | Checkboxes | Prose, Field(discriminator="type")]


class IssueForm(_Part):
    """A form; field `n` of its body is posted as `field-n`."""

    name: str
    description: str = ""
    title: str = ""
    labels: tuple[str, ...] | str = ()
    body: tuple[Element, ...]

    @property
    def label_names(self) -> list[str]:
        names = self.labels.split(",") if isinstance(self.labels, str) else self.labels
        return [name.strip() for name in names if name.strip()]


class FormError(Exception):
    """A form that GitHub would not show; the text says why."""


def parse_form(source: bytes) -> IssueForm:
    """Read a form; FormError with a sentence when it is none."""
    if len(source) > MAX_FORM:
        raise FormError("the form is too large")
    try:
        data: Any = yaml.safe_load(source)
        return IssueForm.model_validate(data)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise FormError("the form is no YAML") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FormError(f"{where}: {first['msg']}") from error


def missing(form: IssueForm, filled: Mapping[str, list[str]]) -> list[str]:
    """Return the labels of the required fields that are not filled in."""
    found = []
    for index, element in enumerate(form.body):
        values = [value for value in filled.get(f"field-{index}", []) if value.strip()]
        match element:
            case Words() | Dropdown():
                if element.validations.required and not values:
                    found.append(element.attributes.label)
            case Checkboxes():
                found += [
                    box.label
                    for number, box in enumerate(element.attributes.options)
                    if box.required and str(number) not in values
                ]
            case Prose():
                pass
    return found


def issue_text(form: IssueForm, filled: Mapping[str, list[str]]) -> str:
    """Return the text of the issue: a heading a field, and below it what was filled in."""
    parts = []
    for index, element in enumerate(form.body):
        values = filled.get(f"field-{index}", [])
        match element:
            case Words():
                parts.append((element.attributes.label, _words(element, values)))
            case Dropdown():
                # What is not offered was not chosen.
                chosen = [value for value in values if value in element.attributes.options]
                text = ", ".join(chosen if element.attributes.multiple else chosen[:1])
                parts.append((element.attributes.label, text or EMPTY))
            case Checkboxes():
                boxes = [
                    f"- [{'x' if str(number) in values else ' '}] {box.label}"
                    for number, box in enumerate(element.attributes.options)
                ]
                parts.append((element.attributes.label, "\n".join(boxes)))
            case Prose():
                pass
    return "\n\n".join(f"### {label}\n\n{text}" for label, text in parts)


def _words(element: Words, values: list[str]) -> str:
    text = values[0].strip() if values else ""
    if not text:
        return EMPTY
    render = element.attributes.render
    return f"```{render}\n{text}\n```" if render else text
