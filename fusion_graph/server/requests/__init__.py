"""The bodies of the requests, as pydantic models: what is accepted, with its range and its default."""
