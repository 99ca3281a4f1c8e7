"""``pilothouse demo`` as a new user runs it, from an installed package: jobs, and a service from nothing to nothing."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.installation import installed
from tests.machine import marked

BEGIN = "import sys; from pathlib import Path; from pilothouse.cli import demo_service as d; d.show(Path(sys.argv[1]))"


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """Return a folder with an environment; its path is short, because a socket's must be."""
    with tempfile.TemporaryDirectory(prefix="demo-") as made:
        installed(Path(made) / "env")
        yield Path(made)


def words(place: Path, *arguments: str) -> tuple[list[str], dict[str, str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHONPATH", "PILOTHOUSE_"))}
    return [str(place / "env/bin/python"), *arguments], {**kept, "HOME": str(place / "home")}


def test_the_demo_shows_both_sample_jobs_and_a_service(place: Path) -> None:
    command, environ = words(place, "-m", "pilothouse.cli.main", "demo", "--data", str(place / "demo"))
    done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for text in (
        "OpenSSH sshd",
        "624490098515988 succeeded",
        "624490098516200 succeeded",
        "✓ slapos configure local",
        "✓ slapos node instance",
        "<h1>Hello from a service</h1>",
        "slappart0 is well: 2 promises",
        "no process is left",
        "pilothouse job show",
    ):
        assert text in done.stdout
    assert "✗" not in done.stdout
    assert not (place / "home").exists(), "the user's own configuration stays as it was"
    assert marked(str(place / "demo")) == []


def test_a_demo_that_is_interrupted_leaves_nothing_running(place: Path) -> None:
    (place / "cut").mkdir()
    command, environ = words(place, "-c", BEGIN, str(place / "cut"))
    said = ""
    with subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            said += line
            if "slapos supply" in line:
                process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in said
    assert "✓ the end" in said
    assert marked(str(place / "cut")) == []
