"""Who is told outside of the process: channels of people, and webhooks of programs."""

import asyncio
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass

from grace.adapters.config.given import given
from grace.adapters.notify import AppriseChannels, ChannelUnusable
from grace.adapters.outgoing import Endpoint, HttpWebhooks, WebhookSecret
from grace.app.bootstrap.system import System, fault_counter
from grace.app.notifier import Notifier, Pen
from grace.app.outgoing import Carrier, Outgoing
from grace.app.settings import SettingsError
from grace.domain.notifying.config import Notifications


@dataclass(frozen=True, slots=True)
class Outlets:
    """Those who send, and what they send with, which is to be closed at the end."""

    notifier: Notifier
    webhooks: Outgoing
    channels: AppriseChannels
    sender: HttpWebhooks

    async def close(self) -> None:
        """Close what is open to the outside."""
        self.channels.close()
        await self.sender.close()


async def make_outlets(system: System) -> Outlets:
    """Make what `notifications.yaml` asks for; `ConfigError` or `SettingsError` where it cannot."""
    config = system.configuration.notifications
    secrets = given(config, os.environ)
    try:
        channels = await asyncio.to_thread(AppriseChannels.open, secrets.channels)
    except ChannelUnusable as error:
        raise SettingsError(f"notifications.yaml: {error}") from error
    fault = fault_counter(system)
    pen = Pen(
        store=system.store,
        messenger=channels,
        clock=system.clock,
        config=config,
        web_url=system.settings.forge_web_url,
        jitter=random.random,
        fault=fault,
    )
    sender = HttpWebhooks(endpoints(config, secrets.webhooks))
    carrier = Carrier(
        store=system.store,
        sender=sender,
        clock=system.clock,
        config=config,
        jitter=random.random,
        fault=fault,
    )
    notifier, webhooks = Notifier(pen, system.bell.ear()), Outgoing(carrier, system.bell.ear)
    return Outlets(notifier, webhooks, channels, sender)


def endpoints(config: Notifications, secrets: Mapping[str, tuple[str, ...]]) -> dict[str, Endpoint]:
    """Say where each webhook is sent and what signs it; `SettingsError` for what is no secret."""
    made = {}
    for name, webhook in config.webhooks.items():
        try:
            keys = tuple(WebhookSecret.parse(text) for text in secrets[name])
        except ValueError as error:
            raise SettingsError(f"notifications.yaml: webhooks.{name}.secret {error}") from error
        made[name] = Endpoint(webhook.url, webhook.network, keys)
    return made
