"""Command line agents of others: what each is told on its command line, and how it is read.

Every one runs once, asks nobody, works on the files of the current folder, and speaks to the
relay, which holds the key. Their own sandboxes, updates and reports home are switched off: the
sandbox is ours. docs/agents.md says which versions these lines were tried with.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, assert_never

from grace.agents.forwarder import MARK
from grace.domain.agents import Agent, Preset
from grace.domain.base import Frozen
from grace.domain.proposals import Usage

# What stands where a key is asked for: the relay puts the real one in its place.
NO_KEY: Final = "the-relay-has-it"
_CLAUDE_TOOLS: Final = "Bash,Edit,Write,Read,Glob,Grep"
_OFFLINE: Final = {
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "NO_COLOR": "1",
}
_MAX_MONEY: Final = 100_000.0


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a run as its commands see them: the prompt, and folders to read and write."""

    prompt: Path
    given: Path
    left: Path


@dataclass(frozen=True, slots=True)
class Line:
    """One command: `more` are files that are written to the folder `given` before it runs."""

    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    stdin: bytes | None = None
    more: dict[str, str] = field(default_factory=dict)


class About(Frozen):
    """What a person is told of a preset: `makes` installs it."""

    program: str
    makes: str
    model: str
    page: str


ABOUT: Final = {
    Preset.CLAUDE_CODE: About(
        program="claude",
        makes="npm install -g @anthropic-ai/claude-code",
        model="claude-sonnet-4-5",
        page="https://docs.claude.com/en/docs/claude-code/headless",
    ),
    Preset.CODEX: About(
        program="codex",
        makes="npm install -g @openai/codex",
        model="gpt-5-codex",
        page="https://developers.openai.com/codex/noninteractive",
    ),
    Preset.AIDER: About(
        program="aider",
        makes="uv tool install aider-chat",
        model="anthropic/claude-sonnet-4-5",
        page="https://aider.chat/docs/scripting.html",
    ),
    Preset.MINI_SWE_AGENT: About(
        program="mini",
        makes="uv tool install mini-swe-agent --with mcp",
        model="anthropic/claude-sonnet-4-5",
        page="https://mini-swe-agent.com/latest/usage/mini/",
    ),
    Preset.OPENHANDS: About(
        program="openhands",
        makes="uv tool install --python 3.12 openhands",
        model="anthropic/claude-sonnet-4-5",
        page="https://docs.openhands.dev/openhands/usage/cli/headless",
    ),
}


def model_of(agent: Agent, preset: Preset) -> str:
    """Return the model that a preset is told to use."""
    return agent.model or ABOUT[preset].model


def upstream_of(agent: Agent, preset: Preset) -> str:
    """Return where the model is asked: as configured, else at the maker's."""
    if agent.model_url:
        return agent.model_url
    is_claude = "claude" in model_of(agent, preset) or preset is Preset.CLAUDE_CODE
    return "https://api.anthropic.com" if is_claude else "https://api.openai.com"


def line_of(preset: Preset, model: str, files: Files, prompt: str) -> Line:
    """Return the command line of a preset; `{model_url}` in it stands for the relay's address."""
    match preset:
        case Preset.CLAUDE_CODE:
            return _claude(model, prompt)
        case Preset.CODEX:
            return _codex(model, prompt)
        case Preset.AIDER:
            return _aider(model, files)
        case Preset.MINI_SWE_AGENT:
            return _mini(model, files, prompt)
        case Preset.OPENHANDS:
            return _openhands(model, files)
        case _ as never:
            assert_never(never)


def _claude(model: str, prompt: str) -> Line:
    """Print mode; the prompt on standard input, one JSON object on the output.

    Settings of the checkout are not read: they may name hooks, which are programs.
    """
    return Line(
        argv=(
            *("claude", "-p", "--output-format", "json", "--model", model),
            *("--permission-mode", "acceptEdits", "--allowedTools", _CLAUDE_TOOLS),
            *("--setting-sources", "user", "--strict-mcp-config", "--no-session-persistence"),
        ),
        env={
            **_OFFLINE,
            "ANTHROPIC_BASE_URL": MARK,
            "ANTHROPIC_API_KEY": NO_KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_ERROR_REPORTING": "1",
        },
        stdin=prompt.encode(),
    )


def _codex(model: str, prompt: str) -> Line:
    """`codex exec`; the prompt on standard input, JSON lines on the output.

    A provider of its own, for the built-in one reads where it is from a file of settings.
    """
    settings = {
        "model_provider": '"relay"',
        "model_providers.relay.name": '"relay"',
        "model_providers.relay.base_url": f'"{MARK}/v1"',
        "model_providers.relay.wire_api": '"responses"',
        "model_providers.relay.env_key": '"RELAY_KEY"',
        "analytics.enabled": "false",
        "check_for_update_on_startup": "false",
    }
    chosen = (word for key, value in settings.items() for word in ("-c", f"{key}={value}"))
    return Line(
        argv=(
            *("codex", "exec", "--json", "--ephemeral", "--skip-git-repo-check"),
            *("--ignore-user-config", "--color", "never", "--model", model),
            *("--dangerously-bypass-approvals-and-sandbox", *chosen, "-"),
        ),
        env={**_OFFLINE, "RELAY_KEY": NO_KEY},
        stdin=prompt.encode(),
    )


