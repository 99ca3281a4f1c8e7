"""What a master tells of an instance (spec 9.8)."""

from typing import Any

from pilothouse.slap.client.remote import Remote, known_as


@known_as("SoftwareInstance")
class SoftwareInstance(Remote):
    """A bag of attributes; which ones there are is said in spec sections 1.4 and 3.5."""

    def __init__(self, **kw: Any) -> None:
        self.__dict__.update(kw)
