"""The originals, each in a virtual environment of its own that is made once and kept. They are run, never imported."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pilothouse-tests"
_PROBE: Final = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
_READY: Final = ".ready"


class Original(msgspec.Struct, frozen=True):
    """One installed original: run its programs as ``original.program("slapos")``."""

    name: str
    version: str
    folder: Path

    @property
    def python(self) -> Path:
        return self.program("python")

    def program(self, name: str) -> Path:
        return self.folder / "bin" / name


def slapos() -> Original:
    """Return the newest slapos.core that the machine's interpreters can run, installed.

    1.26.1 loses commands before Python 3.12; 1.24.0 has them all, and needs an older setuptools. Neither names
    libnetworkcache among its requirements, and both import it. The recipe is for releases that nodes build: they
    find only what the interpreter itself has.
    """
    companions = ("slapos.libnetworkcache==0.30", "xml_marshaller==1.0.3", "slapos.recipe.template==5.1")
    for version in ("3.12", "3.13"):
        if python := interpreter(version):
            return installed("slapos", "1.26.1", python, "slapos.core==1.26.1", *companions)
    python = interpreter("3.11")
    assert python, "slapos.core needs a Python 3.11, 3.12 or 3.13 with venv; install one"
    return installed("slapos", "1.24.0", python, "slapos.core==1.24.0", "setuptools<81", *companions)


def interpreter(version: str) -> Path | None:
    """Return a Python of this version (``3.12``) that can make environments; a shim that leads nowhere is none."""
    return next((path for path in _candidates(version) if _answers(path, version)), None)


def _candidates(version: str) -> Iterator[Path]:
    if found := shutil.which(f"python{version}"):
        yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    yield from sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)


def _answers(python: Path, version: str) -> bool:
    probe = subprocess.run(
        [python, "-c", _PROBE], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    return probe.returncode == 0 and probe.stdout.strip() == version


def installed(name: str, version: str, python: Path, *requirements: str) -> Original:
    """Return the environment of these requirements; the first one to ask makes it, others wait for it.

    Other requirements make another environment, so that nobody's is taken away while it is used.
    """
    wanted = "\n".join([str(python), *requirements])
    folder = CACHE / f"{name}-{version}-{hashlib.sha256(wanted.encode()).hexdigest()[:8]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = folder / _READY
        if not (ready.exists() and ready.read_text() == wanted):
            shutil.rmtree(folder, ignore_errors=True)
            _run(python, "-m", "venv", folder)
            _run(folder / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", *requirements)
            ready.write_text(wanted)
    return Original(name, version, folder)


def _run(*words: str | Path) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stderr[-3000:]}"
