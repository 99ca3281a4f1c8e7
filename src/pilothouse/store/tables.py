"""All tables together, those of the master and those of headless batches, for who needs every one of them."""

from pilothouse.store import headless_schema, schema
from pilothouse.store.columns import METADATA

__all__ = ["METADATA", "headless_schema", "schema"]
