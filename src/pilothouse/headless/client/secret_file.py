"""The secret file: who may read it, what stands in it, and how it comes to be (spec section 5)."""

import errno
import os
import stat
from typing import Final, NamedTuple

from pilothouse.headless import limits
from pilothouse.headless.client.stop import ParameterError
from pilothouse.headless.kdf import is_secret

_POSIX: Final = os.name == "posix"
_MODE: Final = 0o400 if _POSIX else 0o600  # Windows could not take the second name of a read-only file away
_HEADERS: Final = ("user", "service", "cred")


class Secret(NamedTuple):
    """A bcrypt string, and what its file says it belongs to; empty when it says nothing."""

    value: str
    user: str = ""
    service: str = ""
    cred: str = ""


def load_secret(path: str) -> Secret | None:
    """Return what the file holds, or None when there is none yet; raises ParameterError, never with content."""
    # a pipe of that name must not hold the call up
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ParameterError(f"secret file {path} cannot be read by {_account()}: {error.strerror}") from error
    try:
        _check_file(path, os.fstat(descriptor))
        raw = os.read(descriptor, limits.SECRET_FILE + 1)
    finally:
        os.close(descriptor)
    _check_folder(path)
    return parse_secret(path, raw)


def parse_secret(path: str, raw: bytes) -> Secret:
    """Return what the bytes of the file at ``path`` say; raises ParameterError for anything but one bcrypt string."""
    lines = raw.decode("ascii", "replace").replace("\r\n", "\n").split("\n")
    values = [line for line in lines if line and not line.startswith("#")]
    if len(raw) > limits.SECRET_FILE or not raw.isascii() or len(values) != 1 or not is_secret(values[0]):
        raise ParameterError(f"secret file {path}: not a password hash file; delete it and run once interactively")
    headers = {}
    for line in lines:
        name, separator, text = line.removeprefix("#").partition(":")
        if line.startswith("#") and separator and name.strip() in _HEADERS:
            headers[name.strip()] = text.strip()
    return Secret(values[0], **headers)


def check_owner(path: str, secret: Secret, name: str) -> None:
    """Raise ParameterError when the file says that it belongs to another user than ``name``."""
    if secret.user and secret.user != name:
        raise ParameterError(f"secret file {path} belongs to user {secret.user}, not to {name}")


class NewSecret:
    """A secret file in the making: a place is taken at once, the name only when the server has accepted the secret."""

    def __init__(self, path: str) -> None:
        """Take a place beside ``path``; raises ParameterError when the directory does not allow it."""
        folder, separator, name = path.rpartition(os.sep)
        self._path = path
        self._folder = folder + separator if folder or separator else os.curdir
        self._beside = f"{folder}{separator}.{name}.{os.getpid()}.{os.urandom(4).hex()}"
        _check_folder(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        try:
            self._descriptor = os.open(self._beside, flags, _MODE)
        except OSError as error:
            reason = f"its directory is not writable for {_account()}: {error.strerror}"
            raise ParameterError(f"secret file {path} cannot be created; {reason}") from error
        if not _POSIX:
            self._protect()

    def _protect(self) -> None:
        from pilothouse.headless.client.windows_access import protect

        try:
            protect(self._beside)
        except OSError as error:
            self.discard()
            raise ParameterError(f"secret file {self._path} cannot be kept from others: {error}") from error

    def keep(self, secret: Secret) -> None:
        """Write the file and give it its name, for good; raises ParameterError when another content has taken it."""
        headers = [f"# {name}: {text}" for name in _HEADERS if (text := getattr(secret, name))]
        lines = ["# planta-headless secret, keep mode 0400", *headers, secret.value, ""]
        os.write(self._descriptor, "\n".join(lines).encode("ascii", "replace"))
        os.fsync(self._descriptor)
        try:
            os.link(self._beside, self._path)
        except FileExistsError:
            other = load_secret(self._path)
            if other is None or other.value != secret.value:
                raise ParameterError(f"secret file {self._path} was made by another process meanwhile") from None
        except OSError as error:
            raise ParameterError(f"secret file {self._path} cannot be created: {error.strerror}") from error
        self.discard()
        _sync_folder(self._folder)

    def discard(self) -> None:
        """Leave nothing but what ``keep`` has named."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            os.unlink(self._beside)


def _check_file(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ParameterError(f"secret file {path} is not a regular file")
    if not _POSIX:
        return
    if status.st_uid != os.geteuid():
        owner = f"user id {status.st_uid}"
        raise ParameterError(f"secret file {path} belongs to {owner}, but this runs as {_account()}; use its own file")
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise ParameterError(f"secret file {path} has mode {mode:04o}, others may read it; run: chmod 0400 {path}")


def _check_folder(path: str) -> None:
    folder = path.rpartition(os.sep)[0] or (os.sep if path.startswith(os.sep) else os.curdir)
    try:
        mode = os.stat(folder).st_mode
    except OSError as error:
        raise ParameterError(f"secret file {path}: its directory cannot be used: {error.strerror}") from error
    if _POSIX and mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise ParameterError(
            f"secret file {path}: anybody may write into its directory {folder}; run: chmod o-w {folder}"
        )


def _sync_folder(folder: str) -> None:
    if not _POSIX:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot
            raise
    finally:
        os.close(descriptor)


def _account() -> str:
    from pilothouse.headless.client.account import os_user  # only for a message

    return f"the account {os_user()}"
