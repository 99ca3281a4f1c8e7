"""``slapos configure client`` and ``slapos node register`` against the web side of a master (group K)."""

import base64
import configparser
import io
import json
import os
import stat
from pathlib import Path

import pytest
from tests.slaposcli import Slapos
from tests.webserver import Answer, WebServer

CERTIFICATE = "Subject: O=x, CN=COMP-12/emailAddress=a@b\n-----BEGIN CERTIFICATE-----"
GRANTED = Answer(200, json.dumps({"certificate": CERTIFICATE, "key": "the key"}).encode())
IN_USE = (
    'The node name "my node" is already in use. Please change the name, '
    "or revoke the active certificate if you want to replace the node."
)
DENIED = "Access denied to the SlapOS Master. Please check the authentication token or require a new one."


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestConfigureClient:
    """Checks K01 to K03."""

    @pytest.fixture(autouse=True)
    def prepare(self, web: WebServer, slapos: Slapos, tmp_path: Path) -> None:
        self.web = web
        self.folder = tmp_path / "home"
        self.slapos = slapos
        slapos.cfg = str(self.folder / "slapos-client.cfg")
        self.options = ("--master-url", "http://master/", "--master-url-web", web.url)
        web.answers["/Person_getCertificate"] = GRANTED

    def configure(self, *words: str, code: int = 0) -> str:
        return self.slapos("configure", "client", *self.options, *words, code=code).err

    def test_one_call_with_the_token_makes_three_private_files(self) -> None:
        """Check K01."""
        said = self.configure("--token", "s3cret")
        assert said == f"INFO SlapOS client configuration written to {self.slapos.cfg}\n"
        (asked,) = self.web.asked
        assert (asked.verb, asked.path, asked.body) == ("POST", "/Person_getCertificate", b"")
        assert {name.lower(): value for name, value in asked.headers.items()}["x-access-token"] == "s3cret"
        files = {path.name: path.read_text() for path in self.folder.iterdir()}
        assert files.keys() == {"slapos-client.cfg", "client.crt", "client.key"}
        assert (files["client.crt"], files["client.key"]) == (CERTIFICATE, "the key")
        assert {mode(path) for path in self.folder.iterdir()} == {0o600}
        assert mode(self.folder) == 0o700
        file = configparser.ConfigParser()
        file.read(self.slapos.cfg)
        assert file["slapos"]["master_url"] == "http://master/"
        assert file["slapconsole"]["cert_file"] == str(self.folder / "client.crt")
        assert file["slapconsole"]["key_file"] == str(self.folder / "client.key")

    @pytest.mark.parametrize(
        ("name", "what"),
        [("slapos-client.cfg", "configuration"), ("client.crt", "certificate"), ("client.key", "key")],
    )
    def test_what_is_there_is_not_overwritten_and_no_token_is_used(self, name: str, what: str) -> None:
        """Check K02."""
        self.folder.mkdir()
        (self.folder / name).write_text("mine")
        said = self.configure("--token", "t", code=1)
        assert said == (
            f"CRITICAL There is a file in {self.folder / name}. Please remove it before creating a new {what}.\n"
        )
        assert [path.name for path in self.folder.iterdir()] == [name]
        assert self.web.asked == []

    def test_a_refused_token_writes_nothing(self) -> None:
        """Check K03."""
        self.web.answers["/Person_getCertificate"] = Answer(403, b"no")
        assert self.configure("--token", "t", code=1).startswith(f"CRITICAL {DENIED}\n")
        assert list(self.folder.iterdir()) == []

    def test_the_token_is_asked_for_until_there_is_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("\n  \nfrom the prompt\n"))
        assert self.configure().startswith("Credential security token: Credential security token: ")
        assert "from the prompt" in self.web.asked[0].headers.values()

    def test_no_token_at_all_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(""))
        assert "No token was given" in self.configure(code=1)

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (Answer(200, b"false"), "a certificate of this account is active already"),
            (Answer(200, b"<html>"), "answers no certificate"),
            (Answer(200, b"{}"), "answers no certificate"),
            (Answer(500, b""), "the server answers 500"),
            (Answer(302, b"", (("Location", "http://other/"),)), "it sends on to http://other/"),
        ],
    )
    def test_other_answers_are_explained_and_the_token_goes_nowhere_else(self, answer: Answer, said: str) -> None:
        self.web.answers["/Person_getCertificate"] = answer
        shown = self.configure("--token", "s3cret", code=1)
        assert said in shown
        assert "s3cret" not in shown
        assert list(self.folder.iterdir()) == []

    def test_a_master_that_is_down_is_said_to_be(self) -> None:
        self.options = ("--master-url", "http://master/", "--master-url-web", "http://127.0.0.1:1")
        assert "connection refused" in self.configure("--token", "t", code=1)
        self.options = ("--master-url", "http://master/", "--master-url-web", "panel.example")
        assert "begins with https://" in self.configure("--token", "t", code=1)


