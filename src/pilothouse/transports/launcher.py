"""Render an operation as one POSIX sh program, sent on stdin of a tiny constant command. Pure.

The command works with every login shell. The bytes after the program are orders (``settle``, ``abort``), and
the end of stdin tells the machine that the engine is gone. `program.sh` is the part that never changes.
"""

import base64
import functools
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from string import ascii_uppercase
from typing import Final

import msgspec

from pilothouse.errors import TargetError
from pilothouse.transports.contract import Launch

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_TOKEN: Final = re.compile(r"[A-Za-z0-9-]{1,128}\Z")
_DIGEST: Final = re.compile(r"[A-Za-z0-9]{8,128}\Z")
# bash keeps these to itself and would end when they are set
_KEPT: Final = frozenset({"BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"})
# here-documents are safe in every shell for these only; anything else travels as base64
_CONTROLS: Final = re.compile(rb"[^\t\n\r\x20-\x7e\x80-\xff]")
_HIGHEST_MODE: Final = 0o7777
# what the program's umask gives a new file
_MADE_MODE: Final = 0o600


class Program(msgspec.Struct, frozen=True):
    """What to send first on stdin; nothing may follow before the start mark has come back."""

    text: bytes

    @property
    def script(self) -> str:
        """The constant script for ``sh -c``; it reads exactly the program."""
        return f'eval "$(head -c {len(self.text)})"'

    @property
    def command(self) -> str:
        """The command line for a login shell of any kind."""
        return f"sh -c '{self.script}'"


def render(launch: Launch, *, merged: bool = False) -> Program:
    """Return the program that runs ``launch``; raises TargetError when it cannot be run on any machine.

    ``merged`` is for a wire where output and control are one stream: control lines begin with `sign`.
    """
    _check(launch)
    return _program(
        _header(launch, "run", merged=merged),
        _function("files", _files(launch)),
        _function("settings", [f"export {name}={quote(value)}" for name, value in launch.environment]),
        _function("operate", ["own_session " + " ".join(quote(word) for word in launch.argv)]),
        _function("collect", [f"hand {n} {quote('./' + name)}" for n, name in enumerate(launch.collect)]),
    )


def render_reap(launch: Launch, *, merged: bool = False) -> Program:
    """Return the program that ends what an earlier connection left of ``launch``, and says what came of it."""
    _check(launch)
    return _program(_header(launch, "reap", merged=merged))


def render_prepare(launch: Launch) -> Program:
    """Return the program that makes the private folder and the pipe for orders in it, for a merged wire."""
    _check(launch)
    return _program(_header(launch, "prepare", merged=True))


def sign(token: str) -> bytes:
    """Return what each control line begins with when output and control are one stream."""
    return b"\x1e%b " % token.encode()


def start_mark(token: str) -> bytes:
    """Return what both streams show first; all before it is noise of the login."""
    return b"\x1e%b start\n" % token.encode()


def end_mark(token: str) -> bytes:
    """Return what the output shows after the operation's last byte."""
    return b"\x1e%b end\n" % token.encode()


def quote(text: str) -> str:
    """Quote for every POSIX shell: nothing inside is expanded."""
    return "'" + text.replace("'", "'\\''") + "'"


def _program(*parts: str) -> Program:
    return Program("\n".join((*parts, _body())).encode("utf-8", "surrogateescape"))


@functools.cache
def _body(name: str = "program.sh") -> str:
    text = Path(__file__).with_name(name).read_text("utf-8")
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("#"))


def _header(launch: Launch, mode: str, *, merged: bool = False) -> str:
    work = posixpath.normpath(launch.work)
    mark = f"$(printf '\\036%s ' {launch.token})" if merged else ""
    return (
        f"ph_token={launch.token} ph_mode={mode} ph_sign={mark} "
        f"ph_folder={quote(posixpath.normpath(launch.folder))} ph_work={quote(work)} ph_store={quote(launch.store)}"
    )


def _function(name: str, lines: Iterable[str]) -> str:
    return "\n".join((f"{name}() {{", *lines, ":", "}"))


