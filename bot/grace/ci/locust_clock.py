"""A second locust file, loaded beside the user's: makes `--run-time` mean what it says.

gevent's loop takes timers from a time it caches, which by then is as old as the import of
locust and of the user's file; two seconds of load would be a fraction of one on a busy machine.
"""

import gevent
from locust import events


def renew(**_: object) -> None:
    """Let the loop look at the clock again before locust sets its timer."""
    gevent.get_hub().loop.update_now()


events.init.add_listener(renew)  # type: ignore[no-untyped-call]  # locust leaves it untyped
