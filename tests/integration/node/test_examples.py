"""The releases that come with the package, deployed as a new user does; the tests of each build on each other."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from tests.localmachine import LocalMachine, local_machine

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 60.0


@pytest.fixture(scope="module")
def machine() -> Iterator[LocalMachine]:
    with local_machine() as made:
        for url in ("example.web", "example.guestbook", documented(made.root / "documented")):
            made.slapos("supply", url, "local_computer")
        made.slapos("node", "software")
        yield made


def documented(folder: Path) -> str:
    """Write the release that the documentation shows; returns its address."""
    folder.mkdir()
    text = (ROOT / "docs" / "releases.md").read_text("utf-8")
    for name, content in re.findall(r"(?ms)^```ini\n# (\S+)\n(.*?)^```", text):
        (folder / name).write_text(content)
    return str(folder / "software.cfg")


def deployed(machine: LocalMachine) -> None:
    """Let the node pass until all is well; the news of a process that has ended reaches the master a little later."""
    until = time.monotonic() + PATIENCE
    while " ERROR " in (said := machine.slapos("node", "instance", code=None)):
        assert time.monotonic() < until, said


def page(url: str) -> str:
    return httpx.get(url, trust_env=False).raise_for_status().text


def gone(pid: int) -> None:
    until = time.monotonic() + PATIENCE
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_the_examples_can_be_copied(machine: LocalMachine) -> None:
    target = machine.root / "mine"
    said = machine.pilothouse("service", "examples", "--copy", str(target))
    assert said.split() == [str(target / name / "software.cfg") for name in ("guestbook", "postgresql", "web")]
    assert (target / "postgresql/query.sh").stat().st_mode & 0o111
    assert "not empty; name a new folder" in machine.pilothouse("service", "examples", "--copy", str(target), code=2)


def long_ago(machine: LocalMachine, number: int) -> None:
    """Let the deployment of an instance be past the time that its programs have for their start."""
    os.utime(machine.partition(number) / "buildout.cfg", (0, 0))


def test_one_command_makes_the_machine(machine: LocalMachine) -> None:
    assert "This machine is ready." in machine.said
    assert machine.pilothouse("service", "examples").split("\n")[1:3] == [
        "example.guestbook   Guestbook   A web application that keeps its entries in a PostgreSQL database of its own",
        "example.postgresql  PostgreSQL  A PostgreSQL server with one database and one user",
    ]
    said = machine.slapos("supply", "example.nothing", "local_computer", code=1)
    assert "there are: example.guestbook, example.postgresql, example.web" in said


def test_a_page_is_requested_and_served(machine: LocalMachine) -> None:
    said = machine.slapos("request", "site", "example.web", "--parameters", "page=<h1>Grüß dich</h1>", "port=8123")
    assert "do not validate" not in said
    deployed(machine)
    url = machine.connection("site")["url"]
    assert url.endswith(":8123/")
    assert page(url) == "<h1>Grüß dich</h1>"
    assert httpx.get(f"{url}../etc/web.json", trust_env=False).status_code == 404
    assert machine.pilothouse("service", "why", "slappart0").startswith("slappart0 is well: 2 promises")


def test_a_changed_parameter_restarts_what_reads_it(machine: LocalMachine) -> None:
    before = machine.program(0, "web-")["pid"]
    folder = machine.root / "pages"
    folder.mkdir()
    (folder / "a.html").write_text("a page of its own")
    machine.slapos("request", "site", "example.web", "--parameters", "port=8124", f"folder={folder}")
    deployed(machine)
    url = machine.connection("site")["url"]
    assert url.endswith(":8124/")
    assert '<a href="a.html">' in page(url)
    assert page(f"{url}a.html") == "a page of its own"
    gone(before)
    assert len(list((machine.partition(0) / "etc/service").iterdir())) == 1


def test_a_parameter_that_the_release_does_not_know_is_warned_of(machine: LocalMachine) -> None:
    said = machine.slapos("request", "site", "example.web", "--parameters", "port=http")
    assert '$.port: "http" does not match' in said
    machine.slapos("request", "site", "example.web", "--parameters", "port=8124")
    deployed(machine)
    assert "It works" in page(machine.connection("site")["url"])


def test_a_killed_server_is_told_and_started_again(machine: LocalMachine) -> None:
    victim = machine.program(0, "web-")["pid"]
    os.kill(victim, signal.SIGKILL)
    gone(victim)
    long_ago(machine, 0)
    said = machine.slapos("node", "promise", "--only-cp", "slappart0", code=2)
    assert "Promise 'page-answers.py' failed with output: http://" in said
    assert "promise page-answers.py fails" in machine.pilothouse("service", "why", "slappart0", code=4)
    deployed(machine)
    assert machine.pilothouse("service", "why", "slappart0").startswith("slappart0 is well")
    machine.slapos("node", "promise", "--only-cp", "slappart0")


def test_an_application_waits_for_the_database_that_it_requests(machine: LocalMachine) -> None:
    machine.slapos("request", "book", "example.guestbook", "--parameters", "title=A <b>book", "database-port=5544")
    said = machine.slapos("node", "instance", code=2)
    assert "The database has not published where it is" in said
    assert machine.connection("book") == {}


def test_then_it_uses_the_database(machine: LocalMachine) -> None:
    deployed(machine)
    url = machine.connection("book")["url"]
    posted = httpx.post(url, data={"entry": "Ünlücky '; DROP TABLE entry; --<i>"}, trust_env=False)
    assert (posted.status_code, posted.headers["Location"]) == (303, "/")
    shown = page(url)
    assert "<h1>A &lt;b&gt;book</h1>" in shown
    assert "<li>Ünlücky &#x27;; DROP TABLE entry; --&lt;i&gt;</li>" in shown
    assert "Entries: 1" in shown
    for number in (1, 2):
        assert machine.pilothouse("service", "why", f"slappart{number}").startswith(f"slappart{number} is well: 3")


def test_the_password_is_private_and_needed(machine: LocalMachine) -> None:
    place = machine.partition(2)
    password = (place / "etc/password").read_text()
    told = [path for path in place.glob("etc/*") if path.is_file() and password in path.read_text()]
    assert {(path.name, path.stat().st_mode & 0o777) for path in told} == {("password", 0o600), ("pgpass", 0o600)}
    assert (machine.partition(1) / "etc/guestbook.json").stat().st_mode & 0o777 == 0o600
    host = json.loads((machine.partition(1) / "etc/guestbook.json").read_text())["database-host"]
    with psycopg.connect(host=host, port=5544, dbname="app", user="app", password=password) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=host, port=5544, dbname="app", user="app", password="guessed")


def test_a_database_that_is_killed_is_missed_by_both(machine: LocalMachine) -> None:
    victim = machine.program(2, "postgresql-server-")["pid"]
    os.kill(victim, signal.SIGKILL)
    gone(victim)
    long_ago(machine, 2)
    said = machine.slapos("node", "promise", "--only-cp", "slappart1,slappart2", code=2)
    assert "answers with 503: the database does not answer" in said
    assert "port 5544 does not answer: psql: error: connection to server" in said
    deployed(machine)
    assert "Entries: 1" in page(machine.connection("book")["url"])


def test_the_release_of_the_documentation_is_one(machine: LocalMachine) -> None:
    machine.slapos("request", "own", str(machine.root / "documented/software.cfg"), "--parameters", "port=9001")
    deployed(machine)
    told = machine.connection("own")
    assert told["port"] == "9001"
    assert "Directory listing" in page(f"http://{told['host']}:{told['port']}/")
    assert machine.pilothouse("service", "why", "slappart3").startswith("slappart3 is well: 1 promise,")


def test_a_tree_that_is_destroyed_leaves_nothing(machine: LocalMachine) -> None:
    own = str(machine.root / "documented/software.cfg")
    for title, url in (("book", "example.guestbook"), ("site", "example.web"), ("own", own)):
        machine.slapos("request", title, url, "--state", "destroyed")
    for _ in range(3):  # the root is kept while it has children, and a node hears of their end at its next look
        machine.slapos("node", "report")
    assert [list(machine.partition(number).iterdir()) for number in range(4)] == [[], [], [], []]
    assert [machine.left(number) for number in range(4)] == [[], [], [], []]
    for url in ("example.web", "example.guestbook", own):
        machine.slapos("remove", url, "local_computer")
    machine.slapos("node", "software")
    assert list(machine.software.iterdir()) == []