def _files(launch: Launch) -> Iterable[str]:
    files = launch.files
    if not files:
        return
    kept = {file.digest for file in files if file.digest} if launch.store else set()
    if kept:
        yield _body("store.sh")
    folders = sorted({posixpath.dirname(file.name) for file in files} - {""})
    if folders:
        yield f"mkdir -p {_paths(folders)} || return 1"
    # a file left by an earlier attempt may be read-only, or a link to elsewhere
    yield f"rm -f {_paths(file.name for file in files)} || return 1"
    for file in files:
        path = _paths([file.name])
        if file.digest in kept & launch.there:
            yield f"lay {file.digest} {path} || return 1"
            continue
        yield _content(file.content, path)
        if file.digest in kept:
            yield f"keep {file.digest} {path}"
    for mode in sorted({file.mode & _HIGHEST_MODE for file in files} - {_MADE_MODE}):
        yield f"chmod {mode:o} {_paths(file.name for file in files if file.mode & _HIGHEST_MODE == mode)} || return 1"


def _paths(names: Iterable[str]) -> str:
    return " ".join(quote("./" + name) for name in names)


def _content(content: bytes, path: str) -> str:
    if not content:
        return f": >{path} || return 1"
    text = None if _CONTROLS.search(content) else _decoded(content)
    delimiter = _delimiter(content)
    if text is None or delimiter is None:
        coded = base64.encodebytes(content).decode()
        command = f"{{ base64 -d || openssl base64 -d; }} >{path}"
        return f"{command} <<'-END-' || return 1\n{coded}-END-"
    end = "" if text.endswith("\n") else "\n"
    return f"head -c {len(content)} >{path} <<'{delimiter}' || return 1\n{text}{end}{delimiter}"


def _delimiter(content: bytes) -> str | None:
    """Return a word that ends no line here: none begins with its first letter.

    That it does not stand there would do, were it not for dash, which loses a byte above 127 when what
    precedes it in the line is the beginning of the delimiter.
    """
    begun = {line[:1] for line in content.split(b"\n")}
    return next((f"{letter}-END" for letter in ascii_uppercase if letter.encode() not in begun), None)


def _decoded(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _check(launch: Launch) -> None:
    if not _TOKEN.match(launch.token):
        raise TargetError(f"token {launch.token!r} cannot be used: letters, digits and '-' only")
    if not launch.folder.startswith("/") or posixpath.normpath(launch.folder) in {"/", "//"}:
        raise TargetError(f"folder {launch.folder!r} cannot be the private folder: an absolute path is needed")
    if not launch.argv or not launch.argv[0] or launch.argv[0].startswith("-"):
        raise TargetError(f"{launch.argv[:1]!r} is no command")
    _check_store(launch)
    if not (launch.folder + launch.work + launch.store).isprintable():
        raise TargetError(f"folder {launch.folder!r} or {launch.work!r} holds characters that cannot be shown")
    for text in (launch.folder, launch.work, *launch.argv, *(value for _, value in launch.environment)):
        if "\0" in text:
            raise TargetError("a text with a NUL character cannot be handed to a command on any machine")
    for name, _ in launch.environment:
        if not _NAME.match(name) or name in _KEPT:
            raise TargetError(f"environment variable {name!r} cannot be set; use letters, digits and '_'")
    for name in (*(file.name for file in launch.files), *launch.collect):
        _check_name(name)
    if not launch.work.startswith("/"):
        _check_name(launch.work)


def _check_store(launch: Launch) -> None:
    if launch.store and (not launch.store.startswith("/") or posixpath.normpath(launch.store) in {"/", "//"}):
        raise TargetError(f"folder {launch.store!r} cannot be the store of kept files: an absolute path is needed")
    for file in launch.files:
        if file.digest and not _DIGEST.match(file.digest):
            raise TargetError(f"digest {file.digest!r} cannot name a kept file: letters and digits only")


def _check_name(name: str) -> None:
    if not name or name.startswith("/") or ".." in name.split("/") or "\0" in name:
        raise TargetError(f"file name {name!r} leads out of its folder; give a name below it")
