"""The presets: what stands on each command line, run with a stand-in that records it."""

import json
import stat
import sys

import pytest

from grace.agents import run_agent
from grace.agents.presets import ABOUT, Files, line_of, said_by, upstream_of, words_of
from grace.domain.agents import Agent, Preset
from grace.domain.proposals import Budget, Refusal
from support.agent_places import FIX, place, repository, task
from support.fake_model import KEY, FakeModel

# Records how it was called, asks the model once as its dialect does, and mends the checkout.
STAND_IN = """\
#!{python} -I
import json, os, pathlib, subprocess, sys, urllib.request
argv, stdin = sys.argv[1:], sys.stdin.read() if not sys.stdin.closed else ""
base = os.environ.get("ANTHROPIC_BASE_URL") or os.environ.get("LLM_BASE_URL")
base = base or os.environ.get("ANTHROPIC_API_BASE")
for word in argv:
    if word.startswith("model_providers.relay.base_url="):
        base = word.split('"')[1]
url = base.removesuffix("/v1") + "/v1/messages"
ask = urllib.request.Request(url, b'{{"model": "m"}}', {{"Content-Type": "application/json"}})
answer = json.load(urllib.request.urlopen(ask))
seen = [p.read_bytes() for p in pathlib.Path("/proc").glob("[0-9]*/environ")]
seen += [p.read_bytes() for p in pathlib.Path("/proc").glob("[0-9]*/cmdline")]
files = [pathlib.Path(word) for word in argv if word.startswith("/") and os.path.isfile(word)]
prompt = stdin + "".join(p.read_text() for p in files)
told = {{"argv": argv, "env": dict(os.environ), "prompt": prompt, "cwd": os.getcwd(),
         "answer": answer["id"], "leaked": any({key!r}.encode() in each for each in seen)}}
pathlib.Path("called.json").write_text(json.dumps(told))
subprocess.run({fix!r}, shell=True, check=True)
print(json.dumps({{"type": "result", "total_cost_usd": 0.5, "usage": {{}}}}))
"""
HOSTILE = 'it\'s "broken" $(touch owned) `id`\n; rm -rf /'


@pytest.fixture
def root(tmp_path):
    return tmp_path / "a checkout"


@pytest.fixture
def model():
    with FakeModel("true").serving() as serving:
        yield serving


def stand_in(folder, preset):
    folder.mkdir(exist_ok=True)
    program = folder / ABOUT[preset].program
    program.write_text(STAND_IN.format(python=sys.executable, key=KEY, fix=FIX))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


def agent_of(preset, model, **more):
    given = {"model": "claude-x", "model_url": model.url, "price_in_usd": 3, "price_out_usd": 15}
    given |= {"money_usd": 1, "minutes": 1} | more
    return Agent(name="other", preset=preset, **given)


@pytest.mark.parametrize("preset", Preset)
def test_a_preset_is_called_as_its_line_says(root, model, tmp_path, preset):
    base = repository(root)
    own = place(root, path=(stand_in(tmp_path / "bin", preset),), model_key=KEY)
    proposal = run_agent(task(base, symptom=HOSTILE), agent_of(preset, model), own)
    assert proposal.sentence == ""
    called = json.loads(
        next(line for line in proposal.diff.splitlines() if line.startswith('+{"argv"'))[1:]
    )
    assert proposal.plausible is True
    assert called["cwd"] == str(root)
    assert (
        HOSTILE.splitlines()[0] in called["prompt"] or json.dumps(HOSTILE)[1:20] in called["prompt"]
    )
    assert not called["leaked"]
    assert KEY not in json.dumps(called)
    assert called["answer"] == "msg_1"
    assert [asked.headers["x-api-key"] for asked in model.asked] == [KEY]
    assert not (root / "owned").exists()
    assert "{model_url}" not in json.dumps(called)
    assert proposal.usage.money_usd == pytest.approx((1000 * 3 + 100 * 15) / 1e6)
    assert "claude-x" in (*called["argv"], called["env"].get("LLM_MODEL"))


def test_a_preset_says_what_it_lacks(root, model, tmp_path):
    base = repository(root)
    own = place(root, None, path=(stand_in(tmp_path / "bin", Preset.CODEX),))
    proposal = run_agent(task(base), agent_of(Preset.CODEX, model), own)
    assert proposal.refusal is Refusal.FAILED
    assert "GRACE_MODEL_KEY" in proposal.sentence
    (tmp_path / "bin" / "codex").unlink()
    if proposal := run_agent(task(base), agent_of(Preset.CODEX, model), place(root, None)):
        assert "npm install -g @openai/codex" in proposal.sentence


