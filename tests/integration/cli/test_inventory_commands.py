"""The commands that look at nodes, services and usage, on a real database."""

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

import pytest
from tests.integration.server.master.test_usage import Move, journal, report
from tests.masters import URL, Site, formed

from pilothouse.cli import main
from pilothouse.errors import ExitCode
from pilothouse.store.database import open_store

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with two nodes, a tree, and a report of usage."""
    folder = tmp_path_factory.mktemp("data")

    async def fill() -> None:
        store = await open_store(folder / "server.db")
        site = Site(store)
        for number in (1, 2):
            await site.format(formed(f"COMP-{number}", 2, net=number))
        await site.supply("COMP-1")
        await site.request("web", "COMP-1", parameters={"size": "3"})
        await site.request("db", "COMP-2", requester=("COMP-1", "slappart0"))
        await site.report("COMP-1", "slappart0", "started")
        await site.report("COMP-1", "slappart0", "error", "it broke")
        await report(site, "COMP-1", journal([Move("slappart0", quantity=8), Move("COMP-1", resource="=1+1")]))
        await store.close()

    asyncio.run(fill())
    return folder


class Cli:
    """Runs commands on one data folder."""

    def __init__(self, data: Path, capsys: Output) -> None:
        self._data = data
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        assert main.main([*words, "--data", str(self._data)]) == code
        found = self._capsys.readouterr()
        return found.out + (found.err if code else "")

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))


@pytest.fixture
def cli(data: Path, capsys: Output) -> Cli:
    """The command line, in this process."""
    return Cli(data, capsys)


def test_nodes(cli: Cli) -> None:
    assert [line.split()[:4] for line in cli("node", "list").splitlines()] == [
        ["reference", "title", "project", "busy"],
        ["COMP-1", "1", "of", "2"],
        ["COMP-2", "1", "of", "2"],
    ]
    assert [each["reference"] for each in cli.json("node", "list", "--limit", "1")] == ["COMP-1"]
    assert [each["reference"] for each in cli.json("node", "list", "--search", "-2")] == ["COMP-2"]
    shown = cli("node", "show", "COMP-1")
    assert f"available  {URL}" in shown
    assert cli.json("node", "show", "COMP-1")["releases"][0]["url"] == URL
    assert "COMP-9 is not registered" in cli("node", "show", "COMP-9", code=ExitCode.FAILED)


def test_services(cli: Cli) -> None:
    [root] = cli.json("service", "list")
    assert (root["title"], root["reported"], root["computer"]) == ("web", "error", "COMP-1")
    assert {each["title"] for each in cli.json("service", "list", "--all")} == {"web", "db"}
    assert [each["title"] for each in cli.json("service", "list", "--all", "--computer", "COMP-2")] == ["db"]
    assert cli("service", "list", "--state", "stopped") == "none\n"
    shown = cli("service", "show", "web")
    assert "size = 3" in shown
    assert "db started" in shown
    assert cli.json("service", "show", root["guid"])["tree"][0]["title"] == "db"
    said = cli.json("service", "history", "web")
    assert [each["state"] for each in said] == ["started", "error"]
    assert "it broke" in cli("service", "history", root["guid"], "--limit", "1")
    assert "service list" in cli("service", "show", "shop", code=ExitCode.USAGE)


def test_statements(cli: Cli, tmp_path: Path) -> None:
    statement = ("usage", "statement", "--month", "2023-11")
    rows = list(csv.DictReader(cli(*statement).splitlines()))
    assert [(row["resource"], row["quantity"], row["amount"]) for row in rows] == [
        ("'=1+1", "1", "0.50"),
        ("CPU", "8", "4.00"),
    ]
    made = json.loads(cli(*statement, "--computer", "COMP-1", "--format", "json"))
    assert made["amounts"] == [{"currency": "EUR", "vat": "20%", "amount": "4.50"}]
    assert cli(*statement, "--user", "ann").splitlines()[1:] == []
    cli(*statement, "--format", "html", "--output", str(tmp_path / "page.html"))
    assert "<h1>Usage 2023-11</h1>" in (tmp_path / "page.html").read_text()
    assert "such as 2026-11" in cli("usage", "statement", "--month", "2023", code=ExitCode.USAGE)


def test_tables_on_a_terminal(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    assert "COMP-1" in cli("node", "list")
