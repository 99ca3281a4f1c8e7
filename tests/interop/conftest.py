"""What the folders of this one share: checks that several of them import tell their values when they fail."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent

for part in ("nodes", "requests", "trees", "slaves", "library"):
    pytest.register_assert_rewrite(f"tests.interop.slap.checks_{part}")


@pytest.hookimpl(tryfirst=True)  # before the plugin that deals the groups out looks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of one file to one worker: its servers are dear, and some go on where the one before stopped."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group(str(item.path.relative_to(HERE))))
