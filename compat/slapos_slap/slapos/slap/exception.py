"""`slapos.slap.exception`, served by Pilothouse."""

from pilothouse.slap.client.exceptions import (
    AuthenticationError,
    ConnectionError,  # noqa: A004 - the library's documented name
    NotFoundError,
    ResourceNotReady,
    ServerError,
    SlapException,
)

__all__ = [
    "AuthenticationError",
    "ConnectionError",
    "NotFoundError",
    "ResourceNotReady",
    "ServerError",
    "SlapException",
]
