"""Tools of the runner that log in to a machine themselves, outside the node's own operations."""
