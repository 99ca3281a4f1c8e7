"""Bring a database to the present tables; several servers may start at once, one of them does it."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from pilothouse.store.errors import StoreError
from pilothouse.store.migrations import HEAD

_LOCK = 0x70696C6F75  # of PostgreSQL, while tables are changed


def migrate(engine: Engine) -> None:
    """Run what is missing, in one transaction. Raises StoreError for a database of a newer release."""
    with engine.connect() as connection:
        if revision(connection) == HEAD:
            return
        _begin(connection)
        try:
            # another server may have done it while this one waited
            found = revision(connection)
            if found != HEAD:
                _upgrade(connection, found)
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")


def revision(connection: Connection) -> str | None:
    """Return the revision of the tables that are there, None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def _upgrade(connection: Connection, found: str | None) -> None:
    from alembic import command  # noqa: PLC0415  a server whose tables are there need not load it
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise StoreError(
            f"the database has tables of revision {found}, which this release does not know; "
            "run the newer release, or restore the backup made before it"
        )
    command.upgrade(config, "head")
