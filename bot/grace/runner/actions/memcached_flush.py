"""Invalidate what memcached holds: everything, or one generation of keys."""

from grace.domain.playbooks.action import ActionSpec, Scalar
from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.memcached_server import Memcached, identify_memcached, memcached_of
from grace.runner.actions.service_target import (
    Notes,
    nothing_to_undo,
    setting,
    spec_of,
    text,
    wait_until,
)

_DAY = 86_400
_FLUSHED_SECONDS = 5


class MemcachedFlush:
    """As `redis.flush`, the proof is a key set before and gone after.

    The marker of the server's identity goes with everything else, and is put back. With a
    generation key nothing is removed: the counter grows, and the service no longer asks for keys
    of the old generation.
    """

    spec: ActionSpec = spec_of("memcached.flush")

    def identify(self, situation: Situation) -> None:
        identify_memcached(situation, flushed="items" in Notes(situation).read())

    def look(self, situation: Situation) -> Found:
        with memcached_of(situation) as server:
            generation = text(situation, "generation_key")
            if generation:
                now = self._generation(server, generation)
                return Found(holds=False, sentence=f"generation {now} would end")
            items = int(server.stats().get("curr_items", "0"))
            if not self._marked(situation, server):
                return Found(holds=False, sentence="it was flushed, and has to get its marker back")
        kept = 1 if setting(situation, "expect_marker", "") else 0
        if items <= kept:
            return Found(holds=True, sentence="it holds nothing", values={"items": 0})
        return Found(holds=False, sentence=f"up to {items} items would go", values={"items": items})

    def act(self, situation: Situation) -> Found:
        notes, generation = Notes(situation), text(situation, "generation_key")
        with memcached_of(situation) as server:
            if generation:
                if "generation" not in notes.read():
                    notes.write(generation=self._generation(server, generation))
                server.increase(generation)
            elif not self._flushed(situation, server):
                self._flush(situation, server, notes)
            self._mark(situation, server)
        return self.verify(situation)

    def verify(self, situation: Situation) -> Found:
        noted, generation = Notes(situation).read(), text(situation, "generation_key")
        with memcached_of(situation) as server:
            if generation:
                now = self._generation(server, generation)
                before = noted.get("generation")
                values: dict[str, Scalar] = {"generation": now}
                if before is None or now <= int(before):
                    return Found(holds=False, sentence=f"it is still generation {now}")
                return Found(holds=True, sentence=f"it is generation {now} now", values=values)
            if not self._flushed(situation, server) or not self._marked(situation, server):
                return Found(holds=False, sentence="it was not flushed")
        items = noted["items"]
        return Found(holds=True, sentence=f"up to {items} items are gone", values={"items": items})

    def undo(self, situation: Situation) -> Found:
        return nothing_to_undo(situation)

    def _proof(self, situation: Situation) -> str:
        return f"grace:flush:{situation.key}"

    def _flushed(self, situation: Situation, server: Memcached) -> bool:
        noted = Notes(situation).read()
        return "items" in noted and server.get(self._proof(situation)) is None

    def _flush(self, situation: Situation, server: Memcached, notes: Notes) -> None:
        items = int(server.stats().get("curr_items", "0"))
        server.store("set", self._proof(situation), "1", _DAY)
        notes.write(items=items)
        server.ask("flush_all")
        # It goes by whole seconds: what was stored in this one may outlive the first.
        wait_until(
            situation,
            _FLUSHED_SECONDS,
            "memcached still answers what it should have flushed",
            lambda: self._flushed(situation, server),
        )

    def _generation(self, server: Memcached, key: str) -> int:
        seen = server.get(key)
        if seen is None or not seen.strip().isdecimal():
            raise ActionFailed(f"there is no counter under the generation key {key}")
        return int(seen)

    def _marked(self, situation: Situation, server: Memcached) -> bool:
        if not setting(situation, "expect_marker", ""):
            return True
        return server.get(setting(situation, "marker_key", "grace:identity")) is not None

    def _mark(self, situation: Situation, server: Memcached) -> None:
        expected = setting(situation, "expect_marker", "")
        if expected:
            server.store("add", setting(situation, "marker_key", "grace:identity"), expected)
