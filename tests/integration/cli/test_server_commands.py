"""The commands around the server: up, user, node, audit, proxy start, proxy show; on a real database."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.serverprocess import ServerProcess
from tests.sshd import free_port

from pilothouse.cli import main
from pilothouse.cli.slapos import main as slapos
from pilothouse.errors import ExitCode
from pilothouse.store.database import open_store

Output = pytest.CaptureFixture[str]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder as a server leaves it."""

    async def make() -> None:
        await (await open_store(tmp_path / "server.db")).close()

    asyncio.run(make())
    return tmp_path


class Cli:
    """Runs commands on one data folder."""

    def __init__(self, data: Path, capsys: Output) -> None:
        self._data = data
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        self._capsys.readouterr()
        found = main.main([*words, "--data", str(self._data)])
        shown = self._capsys.readouterr()
        assert found == code, shown.err
        return shown.out if code == 0 else shown.out + shown.err

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))


@pytest.fixture
def cli(data: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.delenv("PILOTHOUSE_DATABASE", raising=False)
    return Cli(data, capsys)


def test_users_come_get_roles_and_go(cli: Cli) -> None:
    assert cli("user", "list") == "none\n"
    assert cli("user", "add", "boss", "--role", "admin") == "user boss: admin\n"
    cli("user", "add", "ann", "--email", "ann@example.com")
    assert (
        cli("user", "add", "ann", "--role", "operator", "--project", "blue") == "user ann: viewer; operator in blue\n"
    )
    found = {user["name"]: user["roles"] for user in cli.json("user", "list")}
    assert found == {"ann": {"": ["viewer"], "blue": ["operator"]}, "boss": {"": ["admin"]}}
    cli("user", "remove", "ann")
    assert [user["removed"] is None for user in cli.json("user", "list")] == [False, True]
    assert "there is no user ann" in cli("user", "remove", "ann", code=ExitCode.USAGE)
    assert "the last administrator" in cli("user", "remove", "boss", code=ExitCode.REFUSED)


def test_tokens_are_shown_once_and_revoked_by_number(cli: Cli) -> None:
    cli("user", "add", "ann")
    token = cli("user", "token", "ann", "--days", "90", "--for", "the robot").strip()
    assert token.startswith("pha_")
    (kept,) = cli.json("user", "tokens", "ann")
    assert (kept["state"], kept["for"], round((kept["expires"] - kept["created"]) / 86400)) == (
        "valid",
        "the robot",
        90,
    )
    assert token not in cli("user", "tokens", "ann")
    assert cli("user", "revoke", str(kept["number"])) == f"token {kept['number']} is revoked\n"
    assert cli.json("user", "tokens", "ann")[0]["state"] == "revoked"
    assert "revoked already" in cli("user", "revoke", str(kept["number"]), code=ExitCode.USAGE)


def test_tokens_of_one_day(cli: Cli) -> None:
    cli("user", "add", "admin", "--role", "admin")
    assert cli("node", "token").startswith("phn_")
    assert cli.json("user", "token", "admin", "--kind", "client")["token"].startswith("phc_")
    assert {token["kind"] for token in cli.json("user", "tokens", "admin")} == {"node", "client"}
    assert "has no role in project 'blue'" in cli("node", "token", "--project", "blue", code=ExitCode.USAGE)


@pytest.mark.parametrize("name", ["", "two words", "a/b", "a:b", "x" * 65])
def test_names_that_cannot_be_used(cli: Cli, name: str) -> None:
    assert "give a name" in cli("user", "add", name, code=ExitCode.USAGE)


def test_the_audit_log_tells_who_and_a_broken_chain_is_found(cli: Cli, data: Path) -> None:
    for name in ("ann", "bob", "eve"):
        cli("user", "add", name)
    entries = cli.json("audit", "list", "--subject", "user:bob")
    assert [(entry["action"], entry["how"]) for entry in entries] == [("user.add", "command line")]
    assert "user:eve" in cli("audit", "list", "--limit", "1")
    assert "3 rows, all sound" in cli("audit", "verify")
    with closing(sqlite3.connect(data / "server.db")) as connection, connection:
        connection.execute("UPDATE audit SET subject = 'user:nobody' WHERE subject = 'user:bob'")
    assert "was changed after it was written" in cli("audit", "verify", code=ExitCode.FAILED)
    assert json.loads(cli("audit", "verify", "--json", code=ExitCode.FAILED))["sound"] is False


def test_without_a_database_nothing_is_made(tmp_path: Path, capsys: Output) -> None:
    assert main.main(["user", "list", "--data", str(tmp_path)]) == ExitCode.USAGE
    assert "pilothouse up" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_up_refuses_plain_http_for_other_machines(tmp_path: Path, capsys: Output) -> None:
    assert main.main(["up", "--data", str(tmp_path), "--listen", "0.0.0.0:0"]) == ExitCode.REFUSED
    assert "--tls-listen" in capsys.readouterr().err


def test_up_says_what_it_does_and_its_token_works(tmp_path: Path) -> None:
    port = free_port()
    log = tmp_path / "access.log"
    words = ("up", "--data", str(tmp_path), "--listen", f"127.0.0.1:{port}", "--access-log", str(log))
    server = ServerProcess(tmp_path, *words, port=port).start()
    try:
        with server.client() as client:
            made = client.post("/slapos.allDocs.WIP.compute_node_list", json={})
        assert (made.status_code, made.json()) == (200, {"result_list": []})
    finally:
        assert server.end() == 0
    text = "\n".join(server.lines)
    assert f"listening  http://127.0.0.1:{port}" in text
    assert text.count("pha_") == 2, "as it is, and in the example"
    line = json.loads(log.read_text().splitlines()[0])
    assert (line["caller"], line["status"]) == ("user:admin", 200)


@pytest.fixture
def proxy_file(tmp_path: Path) -> Path:
    path = tmp_path / "slapos.cfg"
    path.write_text(
        f"""\
[slapos]
computer_id = local_computer
[slapproxy]
port = {free_port()}
database_uri = {tmp_path}/proxy.db
software_product_list =
  kvm http://sr.example/kvm.cfg
"""
    )
    return path


def test_the_proxy_serves_without_login_and_shows_its_tables(proxy_file: Path, tmp_path: Path, capsys: Output) -> None:
    port = int(proxy_file.read_text().partition("port = ")[2].partition("\n")[0])
    words = ("proxy", "start", "--cfg", str(proxy_file))
    server = ServerProcess(tmp_path, *words, module="pilothouse.cli.slapos.main", port=port).start()
    try:
        with server.client() as client:
            assert (
                b"local_computer"
                in client.get("/getFullComputerInformation", params={"computer_id": "local_computer"}).content
            )
            address = {"ip-address": "10.0.0.9", "netmask": "255.0.0.0", "network-interface": "tap0"}
            partitions = [{"partition_id": f"slappart{number}", "ip_list": [address]} for number in range(2)]
            form = {"computer_guid": "local_computer", "compute_partition_list": partitions}
            client.post("/slapos.put.v0.compute_node_format", json=form)
            asked = {"title": "vm", "software_release_uri": "http://sr.example/kvm.cfg", "software_type": "default"}
            guid = client.post("/slapos.post.v0.software_instance", json=asked).json()["instance_guid"]
            supply = {"computer_guid": "local_computer", "software_release_uri": "http://sr.example/kvm.cfg"}
            client.post("/slapos.post.v0.software_installation", json=supply)
            values = {"instance_guid": guid, "connection_parameter_dict": {"url": "http://x", "ssh-key": "k" * 60}}
            client.post("/slapos.put.v0.software_instance_connection_parameter", json=values)
            product = {"software_product_reference": "kvm"}
            found = client.get("/getSoftwareReleaseListFromSoftwareProduct", params=product).text
        assert "http://sr.example/kvm.cfg" in found
    finally:
        assert server.end() == 0
    assert slapos.main(["proxy", "show", "--cfg", str(proxy_file)]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[0] == f"Using database: {tmp_path}/proxy.db"
    tables = [line for line in shown.splitlines() if line.startswith("table ")]
    assert tables == [
        "table computer18",
        "table software18",
        "table partition18: skipping xml, connection_xml, slave_instance_list",
        "table slave18: empty",
    ]
    assert "slappart0: vm (type default)\n    ssh-key = " + "k" * 20 + "..." + "k" * 20 in shown
    assert "slappart0: 10.0.0.9\n" in shown
    assert slapos.main(["proxy", "show", "-u", str(tmp_path / "proxy.db"), "--slaves"]) == 0
    assert capsys.readouterr().out == f"Using database: {tmp_path}/proxy.db\ntable slave18: empty\n"


def test_the_proxy_says_what_is_missing(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "slapos.cfg").write_text("[slapproxy]\nport = 5000\n")
    assert slapos.main(["proxy", "start", "--cfg", str(tmp_path / "slapos.cfg")]) == 1
    assert "database-uri is required." in capsys.readouterr().err
    assert slapos.main(["proxy", "show", "-u", str(tmp_path / "nothing.db")]) == 1
