"""The API's operations, one module a topic; each module lists its routes in `ROUTES`."""
