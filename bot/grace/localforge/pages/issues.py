"""Pages of issues: lists, one with its comments, a new one by a form of the repository."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from aiohttp import web

from grace.localforge.changes import set_labels
from grace.localforge.core import Json
from grace.localforge.errors import ApiError, not_found
from grace.localforge.issues import find_issue, label_ids
from grace.localforge.pages.forms import FormError, IssueForm, issue_text, missing, parse_form
from grace.localforge.pages.threads import all_labels, thread
from grace.localforge.pages.visit import PageRoute, R, Visit
from grace.localforge.routes.comments import create_comment
from grace.localforge.routes.issues import create_issue, edit_issue, get_issue, list_issues
from grace.localforge.routes.labels import put_labels

FOLDER: Final = ".github/ISSUE_TEMPLATE"
MAX_FORMS: Final = 20


@dataclass(frozen=True, slots=True)
class FoundForm:
    """A form file of the default branch; `form` is None where `problem` says what is wrong."""

    file: str
    form: IssueForm | None
    problem: str = ""


async def show_list(visit: Visit) -> web.StreamResponse:
    """List issues by state and label, newest first."""
    state = visit.query("state", "open")
    label = visit.query("label")
    found = await visit.ask_all(list_issues, _state=state, _labels=label)
    issues = [item for item in found if "pull_request" not in item]
    labels = all_labels(visit)
    return visit.page(
        "issues.html", repo=visit.repo, issues=issues, state=state, label=label, labels=labels
    )


async def show_issue(visit: Visit) -> web.StreamResponse:
    """Show an issue with everything that happened on it."""
    issue = await visit.ask(get_issue)
    if "pull_request" in issue:
        return visit.see(visit.below(f"/pull/{issue['number']}"))
    mine = visit.user is not None and issue["user"]["id"] == visit.user["id"]
    return visit.page(
        "issue.html",
        repo=visit.repo,
        issue=issue,
        thread=await thread(visit, issue["id"]),
        labels=all_labels(visit),
        may_edit=mine or visit.may("triage"),
        may_label=visit.may("triage"),
    )


async def forms_of(visit: Visit) -> list[FoundForm]:
    """Read the issue forms at the tip of the default branch."""
    repo, git = visit.repo, visit.core.git(visit.repo)
    sha = await git.ref(f"refs/heads/{repo['default_branch']}")
    folder = sha and await git.entry(sha, FOLDER)
    if not folder or folder.kind != "tree":
        return []
    found = []
    for entry in (await git.tree(folder.sha))[:MAX_FORMS]:
        if entry.kind != "blob" or not entry.path.endswith((".yml", ".yaml")):
            continue
        if entry.path.rpartition(".")[0] == "config":
            continue
        try:
            found.append(FoundForm(entry.path, parse_form(await git.blob(entry.sha))))
        except FormError as error:
            found.append(FoundForm(entry.path, None, str(error)))
    return found


async def choose(visit: Visit) -> web.StreamResponse:
    """Offer the forms; a repository without any has a plain one."""
    name = visit.query("template")
    forms = await forms_of(visit)
    if visit.user is None:
        raise ApiError(401, "Sign in first.")
    if not name and forms:
        return visit.page("choose.html", repo=visit.repo, forms=forms)
    if name in {"", "blank"}:
        return _form_page(visit, None, "")
    return _form_page(visit, _named(forms, name), name)


def _named(forms: list[FoundForm], name: str) -> IssueForm:
    found = next((item.form for item in forms if item.file == name), None)
    if found is None:
        raise not_found()
    return found


def _form_page(visit: Visit, form: IssueForm | None, name: str, problem: str = "") -> web.Response:
    return visit.page(
        "new_issue.html",
        status=422 if problem else 200,
        repo=visit.repo,
        form=form,
        template=name,
        filled=visit.form,
        problem=problem,
    )


async def create(visit: Visit) -> web.StreamResponse:
    """File an issue by a form or in plain words."""
    name = visit.value("template", "blank")
    title = visit.value("title").strip()
    form = None if name == "blank" else _named(await forms_of(visit), name)
    wanted = [] if form is None else missing(form, visit.form)
    if not title:
        wanted.insert(0, "Title")
    if wanted:
        return _form_page(visit, form, name, f"Still to fill in: {', '.join(wanted)}")
    text = visit.value("body") if form is None else issue_text(form, visit.form)
    labels = [] if form is None else form.label_names
    body: Json = {"title": title, "body": text, "labels": labels}
    issue = await visit.ask(create_issue, body)
    await _label(visit, issue["number"], labels)
    return visit.see(visit.below(f"/issues/{issue['number']}"))


async def _label(visit: Visit, number: int, labels: list[str]) -> None:
    """Give a form's labels also where its filer may not label: the form's author chose them."""
    core, repo, user = visit.core, visit.repo, visit.user
    issue = find_issue(core, repo, number)
    if issue is not None and user is not None and labels:
        ids = [*issue["labels_json"]]
        ids += [i for i in label_ids(core, repo, labels) if i not in ids]
        await set_labels(core, repo, issue, ids, user)


async def comment(visit: Visit) -> web.StreamResponse:
    """Comment, and close or reopen when that button was pressed."""
    text, state = visit.value("body"), visit.value("state")
    anchor = ""
    if text.strip() or not state:
        made = await visit.ask(create_comment, {"body": text})
        anchor = f"#issuecomment-{made['id']}"
    if state:
        await visit.ask(edit_issue, {"state": state})
    return visit.see(visit.below(f"/issues/{visit.param('number')}{anchor}"))


async def relabel(visit: Visit) -> web.StreamResponse:
    """Give an issue or pull request exactly the labels that were ticked."""
    await visit.ask(put_labels, {"labels": visit.form.get("label", [])})
    return visit.see(visit.below(f"/issues/{quote(visit.param('number'))}"))


ROUTES: Final = (
    PageRoute("GET", f"{R}/issues", show_list),
    PageRoute("GET", f"{R}/issues/new", choose),
    PageRoute("GET", f"{R}/issues/new/choose", choose),
    PageRoute("POST", f"{R}/issues/new", create),
    PageRoute("GET", f"{R}/issues/{{number}}", show_issue),
    PageRoute("POST", f"{R}/issues/{{number}}/comments", comment),
    PageRoute("POST", f"{R}/issues/{{number}}/labels", relabel),
)
