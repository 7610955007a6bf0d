"""GitHub's objects as far as they are used, in REST answers and webhooks alike; lenient."""

from typing import Annotated, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from grace.domain.results import Sha
from grace.ports import ForgeUnavailable

Id = Annotated[int, Field(ge=0, lt=2**63)]
M = TypeVar("M", bound=BaseModel)


class Lenient(BaseModel):
    """A foreign value: fields that are not named here are dropped."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


def misfit(error: ValidationError) -> str:
    """Say in one line which fields do not fit, without their values."""
    listed = error.errors(include_url=False, include_context=False, include_input=False)
    shown = [
        f"{'.'.join(str(part) for part in e['loc']) or 'body'}: {e['msg']}" for e in listed[:5]
    ]
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""  # noqa: PLR2004 - as above
    return "; ".join(shown) + more


def fit(model: type[M], data: object, purpose: str) -> M:
    """Read a REST answer; one that does not fit is no answer."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ForgeUnavailable(
            f"GitHub's answer to {purpose} is not what its documentation says ({misfit(error)})"
        ) from error


class User(Lenient):
    login: Annotated[str, Field(min_length=1, max_length=100)]
    id: Id = 0
    type: str = "User"


class AppId(Lenient):
    id: Id


class Label(Lenient):
    name: str = ""


class RepositoryId(Lenient):
    id: Id


class Repository(Lenient):
    id: Id
    full_name: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$", max_length=200)]
    default_branch: str = ""


class Issue(Lenient):
    """An issue; `pull_request` is set on those that are pull requests."""

    number: Id
    title: str = ""
    body: str | None = None
    user: User | None = None
    labels: tuple[Label, ...] = ()
    state: str = "open"
    html_url: str = ""
    updated_at: AwareDatetime
    closed_at: AwareDatetime | None = None
    pull_request: object | None = None
    performed_via_github_app: AppId | None = None


class Comment(Lenient):
    id: Id
    created_at: AwareDatetime | None = None
    body: str | None = None
    user: User | None = None
    performed_via_github_app: AppId | None = None


class Tip(Lenient):
    """One end of a pull request; `repo` None when the fork was deleted."""

    ref: str
    sha: Sha
    repo: RepositoryId | None = None


class Pull(Lenient):
    number: Id
    html_url: str = ""
    state: str
    draft: bool | None = None
    merged: bool | None = None
    merge_commit_sha: Sha | None = None
    merged_by: User | None = None
    head: Tip
    base: Tip
    user: User | None = None
    updated_at: AwareDatetime


class PullTip(Lenient):
    """A pull request as a review's webhook has it."""

    number: Id
    head: Tip


class Review(Lenient):
    id: Id
    state: str
    commit_id: Sha | None = None
    user: User | None = None
    submitted_at: AwareDatetime | None = None


class Suite(Lenient):
    head_branch: str | None = None


class CheckRun(Lenient):
    id: Id
    name: str
    head_sha: Sha
    external_id: str | None = None
    status: str
    conclusion: str | None = None
    html_url: str | None = None
    details_url: str | None = None
    started_at: AwareDatetime | None = None
    completed_at: AwareDatetime | None = None
    app: AppId | None = None
    check_suite: Suite | None = None
