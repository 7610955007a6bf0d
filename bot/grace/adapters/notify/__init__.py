"""Notifications to people, by the services that apprise knows."""

from grace.adapters.notify.ringing import AppriseChannels, ChannelUnusable

__all__ = ["AppriseChannels", "ChannelUnusable"]
