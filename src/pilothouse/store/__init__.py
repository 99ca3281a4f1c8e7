"""PORT: what the server remembers: tables, named queries, migrations; SQLite embedded, PostgreSQL at scale."""
