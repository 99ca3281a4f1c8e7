"""scramp is loaded without what no login needs, and plainly where a release does not bear that."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]
LOAD = "import sys; from pilothouse.headless.client.lean import load_scramp; found = load_scramp(); "


def run(text: str, *folders: Path) -> str:
    """Return what a fresh interpreter prints; the folders come before everything else that it can import."""
    path = ":".join(map(str, (*folders, ROOT / "src")))
    done = subprocess.run(
        [sys.executable, "-c", text], env={"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout


def fake(folder: Path, text: str) -> Path:
    """Make another release of the library, and return where it lies."""
    (folder / "scramp").mkdir()
    (folder / "scramp" / "__init__.py").write_text(text)
    return folder


def test_a_login_loads_neither_certificates_nor_metadata() -> None:
    text = f"{LOAD}print(found.ScramClient.__module__, {{'importlib.metadata', 'asn1crypto'}} & sys.modules.keys())"
    assert run(text) == "scramp.core set()\n"


def test_nothing_of_the_stand_ins_is_left() -> None:
    again = "import asn1crypto.x509, importlib.metadata as m; print(m.version('scramp') != '', found is load_scramp())"
    assert run(LOAD + again) == "True True\n"


def test_a_certificate_is_read_by_the_real_parser() -> None:
    text = f"{LOAD}\ntry:\n found.core.CBindData.from_der(b'no')\nexcept found.ScramException as e:\n print(e)"
    assert "Problem loading certificate" in run(text)


def test_a_release_that_wants_more_is_imported_as_it_is(tmp_path: Path) -> None:
    uses = "from importlib.metadata import distribution\nfrom asn1crypto.x509 import Certificate, Name\n"
    folder = fake(tmp_path, f"{uses}__version__ = distribution('scramp').version\nkind = Certificate.__name__\n")
    assert run(f"{LOAD}print(found.kind, found.__version__ != '')", folder) == "Certificate True\n"


def test_a_release_that_checks_its_own_version_is_imported_as_it_is(tmp_path: Path) -> None:
    folder = fake(tmp_path, "from importlib.metadata import version\nMAJOR = int(version('scramp').split('.')[0])\n")
    assert run(f"{LOAD}print(found.MAJOR)", folder) == "1\n"
