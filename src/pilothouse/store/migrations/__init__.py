"""The way from every released form of the tables to the present one, by Alembic."""

from typing import Final

HEAD: Final = "r0004"
"""The newest revision: a database that is there needs no Alembic, which is slow to load."""
