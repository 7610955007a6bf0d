"""Actions of services, caches and checkouts: what each may do, as playbooks may name them."""

from typing import Final

from grace.domain.playbooks.action import ActionSpec

SERVICE: Final[tuple[ActionSpec, ...]] = ()
