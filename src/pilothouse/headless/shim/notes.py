"""Small files of a session's folder, which is the current one: written beside and renamed."""

import json
import os


def write_json(name: str, content: object, *, durable: bool = False) -> bool:
    """Put a file in the place of the one of this name; returns whether the disk took it."""
    beside = f".{name}"
    try:
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            written = json.dumps(content).encode()
            if os.write(file, written) < len(written):
                return False
            if durable:
                os.fsync(file)
        finally:
            os.close(file)
        os.replace(beside, name)
    except OSError:
        return False
    return True
