"""The HTTP server with its checks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict

from aiohttp import web

from grace.adapters.github.webhook import WebhookSecrets
from grace.adapters.oidc import OidcVerifier
from grace.app.bootstrap.alert_doors import alerts_of, open_doors
from grace.app.bootstrap.hub import HubParts
from grace.app.bootstrap.system import System, exposition
from grace.app.bootstrap.working import bases_of
from grace.app.inlets import token_check, webhook_of
from grace.web.api.outgoing import Desks
from grace.web.intake import Intake
from grace.web.server import Served, make_app


def make_intake(system: System) -> Intake:
    """Give the HTTP server its checks."""
    settings = system.settings
    secret = settings.webhook_secret
    secrets = None if secret is None else WebhookSecrets([secret.get_secret_value()])
    verifier = OidcVerifier(
        settings.oidc_issuer, settings.oidc_audience, system.client, system.clock
    )
    operator = settings.operator_token
    return Intake(
        store=system.store,
        clock=system.clock,
        count=system.measures.count_delivery,
        wake=system.wake,
        webhook=lambda headers, body: webhook_of(headers, body, secrets),
        token=token_check(verifier, settings.forge_host),
        workflows=system.configuration.governance.tests.workflows,
        bases=bases_of(system.configuration.subsystems),
        operator_token=operator.get_secret_value() if operator is not None else None,
    )


def served(system: System, parts: HubParts) -> Served:
    """Gather what the server is made of."""
    return Served(
        intake=make_intake(system),
        take_alerts=alerts_of(open_doors(system), lambda: system.policy, system.refs),
        readiness=system.readiness,
        exposition=lambda: measured(system, parts),
        hub=parts.hub,
        access=parts.access,
        live=parts.live,
        desks=Desks(parts.outlets.webhooks, parts.outlets.notifier),
    )


def measured(system: System, parts: HubParts) -> tuple[bytes, str]:
    """Write all measures, with how live events are followed at this moment."""
    for name, figure in asdict(parts.live.figures()).items():
        system.measures.live.labels(figure=name).set(figure)
    return exposition(system)


@asynccontextmanager
async def listening(system: System, parts: HubParts) -> AsyncIterator[str]:
    """Serve HTTP; yield the base URL."""
    settings = system.settings
    runner = web.AppRunner(
        make_app(served(system, parts)),
        access_log=None,
        handle_signals=False,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.listen_host, settings.listen_port)
        await site.start()
        system.address = (settings.listen_host, runner.addresses[0][1])
        yield f"http://{settings.listen_host}:{system.address[1]}"
    finally:
        await runner.cleanup()
