"""How a job was asked for: kept in its journal when it starts, so that it can be asked for again."""

from pathlib import Path

import msgspec

from pilothouse.engine.records import Records
from pilothouse.jobs.plan import Selection
from pilothouse.settings import HostKeyPolicy


class JobOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a command said besides the documents, which are in the run folder; nothing here is secret.

    ``nodes_file`` says whether the run folder's node file belongs to the job. The settings are those of the
    command line only: the configuration file is read again. ``home`` is an AUTOEXEC_HOME. ``under_server`` means
    that its control server was reported to; ``fire_next`` that it was asked for the next group.
    """

    user: str = ""
    selection: Selection = Selection()
    nodes_file: bool = True
    beside: Path | None = None
    config: Path | None = None
    host_keys: HostKeyPolicy | None = None
    known_hosts: tuple[Path, ...] = ()
    identities: tuple[Path, ...] = ()
    concurrency: int | None = None
    home: str = ""
    dev_mode: bool = False
    under_server: bool = False
    own_nodes: bool = False
    fire_next: bool = True
    sql_files: str = ""
    pass_through: str = "{}"  # noqa: S105 - the documented pass-through environment, no password

    def record(self) -> str:
        """Return the options as the journal keeps them."""
        return msgspec.json.encode(self, enc_hook=str).decode()


def recorded(known: Records) -> JobOptions:
    """Return how the job was asked for the last time; only its user is known of one that nobody recorded."""
    text = known.fact("request")
    if text is not None:
        return msgspec.json.decode(text, type=JobOptions, dec_hook=lambda kind, value: kind(value))
    runs = known.runs()
    return JobOptions(user=runs[-1].user if runs else "")