def test_a_run_without_money_left_is_refused_with_what_it_used(root, model, tmp_path):
    base = repository(root)
    own = place(root, None, path=(stand_in(tmp_path / "bin", Preset.CODEX),), model_key=KEY)
    bounds = Budget(minutes=1, money_usd=0.001)
    spent = agent_of(Preset.CODEX, model, money_usd=0.001)
    folder = tmp_path / "bin" / "codex"
    folder.write_text(
        folder.read_text().replace("answer = ", "urllib.request.urlopen(ask)\nanswer = ")
    )
    proposal = run_agent(task(base, budget=bounds), spent, own)
    assert proposal.refusal is Refusal.BUDGET
    assert "used up" in proposal.sentence
    assert proposal.usage.money_usd == pytest.approx(0.0045)
    assert proposal.usage.measured


def test_a_model_is_asked_at_its_maker_where_nothing_else_is_said():
    def asked(preset, model="", url=""):
        return upstream_of(Agent(name="x", preset=preset, model=model, model_url=url), preset)

    assert asked(Preset.CLAUDE_CODE) == "https://api.anthropic.com"
    assert asked(Preset.CODEX) == "https://api.openai.com"
    assert asked(Preset.AIDER) == "https://api.anthropic.com"
    assert asked(Preset.AIDER, "openai/gpt-5") == "https://api.openai.com"
    assert asked(Preset.CODEX, url="http://127.0.0.1:1") == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("preset", "output", "trajectory", "said"),
    [
        (Preset.CLAUDE_CODE,
         '{"type":"result","total_cost_usd":0.5,"usage":{"input_tokens":7,"output_tokens":2}}',
         None, (7, 2, 0.5)),
        (Preset.CLAUDE_CODE, '{"type":"result","total_cost_usd":"much","usage":[1]}', None, (0, 0, 0)),
        (Preset.CODEX,
         ('x\n{"type":"turn.completed","usage":{"input_tokens":3,"output_tokens":1}}\n'
          '{"type":"turn.completed","usage":{"input_tokens":4,"output_tokens":true}}'),
         None, (7, 1, 0)),
        (Preset.AIDER, "Tokens: 1k sent\nCost: $0.01 message, $0.07 session.\nbye", None, (0, 0, 0.07)),
        (Preset.AIDER, "Cost: $x message, $y session.", None, (0, 0, 0)),
        (Preset.MINI_SWE_AGENT, "", '{"info":{"model_stats":{"instance_cost":0.25}}}', (0, 0, 0.25)),
        (Preset.MINI_SWE_AGENT, "", '{"info":{"model_stats":{"instance_cost":-1}}}', (0, 0, 0)),
        (Preset.MINI_SWE_AGENT, "", "[" * 100_000, (0, 0, 0)),
        (Preset.OPENHANDS, '{"kind":"MessageEvent"}', None, (0, 0, 0)),
    ],
)  # fmt: skip
def test_what_a_preset_says_that_it_used_is_read(preset, output, trajectory, said):
    usage = said_by(preset, output, trajectory)
    assert (usage.tokens_in, usage.tokens_out, usage.money_usd) == said
    assert not usage.measured


def test_what_a_preset_said_last_is_its_rationale_where_it_left_none():
    claude = '{"type":"result","result":"The sign."}'
    codex = (
        '{"type":"item.completed","item":{"type":"agent_message","text":"I look."}}\n'
        '{"type":"item.completed","item":{"type":"agent_message","text":"The sign."}}\n'
        '{"type":"item.completed","item":{"type":"command_execution","text":"no"}}'
    )
    assert words_of(Preset.CLAUDE_CODE, claude) == "The sign."
    assert words_of(Preset.CODEX, codex) == "The sign."
    assert words_of(Preset.AIDER, claude) == ""
    assert words_of(Preset.CLAUDE_CODE, '{"type":"result","result":[1]}') == ""


@pytest.mark.parametrize("preset", Preset)
def test_no_line_holds_the_prompt_or_a_key(tmp_path, preset):
    files = Files(tmp_path / "prompt.md", tmp_path / "given", tmp_path / "left")
    line = line_of(preset, "a model", files, "THE PROMPT")
    assert "THE PROMPT" not in " ".join(line.argv)
    assert "a model" in (*line.argv, line.env.get("LLM_MODEL"))
    fed = line.stdin == b"THE PROMPT" or str(files.prompt) in line.argv
    assert fed or json.loads(line.more["mini-task.yaml"])["run"]["task"] == "THE PROMPT"
