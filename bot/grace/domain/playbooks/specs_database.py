"""Actions of sqlite and postgresql: what each may do, as playbooks may name them."""

from typing import Final

from grace.domain.playbooks.action import ActionSpec

DATABASE: Final[tuple[ActionSpec, ...]] = ()
