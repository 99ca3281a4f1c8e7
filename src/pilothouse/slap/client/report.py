"""Reports of errors: they must never hide the error that they report."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging


def quietly(send: Callable[[], object], logger: "logging.Logger | None") -> None:
    """Send a report; trouble with sending is logged, never raised."""
    try:
        send()
    except Exception:  # noqa: BLE001 - whatever is wrong with the way to the master, the caller has its own trouble
        import logging  # noqa: PLC0415 - costs more start-up time than most modules here

        (logger or logging.getLogger(__name__)).exception("The error could not be reported to the master.")