class TestNodeRegister:
    """Checks K04 to K06."""

    @pytest.fixture(autouse=True)
    def prepare(self, web: WebServer, slapos: Slapos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        self.web = web
        self.folder = tmp_path / "etc"
        self.slapos = slapos
        slapos.cfg = str(self.folder / "slapos.cfg")
        web.answers["/Person_requestComputer"] = GRANTED

    def register(self, *words: str, code: int = 0) -> list[str]:
        base = ("node", "register", "my node", "--master-url", "http://master", "--master-url-web", self.web.url)
        return self.slapos(*base, *words, code=code).err.splitlines()

    def test_a_node_gets_its_files(self) -> None:
        """Check K04."""
        said = self.register("--token", "t", "--partition-number", "3", "-t", "--ipv6-interface", "tap0")
        ssl = self.folder / "ssl"
        assert [line for line in said if "Letting" not in line] == [
            f"INFO Creating directory: {self.folder}",
            f"INFO Creating directory: {ssl}",
            f"INFO Copying to '{ssl / 'key'}', and setting minimum privileges",
            f"INFO Copying to '{ssl / 'certificate'}', and setting minimum privileges",
            f"INFO Creating directory: {ssl / 'partition_pki'}",
            f"INFO SlapOS configuration written to {self.folder / 'slapos.cfg'}",
            "INFO Node has successfully been configured as COMP-12.",
            "INFO Now please invoke slapos node boot on your site.",
        ]
        (asked,) = self.web.asked
        assert (asked.verb, asked.path, asked.body) == ("POST", "/Person_requestComputer", b"title=my+node")
        assert [mode(path) for path in (self.folder, ssl, ssl / "partition_pki")] == [0o711] * 3
        assert [mode(ssl / name) for name in ("key", "certificate")] == [0o600] * 2
        assert (ssl / "key").read_text() == "the key"
        assert mode(self.folder / "slapos.cfg") == 0o644
        assert all(mode(parent) & 0o055 == 0o055 for parent in self.folder.parents)
        file = configparser.ConfigParser()
        file.read(self.slapos.cfg)
        assert dict(file["slapos"]) == {
            "computer_id": "COMP-12",
            "master_url": "http://master",
            "key_file": str(ssl / "key"),
            "cert_file": str(ssl / "certificate"),
            "certificate_repository_path": str(ssl / "partition_pki"),
            "software_root": "/opt/slapgrid",
            "instance_root": "/srv/slapgrid",
        }
        shape = file["slapformat"]
        assert (shape["interface_name"], shape["ipv4_local_network"]) == ("lo", "10.0.0.0/16")
        assert (shape["partition_amount"], shape["create_tap"], shape["ipv6_interface"]) == ("3", "True", "tap0")

    def test_former_configurations_are_kept(self) -> None:
        """Check K05."""
        for word in ("one", "two", "three"):
            self.register("--token", "t", "--software-root", f"/{word}")
        texts = [
            self.folder.with_name(f"etc{ending}").joinpath("slapos.cfg").read_text()
            for ending in (".old", ".old.1", "")
        ]
        assert ["one" in texts[0], "two" in texts[1], "three" in texts[2]] == [True] * 3

    def test_a_dry_run_writes_nothing(self) -> None:
        """Check K06."""
        said = self.register("--token", "t", "-n")
        assert said[-2:] == [
            "INFO Node has successfully been configured as COMP-12.",
            "INFO Now please invoke slapos node boot on your site.",
        ]
        assert not self.folder.exists()
        assert len(self.web.asked) == 1

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (Answer(403, b""), f"CRITICAL {DENIED}"),
            (Answer(500, b"x Certificate still active. y"), f"ERROR {IN_USE}"),
        ],
    )
    def test_refusals_say_what_to_do(self, answer: Answer, said: str) -> None:
        """Check K06."""
        self.web.answers["/Person_requestComputer"] = answer
        assert self.register("--token", "t", code=1)[0] == said
        assert not self.folder.exists()

    def test_a_master_without_tokens_takes_a_login(self) -> None:
        self.web.answers["/"] = Answer(200, b"<a>Logout</a>")
        self.web.answers[""] = self.web.answers["/"]
        self.register("--login", "me", "--password", "p:w")
        check, request = self.web.asked
        assert request.path == "/Person_requestComputer?title=my+node"
        for asked in (check, request):
            assert asked.verb == "GET"
            assert base64.b64decode(asked.headers["Authorization"].removeprefix("Basic ")) == b"me:p:w"
        assert (self.folder / "ssl" / "key").exists()

    def test_a_wrong_login_is_refused(self) -> None:
        self.web.answers["/"] = self.web.answers[""] = Answer(200, b"<a>Login</a>")
        said = self.register("--login", "me", "--password", "p", code=1)
        assert said[0] == "WARNING Wrong login/password"
        assert said[1].startswith("CRITICAL Access denied to the SlapOS Master.")

    def test_a_master_with_tokens_only_says_so(self) -> None:
        self.web.answers["/"] = self.web.answers[""] = Answer(200, b"Logout")
        self.web.answers["/Person_requestComputer"] = Answer(500, b"NotImplementedError")
        assert self.register("--login", "me", "--password", "p", code=1) == [
            "CRITICAL This SlapOS server does not support login/password authentication. Please use the token."
        ]

    def test_no_token_is_used_for_files_that_cannot_be_written(self, tmp_path: Path) -> None:
        assert "master_url cannot be" in self.register("--token", "t", "--master-url", "http://a\n", code=1)[0]
        (tmp_path / "file").touch()
        self.slapos.cfg = str(tmp_path / "file" / "etc" / "slapos.cfg")
        assert f"{tmp_path / 'file'} cannot be written to" in self.register("--token", "t", code=1)[0]
        assert self.web.asked == []

    def test_only_root_may(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert self.register("--token", "t", code=5) == ["ERROR This slapos command must be run as root."]
        assert self.web.asked == []
