"""A bench whose jobs lie on a control server."""

from pathlib import Path

import pytest
from tests.console import Console
from tests.sshd import Sshd
from tests.underserver import ServerBench


@pytest.fixture
def served(console: Console, sshd: Sshd, tmp_path: Path) -> ServerBench:
    """Where a test runs jobs under the control server."""
    return ServerBench(console, sshd.settings(data=tmp_path / "data"))
