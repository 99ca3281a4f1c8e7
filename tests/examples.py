"""How many examples a property is tried with: TEST_EXAMPLES is the factor, 0.5 in a usual run."""

import os
from typing import Any

from hypothesis import settings

FACTOR = float(os.environ.get("TEST_EXAMPLES", "0.5"))


def examples(count: int, **more: Any) -> settings:
    """Return settings for ``count`` examples, more or fewer as the factor says; they may take as long as they need."""
    return settings(max_examples=max(1, round(count * FACTOR)), deadline=None, **more)
