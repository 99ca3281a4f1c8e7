"""The control socket of a session: whoever may open it is told how the session stands, and may cancel it."""

import contextlib
import json
import os
import selectors
import socket
from collections.abc import Callable
from typing import Any, Final

from pilothouse.headless.shim.layout import CONTROL

_LONGEST: Final = 8192
_FOLLOWERS: Final = 16


class Control:
    """Listens in the folder that is the current one; ``asked`` gets every order."""

    def __init__(self, selector: selectors.BaseSelector, asked: Callable[[dict[str, Any]], None]) -> None:
        self._selector = selector
        self._asked = asked
        self._followers: dict[socket.socket, bytes] = {}
        self._said = b""
        self._listener = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(CONTROL)
        self._listener.bind(CONTROL)  # a full path may be longer than a socket's name may be
        os.chmod(CONTROL, 0o600)
        self._listener.listen(_FOLLOWERS)
        self._listener.setblocking(False)
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def tell(self, state: dict[str, Any]) -> None:
        """Tell every follower how it stands, if that is news."""
        said = json.dumps(state).encode() + b"\n"
        if said != self._said:
            self._said = said
            for each in list(self._followers):
                self._send(each)

    def close(self) -> None:
        """Take the socket away."""
        with contextlib.suppress(OSError):
            os.unlink(CONTROL)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            follower, _ = self._listener.accept()
            if len(self._followers) >= _FOLLOWERS:
                follower.close()
                return
            follower.setblocking(False)
            self._followers[follower] = b""
            self._selector.register(follower, selectors.EVENT_READ, lambda: self._read(follower))
            self._send(follower)

    def _read(self, follower: socket.socket) -> None:
        try:
            data = follower.recv(_LONGEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        *orders, rest = (self._followers[follower] + data).split(b"\n")
        if not data or len(rest) > _LONGEST:
            self._drop(follower)
            return
        self._followers[follower] = rest
        for order in orders:
            with contextlib.suppress(ValueError):
                found = json.loads(order)
                if isinstance(found, dict):
                    self._asked(found)

    def _send(self, follower: socket.socket) -> None:
        try:
            if follower.send(self._said) < len(self._said):
                self._drop(follower)  # half a line would be worse than none: it comes again and asks
        except BlockingIOError:
            self._drop(follower)
        except OSError:
            return  # it has gone; what it left to be read, and its end, come by reading

    def _drop(self, follower: socket.socket) -> None:
        if follower in self._followers:
            del self._followers[follower]
            self._selector.unregister(follower)
            follower.close()
