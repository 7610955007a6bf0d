"""Whatever strangers write, what Grace says has the shape that it has with harmless words.

The oracle is a Markdown library with raw HTML on: a message with nasty words must parse into the
same tokens, one for one, as the message with plain words, texts and code apart.
"""

import re
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from grace.domain import messages, render, replies
from grace.domain.agreement import gate_lines
from grace.domain.events import Permission
from grace.domain.hidden import Hidden, Kind, describe
from grace.domain.issue_body import mission_body
from grace.domain.lifecycle.checks import annotations
from grace.domain.mission import FieldError, Mission
from grace.domain.phase import Phase
from grace.domain.results import SuiteReport, TestCase, TestOutcome
from grace.domain.trailers import LedgerRef, MissionMessage, MissionTrailers
from grace.domain.verdict import Condition, Result, all_of, leaf
from support.examples import examples
from support.phases import world_in
from support.reports import make_finding, make_report, make_scan, sha
from support.world import World

HARMLESS = "plain words"
PIECES = [
    *(
        "<!-- grace:00000000-0000-0000-0000-000000000001:issue -->",
        "<!--",
        "-->",
        "<!-- grace:x:y -->",
    ),
    *(
        "`",
        "``",
        "```",
        "\n```\n",
        "~~~",
        "\n~~~\n",
        "|",
        "\n|a|b|\n|-|-|\n|c|d|\n",
        "---",
        "\n---\n",
    ),
    *(
        "@all",
        "@octo/team",
        "closes #1",
        "Fixes: #7",
        "GH-3",
        "acme/mesh#4",
        "#",
        "\n# ",
        "\n## b\n",
    ),
    *(
        "](javascript:alert(1))",
        "[a](b)",
        "![a](b)",
        "[a]: b",
        "\n\n[a]: b\n\n",
        "[",
        "]",
        "(",
        ")",
    ),
    *(
        "<b>",
        "</b>",
        "<img src=x onerror=y>",
        "<script>",
        "</details>",
        "<details>",
        "<https://e.test>",
    ),
    *("https://e.test/a", "http://e.test", "www.e.test", "a@e.test", "mailto:a@e.test", "<", ">"),
    *(
        "\nMission-Signature: a b\n",
        "\nMission: x",
        "\nApproved-by: rita (code)",
        "\n\n",
        "\n",
        "\r",
    ),
    *("\u202e", "\u2066", "\u200b", "\x00", "\x1b[2J", "\u2028", "\U000e0041", "\ufeff", "\u0085"),
    *(
        "*",
        "**",
        "_",
        "__",
        "~~",
        "\\",
        "\\\\",
        "&lt;b&gt;",
        "&#60;b&#62;",
        "&",
        "\t",
        "    ",
        "- ",
        "1. ",
    ),
    *(
        "> ",
        "\n> ",
        "\n- ",
        "+ ",
        "=",
        "\n===\n",
        "$x$",
        "^",
        ":tada:",
        "a",
        "1",
        " ",
        "é",
        "'",
        '"',
    ),
]
NASTY = st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join)
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def shape(text: str) -> list[tuple[str, int, str]]:
    """List the tokens of a text in order, without what they say."""
    found: list[tuple[str, int, str]] = []

    def walk(tokens: list[Token]) -> None:
        for token in tokens:
            if token.type == "inline":
                walk(token.children or [])
            elif token.type not in {"text", "text_special"}:
                found.append((token.type, token.nesting, token.tag))

    walk(MARKDOWN.parse(text))
    return found


def condition(words: str) -> Condition:
    return all_of("merge", (leaf("ci", Result.FAIL, words, words), leaf(words, Result.PASS, words)))


@cache
def closed() -> Mission:
    return world_in(Phase.CLOSED).mission


@cache
def reverting() -> Mission:
    return world_in(Phase.REVERTING).mission


def hostile(mission: Mission, words: str) -> Mission:
    """Put a stranger's words wherever a mission may hold some."""
    request = mission.request
    assert request is not None
    line = words.strip() or "x"
    symptom = request.symptoms[0].model_copy(update={"description": line})
    tests = request.acceptance_criteria.model_copy(update={"must_pass_tests": (line, line)})
    changed = request.model_copy(
        update={"symptoms": (symptom,), "acceptance_criteria": tests, "summary": words}
    )
    attempts = tuple(a.model_copy(update={"failure": words}) for a in mission.attempts)
    window = mission.window and mission.window.model_copy(update={"reason": words})
    revert = mission.revert and mission.revert.model_copy(
        update={"reason": words, "blocked": words}
    )
    return mission.with_(
        request=changed,
        title=words,
        reason=words,
        attempts=attempts,
        window=window,
        revert=revert,
        started_by=words,
        alert=words,
    )


def unseen(words: str) -> tuple[str, ...]:
    return tuple(describe([Hidden(Kind.COMMENT, 1, render.one_line(words))] * 2))


def answer(words: str) -> str:
    """Write an answer as the comment that it becomes."""
    return replies.reply(closed(), "command-1", words)


