"""Who may be told what: which memories may be cited in which repository.

Nothing is cited outside its installation, nor from a private repository in a public one. What is
not known counts as what it would be worse to be wrong about: an unknown source is private, an
unknown asker is public.
"""

from pydantic import AwareDatetime

from grace.domain.base import Frozen
from grace.domain.mission import MissionRef


class Place(Frozen):
    """A repository and what is known of it; `private` None: nobody has said yet."""

    host: str
    repository_id: int
    installation_id: int | None = None
    private: bool | None = None

    @property
    def log(self) -> str:
        return f"{self.host}/{self.repository_id}"


class Visibility(Frozen):
    """What the forge said of a repository: whether it is private, at `at`."""

    ref: MissionRef
    private: bool
    at: AwareDatetime


def may_cite(asker: Place, source: Place) -> bool:
    """Tell whether what happened in `source` may be said in `asker`."""
    if asker.log == source.log:
        return True
    if asker.host != source.host or asker.installation_id is None:
        return False
    if asker.installation_id != source.installation_id:
        return False
    return source.private is False or asker.private is True
