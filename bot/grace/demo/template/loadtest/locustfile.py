"""The load we must carry: our dozen busiest topics, at a constant rate from constant users."""

import itertools
import random

from locust import FastHttpUser, constant_throughput, task

TOPICS = [f"orders.{what}" for what in ("created", "paid", "packed", "shipped", "returned")]
TOPICS += [f"billing.{what}" for what in ("due", "settled", "refused")]


class Sender(FastHttpUser):
    """Posts events five times a second, or as fast as the answers come."""

    wait_time = constant_throughput(5)

    def on_start(self) -> None:
        """Give each user its own event ids."""
        self.prefix = f"{random.getrandbits(64):016x}"
        self.numbers = itertools.count()

    @task
    def post_event(self) -> None:
        """Post one event; orders are most of the traffic."""
        number = next(self.numbers)
        event = {
            "id": f"{self.prefix}-{number}",
            "topic": random.choice(TOPICS),
            "payload": {"number": number, "total": random.randint(1, 10_000)},
        }
        self.client.post("/events", json=event)
