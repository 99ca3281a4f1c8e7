"""What jobs say to their session: ``import planta_job`` (headless 13.3)."""

import base64
import contextlib
import json
import os
import sys
import threading
from typing import Any


class JobCancelled(Exception):  # noqa: N818 - the name is part of the interface
    """The session is being cancelled; raised in the main thread."""


params: dict[str, str] = {}
session_id = ""
user = ""
session_dict: dict[Any, Any] = {}
"""Shared by the jobs of one session, and by nobody else."""
cancelled = threading.Event()

_limit = 65536
_job = 0
_lock = threading.Lock()
_channel = -1


def info(text: object, level: str = "info") -> None:
    """Say something; ``level`` is debug, info, warn or error."""
    if level not in {"debug", "info", "warn", "error"}:
        raise ValueError(f"level {level!r}: give debug, info, warn or error")
    _say("info", text=str(text), level=level)


def progress(done: float, total: float | None = None, text: str = "", unit: str = "") -> None:
    """Say how far the job is; at most two a second are passed on, and the last one."""
    _say("progress", done=done, total=total, text=str(text), unit=str(unit))


def result(value: object) -> None:
    """Set the job's result, up to 64 KiB: a text, bytes, or anything that JSON can hold."""
    if isinstance(value, bytes):
        _say("result", enc="b64", text=base64.b64encode(value[:_limit]).decode(), truncated=len(value) > _limit)
        return
    enc, text = ("text", value) if isinstance(value, str) else ("json", json.dumps(value, ensure_ascii=False))
    whole = text.encode("utf-8", "backslashreplace")
    cut = len(whole) > _limit
    # a piece of JSON is no JSON any more
    _say("result", enc="text" if cut else enc, text=whole[:_limit].decode("utf-8", "ignore"), truncated=cut)


def _say(name: str, **fields: object) -> None:
    if _channel < 0:
        return
    message = (json.dumps({"name": name, "job": _job, **fields}) + "\n").encode()
    with _lock:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        while message:
            message = message[os.write(_channel, message) :]


def _wait() -> None:
    """Wait until the session has taken note."""
    if _channel >= 0:
        os.read(_channel, 1)
