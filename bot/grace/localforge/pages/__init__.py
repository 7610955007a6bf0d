"""The forge in a browser: small pages over the same operations as its API."""
