"""GitHub behind the ports: a forge over its REST API, and its webhooks as domain events."""
