"""What the folders of this one share: checks that several of them import tell their values when they fail."""

import pytest

for part in ("nodes", "requests", "trees", "slaves", "library"):
    pytest.register_assert_rewrite(f"tests.interop.slap.checks_{part}")