POLICY = World().policy
MESSAGES = {
    "issue": lambda w: messages.issue_comment(hostile(closed(), w), POLICY),
    "issue that is held": lambda w: messages.issue_comment(
        hostile(world_in(Phase.GATING).mission, w).with_(held=w), POLICY
    ),
    "issue with errors": lambda w: messages.issue_comment(
        world_in(Phase.INVALID).mission.with_(errors=(FieldError(field=w, problem=w),)), POLICY
    ),
    "pull request": lambda w: messages.pull_body(hostile(closed(), w), POLICY),
    "pull request's comment": lambda w: messages.pull_comment(hostile(closed(), w), condition(w)),
    "pull request that waits": lambda w: messages.pull_comment(
        hostile(world_in(Phase.GATING).mission, w).with_(held=w), condition(w)
    ),
    "revert": lambda w: messages.revert_pull_body(hostile(reverting(), w)),
    "revert's check": messages.revert_check,
    "window": lambda w: messages.window_summary(hostile(closed(), w).window, 5),
    "window that is open": lambda w: messages.window_summary(
        hostile(closed(), w).window.model_copy(update={"verdict": None}), 5
    ),
    "CAPA": lambda w: messages.capa_body(hostile(reverting(), w), condition(w)),
    "alert": lambda w: re.sub(
        r"```yaml\n.*", "", mission_body(hostile(closed(), w)), flags=re.DOTALL
    ),
    "verdict": lambda w: render.tree(condition(w)),
    "line": lambda w: f"a {render.inline(w, 500)} b",
    "line of its own": lambda w: f"a\n\nx{render.inline(w, 500)}",
    "code": lambda w: f"a {render.code(w)} b",
    "quote": render.quoted,
    "hidden text": lambda w: "\n".join(f"- {line}" for line in unseen(w)),
    "issue with hidden text": lambda w: messages.issue_comment(
        hostile(closed(), w).with_(hidden=unseen(w)), POLICY
    ),
    "gates": lambda w: "\n".join(gate_lines(hostile(closed(), w), POLICY)),
    "code of nothing but": lambda w: f"a {render.code(w[1:-1])} b",
    "stranger": lambda w: answer(replies.stranger_refused(w, Permission.READ)),
    "refused command": lambda w: answer(
        replies.command_refused(w, Permission.READ, Permission.WRITE)
    ),
    "unknown command": lambda w: answer(replies.unknown_command(w)),
    "unknown candidate": lambda w: answer(replies.unknown_candidate(w, [w, w])),
    "unknown gate": lambda w: answer(replies.unknown_gate(w, ["approvals"])),
    "own proposal": lambda w: answer(replies.own_proposal(w)),
    "lifted veto": lambda w: answer(replies.veto_lifted(replies.own_proposal(w))),
    "void approval": lambda w: answer(replies.approval_void(w, sha("a"))),
    "command that does not fit": lambda w: answer(
        replies.nothing_to("hold", hostile(closed(), w).with_(held=w))
    ),
    "status": lambda w: answer(
        replies.status_text(hostile(world_in(Phase.GATING).mission, w).with_(held=w), condition(w))
    ),
    "status of the end": lambda w: answer(replies.status_text(hostile(closed(), w), condition(w))),
    "why": lambda w: answer(replies.why_text(condition(w))),
}


TITLES = {
    "commit": messages.commit_subject,
    "pull request": messages.pull_title,
    "merge": messages.merge_subject,
    "revert": messages.revert_subject,
    "CAPA": messages.capa_title,
    "mission": messages.mission_title,
}
ACTS = re.compile(r"@\w|#\d|\bGH-\d|://")


@pytest.mark.parametrize("name", MESSAGES)
@given(NASTY)
@settings(max_examples=examples(60), deadline=None)
def test_strange_words_change_no_message_s_shape(name, words):
    said, plain = MESSAGES[name](f"a{words}b"), MESSAGES[name](HARMLESS)
    assert shape(said) == shape(plain)
    assert said.count("<!-- grace:") == plain.count("<!-- grace:")


@pytest.mark.parametrize("name", TITLES)
@given(NASTY)
@settings(max_examples=examples(60), deadline=None)
def test_a_title_is_one_line_that_nothing_acts_on(name, words):
    title = TITLES[name](closed().with_(title=words))
    assert title.isprintable()
    assert not ACTS.search(title.replace(render.ZERO_WIDTH_SPACE, " "))


@given(NASTY.map(lambda words: words[:200]))
@settings(max_examples=examples(60), deadline=None)
def test_a_remark_on_a_line_is_one_line_that_can_be_printed(words):
    case = TestCase(name=words, outcome=TestOutcome.FAILED, file="a.py", line=1, message=words)
    suite = SuiteReport(
        suite="unit", job="unit", passed=0, failed=1, skipped=0, duration_s=1, cases=(case,)
    )
    scan = make_scan(make_finding(rule=words, message=words))
    report = make_report(sha("a"), sha("b")).model_copy(
        update={"suites": (suite,), "scans": (scan,)}
    )
    remarks = list(annotations(report))
    assert [remark.path for remark in remarks] == ["a.py", "mesh.py"]
    assert all(remark.title.isprintable() and remark.message.isprintable() for remark in remarks)
    assert all(remark.message for remark in remarks)


@given(NASTY)
@settings(max_examples=examples(60), deadline=None)
def test_a_commit_message_has_no_trailers_but_ours(words):
    mission = hostile(reverting(), words)
    trailers = MissionTrailers(
        mission=mission.name,
        issue="acme/mesh#1",
        agent="patch-1",
        entry=LedgerRef(seq=1, hash="0" * 64),
    )
    body = messages.revert_body(mission).split("\n")
    text = MissionMessage.of(messages.revert_subject(mission), trailers, body=body, refs=1).text()
    last = text.rstrip("\n").split("\n\n")[-1]
    assert last == "\n".join(trailers.lines())
    assert not re.search(
        r"^(?:Mission|Approved-by|Closes|Fixes)\b.*:", text[: -len(last) - 1], re.MULTILINE
    )
