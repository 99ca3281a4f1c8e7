"""Which shared parts are unused."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pilothouse.node import prune
from pilothouse.node.shared_parts import Mentions, Part

_SIGNATURES = st.integers(0, 6).map(lambda number: f"<{number}>")


@given(st.sets(_SIGNATURES), st.dictionaries(_SIGNATURES, st.sets(_SIGNATURES)))
def test_nothing_that_is_reachable_is_unused(roots: set[str], edges: dict[str, set[str]]) -> None:
    parts = {name: Part(Path("/s", "n", name)) for name in edges}
    mentions = Mentions(set(edges))
    mentions.add_roots(roots)
    for name, uses in edges.items():
        mentions.add_part(parts[name], ["".join(sorted(uses))])
    gone = {part.signature for part in prune.unused(parts.values(), mentions)}
    kept = set(edges) - gone
    assert not gone & roots
    assert not gone & {use for name in kept for use in edges[name] if use != name}
    assert all(name in roots or any(name in edges[other] for other in kept - {name}) for name in kept)
