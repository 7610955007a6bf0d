"""`grace`: one command for the bot, its keys, its audit, its missions, and the demo."""

from typing import Annotated

import typer

from grace import __version__
from grace.ci.cli import app as ci_app
from grace.cli.agent import app as agent_app
from grace.cli.audit import app as audit_app
from grace.cli.demo import demo
from grace.cli.detect import app as detect_app
from grace.cli.doctor import doctor
from grace.cli.drill import drill
from grace.cli.forge import app as forge_app
from grace.cli.github import app as github_app
from grace.cli.init import init
from grace.cli.keys import app as keys_app
from grace.cli.learn import app as learn_app
from grace.cli.memory import app as memory_app
from grace.cli.missions import app as missions_app
from grace.cli.notify import app as notify_app
from grace.cli.playbook import app as playbook_app
from grace.cli.policy import app as policy_app
from grace.cli.runner import runner
from grace.cli.schema import schema
from grace.cli.serve import kill_switch, serve
from grace.cli.token import app as token_app
from grace.cli.trust import app as trust_app
from grace.cli.watch import watch
from grace.cli.window import app as window_app

app = typer.Typer(
    name="grace",
    help=(
        "Turn an issue or an alert into a governed merge, an observed release and, when it went "
        "wrong, a rollback, with a signed record of every step."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(keys_app, name="keys", help="Make and show the key that signs the ledger.")
app.add_typer(audit_app, name="audit", help="Verify what the bot did, offline.")
app.add_typer(missions_app, name="mission", help="Look at missions in the bot's store.")
app.add_typer(agent_app, name="agent", help="Look at agents, and try one on a checkout.")
app.add_typer(policy_app, name="policy", help="Check, explain, try and lay out the rules.")
app.add_typer(playbook_app, name="playbook", help="Check, plan, run and take back playbooks.")
app.add_typer(detect_app, name="detect", help="Try the detectors on recorded metrics.")
app.add_typer(window_app, name="window", help="Try the observation judge on recorded metrics.")
app.add_typer(trust_app, name="trust", help="Show how far agents are trusted, and why.")
app.add_typer(memory_app, name="memory", help="Look at what ended missions left, and keep it.")
app.add_typer(learn_app, name="learn", help="Report what remedies came to, with what is not known.")
app.add_typer(token_app, name="token", help="Make, list and revoke tokens of API and page.")
app.command("schema")(schema)
app.add_typer(github_app, name="github", help="Make the GitHub App that Grace acts as.")
app.add_typer(notify_app, name="notify", help="See whether people are reached.")
app.add_typer(forge_app, name="forge", help="Run the local forge.")
app.add_typer(ci_app, name="ci", help="Collect and report results inside a CI job.")
app.command("init")(init)
app.command("doctor")(doctor)
app.command("serve")(serve)
app.command("runner")(runner)
app.command("kill-switch")(kill_switch)
app.command("watch")(watch)
app.command("demo")(demo)
app.command("drill")(drill)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"grace {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Take options that belong to no command."""
    del version
