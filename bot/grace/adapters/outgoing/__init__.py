"""Outgoing webhooks by the scheme of Standard Webhooks."""

from grace.adapters.outgoing.sending import Endpoint, HttpWebhooks
from grace.adapters.outgoing.signing import WebhookSecret, sign

__all__ = ["Endpoint", "HttpWebhooks", "WebhookSecret", "sign"]
