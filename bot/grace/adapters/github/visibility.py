"""Whether a repository is private, as every webhook about one says by the way. Pure."""

from pydantic import AwareDatetime, ValidationError

from grace.adapters.github.ours import Ours
from grace.adapters.github.payloads import Id, Lenient, RepositoryId
from grace.domain.memory.places import Visibility
from grace.domain.mission import MissionRef
from grace.ports import Delivery


class _Repository(Lenient):
    id: Id
    full_name: str
    private: bool
    updated_at: AwareDatetime | None = None


class _Envelope(Lenient):
    repository: _Repository
    installation: RepositoryId | None = None


def visibility(delivery: Delivery, ours: Ours) -> tuple[Visibility, ...]:
    """Read it; nothing where a delivery does not say so, which leaves what was known.

    A delivery that is sent again is as old as what it says: the repository's own time decides.
    """
    try:
        said = _Envelope.model_validate_json(delivery.body)
    except ValidationError:
        return ()  # the translation says what is wrong with it
    repository = said.repository
    ref = MissionRef(
        host=ours.host,
        repository_id=repository.id,
        repository=repository.full_name,
        installation_id=said.installation.id if said.installation else None,
    )
    at = repository.updated_at or delivery.received_at
    return (Visibility(ref=ref, private=repository.private, at=at),)