def _aider(model: str, files: Files) -> Line:
    """One message from a file; no commits, for `.git` is not to be written.

    It writes a name into the repository's settings where it finds none, so it is given one.
    """
    return Line(
        argv=(
            *("aider", "--message-file", str(files.prompt), "--model", model, "--yes-always"),
            *("--no-auto-commits", "--no-dirty-commits", "--no-gitignore", "--no-pretty"),
            *("--no-stream", "--no-check-update", "--analytics-disable", "--no-fancy-input"),
            *("--no-show-model-warnings", "--no-detect-urls", "--no-suggest-shell-commands"),
            *("--no-show-release-notes", "--no-auto-lint"),
            *("--input-history-file", str(files.left / "aider.input")),
            *("--chat-history-file", str(files.left / "aider.chat")),
        ),
        env={**_litellm(), "XDG_CONFIG_HOME": str(files.given)},
        more={"git/config": "[user]\n\tname = agent\n\temail = agent@localhost\n"},
    )


def _mini(model: str, files: Files, prompt: str) -> Line:
    """Without asking; the task in a file of settings, for an argument has an end."""
    return Line(
        argv=(
            *("mini", "--yolo", "--exit-immediately", "--cost-limit", "0", "--model", model),
            *("-c", "mini.yaml", "-c", str(files.given / "mini-task.yaml")),
            *("--output", str(files.left / "trajectory.json")),
        ),
        env={
            **_litellm(),
            "MSWEA_CONFIGURED": "true",
            "MSWEA_SILENT_STARTUP": "1",
            "MSWEA_COST_TRACKING": "ignore_errors",
        },
        more={"mini-task.yaml": json.dumps({"run": {"task": prompt}})},
    )


def _openhands(model: str, files: Files) -> Line:
    """Headless; the prompt from a file, JSON lines on the output, the model from variables."""
    return Line(
        argv=(
            *("openhands", "--headless", "--json", "--override-with-envs"),
            *("--exit-without-confirmation", "--file", str(files.prompt)),
        ),
        env={
            **_litellm(),
            "LLM_MODEL": model,
            "LLM_API_KEY": NO_KEY,
            "LLM_BASE_URL": MARK if "claude" in model else f"{MARK}/v1",
            "OPENHANDS_SUPPRESS_BANNER": "1",
        },
    )


def _litellm() -> dict[str, str]:
    """Return what the library that most of them ask models with reads."""
    return {
        **_OFFLINE,
        "ANTHROPIC_API_KEY": NO_KEY,
        "ANTHROPIC_API_BASE": MARK,
        "OPENAI_API_KEY": NO_KEY,
        "OPENAI_API_BASE": f"{MARK}/v1",
        "OPENAI_BASE_URL": f"{MARK}/v1",
    }


def said_by(preset: Preset, output: str, trajectory: str | None) -> Usage:
    """Read what a preset says that it used; nothing, where it says nothing that can be read."""
    match preset:
        case Preset.CLAUDE_CODE:
            return _said_by_claude(output)
        case Preset.CODEX:
            return _said_by_codex(output)
        case Preset.MINI_SWE_AGENT:
            told = _loaded(trajectory or "")
            stats = _part(_part(told, "info"), "model_stats")
            return Usage(money_usd=_money(stats.get("instance_cost")))
        case Preset.AIDER:
            return Usage(money_usd=_aider_s_cost(output))
        case Preset.OPENHANDS:
            return Usage()
        case _ as never:
            assert_never(never)


def words_of(preset: Preset, output: str) -> str:
    """Return what a preset said last of its work, where its output tells that apart."""
    said = ""
    for told in _lines(output):
        if preset is Preset.CLAUDE_CODE and told.get("type") == "result":
            said = _text(told.get("result"))
        item = _part(told, "item")
        if preset is Preset.CODEX and item.get("type") == "agent_message":
            said = _text(item.get("text"))
    return said


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _said_by_claude(output: str) -> Usage:
    for told in _lines(output):
        if told.get("type") == "result":
            usage = _part(told, "usage")
            return Usage(
                money_usd=_money(told.get("total_cost_usd")),
                tokens_in=_count(usage.get("input_tokens")),
                tokens_out=_count(usage.get("output_tokens")),
            )
    return Usage()


def _said_by_codex(output: str) -> Usage:
    turns = [
        _part(told, "usage") for told in _lines(output) if told.get("type") == "turn.completed"
    ]
    return Usage(
        tokens_in=sum(_count(usage.get("input_tokens")) for usage in turns),
        tokens_out=sum(_count(usage.get("output_tokens")) for usage in turns),
    )


def _aider_s_cost(output: str) -> float:
    """Read the last line of the kind `Cost: $0.01 message, $0.02 session`."""
    for line in reversed(output.splitlines()):
        before, found, _ = line.partition(" session.")
        if found and "Cost: $" in before:
            try:
                return _money(float(before.rpartition("$")[2]))
            except ValueError:
                return 0.0
    return 0.0


def _lines(output: str) -> Iterator[dict[str, Any]]:
    for line in output.splitlines():
        if line.startswith("{") and (told := _loaded(line)):
            yield told


def _loaded(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _part(told: dict[str, Any], name: str) -> dict[str, Any]:
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def _count(value: object) -> int:
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return value if is_count and 0 <= value < 10**12 else 0  # type: ignore[operator,return-value]


def _money(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value <= _MAX_MONEY else 0.0
