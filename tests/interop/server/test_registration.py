"""`configure client` and `node register`, the original's and ours, at our web paths with our tokens (group K)."""

import configparser
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop.server.desks import Guarded
from tests.originals import Original
from tests.slaposcli import Slapos
from tests.slaposnode import Ran, as_root, run

DENIED = "Access denied to the SlapOS Master. Please check the authentication token or require a new one."


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    made = Guarded(tmp_path_factory.mktemp("guarded"))
    made.server.start()
    yield made
    made.server.clean()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def options(path: Path, section: str) -> dict[str, str]:
    file = configparser.RawConfigParser()
    file.read(path)
    return dict(file[section])


def test_a_client_gets_its_files_once(guarded: Guarded, original: Original, tmp_path: Path) -> None:
    """Checks K01, K02, K03."""
    home, token = tmp_path / "home", guarded.client_token()
    home.mkdir()
    for name, what in (("slapos-client.cfg", "configuration"), ("client.crt", "certificate"), ("client.key", "key")):
        (home / name).touch()
        said = guarded.configure_client(original, home / "slapos-client.cfg", token, code=1).said
        assert f"Please remove it before creating a new {what}." in said
        (home / name).unlink()
    home.rmdir()
    cfg = home / "slapos-client.cfg"
    said = guarded.configure_client(original, cfg, token).said
    assert f"SlapOS client configuration written to {cfg}" in said
    assert (mode(home), {mode(path) for path in home.iterdir()}) == (0o700, {0o600})
    assert "BEGIN CERTIFICATE" in (home / "client.crt").read_text()
    assert "PRIVATE KEY" in (home / "client.key").read_text()
    assert options(cfg, "slapos")["master_url"] == guarded.url
    assert options(cfg, "slapconsole") == {
        "cert_file": str(home / "client.crt"),
        "key_file": str(home / "client.key"),
    }
    other = tmp_path / "other"
    assert DENIED in guarded.configure_client(original, other / "slapos-client.cfg", token, code=1).said
    assert list(other.iterdir()) == []


def register(guarded: Guarded, original: Original, cfg: Path, name: str, token: str, *words: str, code: int = 0) -> Ran:
    """Run the original's `node register` as root."""
    given = ["node", "register", name, "--cfg", str(cfg), "--token", token, "--master-url", guarded.url]
    given += ["--master-url-web", guarded.server.url, "--partition-number", "3", *words]
    return run([*as_root(), str(original.program("slapos")), *given], guarded.data, code)


def test_a_node_is_registered_once_by_name(guarded: Guarded, original: Original, tmp_path: Path) -> None:
    """Checks K04, K05, K06."""
    cfg = tmp_path / "etc" / "slapos.cfg"
    said = register(guarded, original, cfg, "web-1", guarded.token("node", "token")).said
    told = options(cfg, "slapos")
    assert f"Node has successfully been configured as {told['computer_id']}." in said
    assert told["computer_id"].startswith("COMP-")
    assert (mode(Path(told["key_file"])), mode(Path(told["cert_file"]))) == (0o600, 0o600)
    assert options(cfg, "slapformat")["partition_amount"] == "3"

    register(guarded, original, cfg, "web-2", guarded.token("node", "token"))
    register(guarded, original, cfg, "web-3", guarded.token("node", "token"))
    former = [options(tmp_path / f"etc{end}" / "slapos.cfg", "slapos")["computer_id"] for end in (".old", ".old.1", "")]
    assert former[0] == told["computer_id"]
    assert len(set(former)) == 3

    elsewhere, token = tmp_path / "elsewhere" / "slapos.cfg", guarded.token("node", "token")
    in_use = register(guarded, original, elsewhere, "web-1", token, code=1).said
    assert 'The node name "web-1" is already in use.' in in_use
    said = register(guarded, original, elsewhere, "web-4", token, "--dry-run").said
    assert "Node has successfully been configured as COMP-" in said
    assert DENIED in register(guarded, original, elsewhere, "web-5", token, code=1).said
    assert not elsewhere.parent.exists()


def test_our_own_commands_register_as_well(
    guarded: Guarded, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    guarded.token("user", "add", "ann", "--role", "operator")
    where = ("--master-url", guarded.url, "--master-url-web", guarded.server.url)
    node, client = tmp_path / "etc" / "slapos.cfg", tmp_path / "home" / "slapos-client.cfg"
    token = guarded.token("node", "token", "--user", "ann")
    said = Slapos(capsys, str(node))("node", "register", "ours-1", "--token", token, *where).err
    assert f"Node has successfully been configured as {options(node, 'slapos')['computer_id']}." in said
    slapos = Slapos(capsys, str(client))
    slapos("configure", "client", "--token", guarded.token("user", "token", "ann", "--kind", "client"), *where)
    client.write_text(client.read_text().replace("[slapos]", f"[slapos]\nmaster_ca_file = {guarded.root}", 1))
    assert f"{options(node, 'slapos')['computer_id']} ours-1" in slapos("computer", "list").out
