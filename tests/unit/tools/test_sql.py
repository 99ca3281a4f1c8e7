"""Pure parts of running SQL: order, statements, skip rule, character sets, addresses (spec section 6.8)."""

import pytest

from pilothouse.errors import UsageError
from pilothouse.tools.sql.charset import decode
from pilothouse.tools.sql.databases import Database, database_name
from pilothouse.tools.sql.ordering import batch, in_order, prefix
from pilothouse.tools.sql.splitting import Dialect, statements
from pilothouse.tools.sql.status import State, Status, decide
from pilothouse.tools.sql.tasks import read_arguments


def test_a_file_is_placed_by_the_numbers_it_begins_with() -> None:
    assert prefix("a/1.2.10-new.sql") == (1, 2, 10)
    assert prefix("1.test.sql") == (1,)
    assert prefix("10/test.sql") == ()
    names = ["10.sql", "2.b.sql", "x.sql", "2.a.sql", "2.1.sql", "1/3.sql"]
    assert in_order(names) == ("x.sql", "2.a.sql", "2.b.sql", "2.1.sql", "1/3.sql", "10.sql")


def test_files_of_the_same_numbers_make_a_set() -> None:
    names = ["2.b.sql", "1.a.SQL", "2.a.pck", "x.sql", "notes.txt", "rollback/1.sql", "y/rollback/2.sql"]
    assert batch(names) == (("x.sql",), ("1.a.SQL",), ("2.a.pck", "2.b.sql"))
    assert batch(names, rollback=True) == (("rollback/1.sql",), ("y/rollback/2.sql",))
    assert batch(names, extensions=("txt",)) == (("notes.txt",),)
    assert batch(names, pattern=r"\.a\.") == (("1.a.SQL",), ("2.a.pck",))
    assert batch(names, index=("2.b.sql", "gone.sql", "x.sql")) == (("2.b.sql",), ("x.sql",))


@pytest.mark.parametrize(
    ("dialect", "text", "found"),
    [
        ("sqlite", "", []),
        ("sqlite", "-- nothing;\n/* ; */ ;; \n", []),
        ("sqlite", "select ';'; select \"a;b\", [c;d] -- x;\n, 1", ["select ';'", 'select "a;b", [c;d] -- x;\n, 1']),
        (
            "sqlite",
            "create trigger t after insert on a begin delete from b; delete from c; end; select 1",
            ["create trigger t after insert on a begin delete from b; delete from c; end", "select 1"],
        ),
        (
            "postgresql",
            "do $$begin perform ';'; end$$; select $x$;$$;$x$, E'\\';', 'a''b;'; select $1;",
            ["do $$begin perform ';'; end$$", "select $x$;$$;$x$, E'\\';', 'a''b;'", "select $1"],
        ),
        ("postgresql", "select 'back\\'; select 2", ["select 'back\\'", "select 2"]),
        (
            "mysql",
            "select 'it\\'s;', `a;b`; # no;\nselect 2--1; -- x;\n--\nselect 3",
            ["select 'it\\'s;', `a;b`", "# no;\nselect 2--1", "-- x;\n--\nselect 3"],
        ),
        (
            "mysql",
            "select 1;\n-- p\nDELIMITER //\ncreate procedure p() begin select 1; end //\ndelimiter ;\nselect 3;",
            ["select 1", "create procedure p() begin select 1; end", "select 3"],
        ),
        ("mysql", "/*!40101 SET NAMES utf8 */;\n/* gone */;", ["/*!40101 SET NAMES utf8 */"]),
    ],
)  # fmt: skip
def test_a_text_is_taken_apart(dialect: Dialect, text: str, found: list[str]) -> None:
    assert [statement.text for statement in statements(text, dialect)] == found


def test_a_statement_knows_its_line() -> None:
    text = "-- a\n\nselect 1;\n\n\nselect\n2;select 3"
    assert [statement.line for statement in statements(text, "postgresql")] == [1, 6, 7]


@pytest.mark.parametrize(
    ("status", "same", "run"),
    [
        ("pending", True, True),
        ("succeed", True, False),
        ("ignored", True, False),
        ("failed", True, True),
        ("aborted", True, True),
        ("running", True, True),
        ("waitInput", True, True),
        ("succeed", False, True),
    ],
)
def test_a_file_that_succeeded_is_left_alone_until_it_changes(status: State, same: bool, run: bool) -> None:
    before = Status(status=status, md5="a")
    md5 = "a" if same else "b"
    assert decide(before, md5, force=False, busy=False).run is run
    assert decide(before, md5, force=True, busy=False).run
    assert not decide(before, md5, force=True, busy=True).run
    assert decide(before, md5, force=False, busy=False).modified is not same
    assert decide(None, md5, force=False, busy=False).run


def test_the_character_set_is_found_out() -> None:
    assert decode("ü".encode()) == ("ü", "utf-8")
    assert decode("\ufeffü".encode()) == ("ü", "utf-8")
    assert decode("ü".encode("utf-16")) == ("ü", "utf-16-le")
    assert decode("中文".encode("gbk")) == ("中文", "gb18030")
    assert decode(b"\xfcx", "latin-1") == ("üx", "latin-1")
    for encoding in ("utf-8", "no-such"):
        with pytest.raises(UsageError):
            decode(b"\xff", encoding)


@pytest.mark.parametrize(
    ("endpoint", "file", "found"),
    [
        ("10.0.0.1:5432/orders", "x/1.sql", ("orders", "")),
        ("jdbc:postgresql://10.0.0.1:5432/orders?ssl=true", "1.sql", ("orders", "")),
        ("10.0.0.1:5432", "mydb.myuser/1.test.sql", ("mydb", "myuser")),
        ("", "1.test.sql", ("", "")),
    ],
)
def test_the_database_is_named_by_endpoint_or_folder(endpoint: str, file: str, found: tuple[str, str]) -> None:
    assert database_name("postgresql", endpoint, file) == found


def test_an_sqlite_database_is_a_path() -> None:
    assert database_name("sqlite", "sqlite:///var/x.db", "1.sql") == ("/var/x.db", "")
    assert database_name("sqlite", "data/x.db", "1.sql") == ("data/x.db", "")
    assert Database(kind="sqlite", name="data/x.db").address == "sqlite data/x.db"


def test_driver_arguments() -> None:
    assert read_arguments("dbname=a sslmode='re quire'") == {"dbname": "a", "sslmode": "re quire"}
    for text in ("nonsense", "=x", "a b=c"):
        with pytest.raises(UsageError):
            read_arguments(text)
