"""Empty a cache in Redis: its database number, or the keys of one prefix."""

from typing import Any

from grace.domain.playbooks.action import ActionSpec, Scalar
from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.redis_server import identify_redis, marker, redis_of
from grace.runner.actions.service_target import (
    Notes,
    nothing_to_undo,
    remaining,
    setting,
    setting_flag,
    spec_of,
    text,
)

_DAY = 86_400
_PAGE = 500


def pattern_of(prefix: str) -> str:
    """Write a prefix as a pattern of SCAN; what is special there stands for itself."""
    return "".join(f"\\{c}" if c in "*?[]\\^" else c for c in prefix) + "*"


class RedisFlush:
    """Proof that a flush came after its beginning is a key that is set before and gone after.

    The proof is noted before the flush, so that a kill between any two instructions leaves either
    a key that is still there, or a flush that is done.
    """

    spec: ActionSpec = spec_of("redis.flush")

    def identify(self, situation: Situation) -> None:
        identify_redis(situation)

    def look(self, situation: Situation) -> Found:
        with redis_of(situation) as server:
            self._refuse(situation, server)
            count = self._count(situation, server)
            begun = bool(server.exists(self._proof(situation)))
        what = self._what(situation)
        if count == 0 and not begun:
            return Found(holds=True, sentence=f"{what} has no keys", values={"keys": 0})
        return Found(
            holds=False, sentence=f"{count} keys of {what} would go", values={"keys": count}
        )

    def act(self, situation: Situation) -> Found:
        notes = Notes(situation)
        proof = self._proof(situation)
        with redis_of(situation) as server:
            self._refuse(situation, server)
            count = self._count(situation, server)
            server.set(proof, "1", ex=_DAY)
            notes.write(proof=proof, keys=count)
            if text(situation, "prefix"):
                self._unlink(situation, server, proof)
            else:
                self._empty(situation, server)
        return self.verify(situation)

    def verify(self, situation: Situation) -> Found:
        noted = Notes(situation).read()
        with redis_of(situation) as server:
            flushed = "proof" in noted and not server.exists(str(noted["proof"]))
            left = self._count(situation, server)
        what = self._what(situation)
        if not flushed:
            return Found(holds=False, sentence=f"{what} was not emptied")
        values: dict[str, Scalar] = {"keys": noted["keys"], "keys_now": left}
        return Found(
            holds=True, sentence=f"{noted['keys']} keys of {what} were removed", values=values
        )

    def undo(self, situation: Situation) -> Found:
        return nothing_to_undo(situation)

    def _what(self, situation: Situation) -> str:
        prefix = text(situation, "prefix")
        number = f"database {setting(situation, 'db')}"
        return f"prefix {prefix} in {number}" if prefix else number

    def _proof(self, situation: Situation) -> str:
        return f"{text(situation, 'prefix')}grace:flush:{situation.key}"

    def _refuse(self, situation: Situation, server: Any) -> None:
        if not setting_flag(situation, "cache"):
            raise ActionFailed(
                "this Redis is not said to be a cache: set `cache: true` for the target where all "
                "that it holds may be lost"
            )
        if server.info("replication").get("role") != "master":
            raise ActionFailed("this Redis is a replica: name its primary as the target")
        if server.info("cluster").get("cluster_enabled"):
            raise ActionFailed("this Redis is part of a cluster, which this action cannot empty")

    def _kept(self, situation: Situation) -> frozenset[str]:
        known = marker(situation)
        return frozenset({self._proof(situation), *((known[0],) if known else ())})

    def _count(self, situation: Situation, server: Any) -> int:
        prefix, kept = text(situation, "prefix"), self._kept(situation)
        if not prefix:
            return int(server.dbsize()) - int(server.exists(*kept))
        return sum(len(page) for page in self._pages(situation, server))

    def _pages(self, situation: Situation, server: Any) -> Any:
        kept, cursor = self._kept(situation), 0
        while True:
            remaining(situation)
            cursor, keys = server.scan(
                cursor, match=pattern_of(text(situation, "prefix")), count=_PAGE
            )
            yield [key for key in keys if key not in kept]
            if cursor == 0:
                return

    def _unlink(self, situation: Situation, server: Any, proof: str) -> None:
        for keys in self._pages(situation, server):
            if keys:
                server.unlink(*keys)
        server.unlink(proof)

    def _empty(self, situation: Situation, server: Any) -> None:
        """Flush, and put the identity back in the same transaction."""
        known = marker(situation)
        with server.pipeline(transaction=True) as both:
            both.flushdb(asynchronous=True)
            if known is not None:
                both.set(*known)
            both.execute()
