"""Tools that ask services, against real listeners."""

import datetime as dt
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.integration.tools.running import Ran, run_on_runner


class Site(BaseHTTPRequestHandler):
    """Answers with the status that the path names."""

    def do_GET(self) -> None:
        self.send_response(int(self.path[1:] or 200))
        self.send_header("Location", "/500")
        self.end_headers()
        self.wfile.write(b"all is well")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


@pytest.fixture
def site() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def sealed_site(tmp_path: Path) -> Iterator[int]:
    """A site whose certificate nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "site.pem").write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "site.pem")
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def silent() -> int:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return int(gone.getsockname()[1])


def inspect(name: str, *words: str, folder: Path, port: int | None) -> tuple[Ran, dict[str, Any]]:
    node = json.dumps({"host": "127.0.0.1", "port": port, "resourceId": 456, "password": "never-shown"})
    ran = run_on_runner(name, *words, folder=folder, environment={"AUTOEXEC_NODE": node})
    assert ran.outputs is not None
    assert "never-shown" not in ran.log + json.dumps(ran.outputs)
    return ran, ran.outputs["DATA"]


def check_up(ran: Ran, data: dict[str, Any], port: int) -> None:
    assert ran.code == 0
    assert 0 <= data.pop("RESPONSE_TIME") < 10
    assert data == {
        "MGMT_IP": "127.0.0.1",
        "PORT": port,
        "RESOURCE_ID": 456,
        "AVAILABILITY": 1,
        "ERROR_MESSAGE": "",
    }


@pytest.mark.parametrize("name", ["inspect/tcpcheck", "inspect/urlcheck"])
def test_a_service_that_answers_is_available(tmp_path: Path, site: int, name: str) -> None:
    check_up(*inspect(name, folder=tmp_path, port=site), site)


@pytest.mark.parametrize("name", ["inspect/tcpcheck", "inspect/urlcheck"])
def test_a_service_that_does_not_answer_is_not_a_failure(tmp_path: Path, silent: int, name: str) -> None:
    ran, data = inspect(name, "--timeout", "2", folder=tmp_path, port=silent)
    assert (ran.code, data["AVAILABILITY"]) == (0, 0)
    assert "refused" in data["ERROR_MESSAGE"]
    assert ran.log.startswith("WARN: ")


@pytest.mark.parametrize("name", ["inspect/tcpcheck", "inspect/urlcheck"])
def test_a_node_without_port_is_told_so(tmp_path: Path, name: str) -> None:
    ran, data = inspect(name, folder=tmp_path, port=None)
    assert (ran.code, data["AVAILABILITY"], data["PORT"]) == (0, 0, None)
    assert data["ERROR_MESSAGE"]


@pytest.mark.parametrize(
    ("path", "keyword", "error"),
    [("302", "", ""), ("503", "", "status 503"), ("", "is well", ""), ("", "unwell", "without 'unwell'")],
)
def test_urlcheck_looks_at_status_and_text(tmp_path: Path, site: int, path: str, keyword: str, error: str) -> None:
    url = f"http://127.0.0.1:{site}/{path}"
    _, data = inspect("inspect/urlcheck", "--url", url, "--keyword", keyword, folder=tmp_path, port=1)
    assert data["AVAILABILITY"] == (0 if error else 1)
    assert error in data["ERROR_MESSAGE"]


def test_a_certificate_nobody_vouches_for_is_accepted_only_when_told(tmp_path: Path, sealed_site: int) -> None:
    url = ("--url", f"https://127.0.0.1:{sealed_site}/")
    _, data = inspect("inspect/urlcheck", *url, folder=tmp_path, port=1)
    assert "CERTIFICATE_VERIFY_FAILED" in data["ERROR_MESSAGE"]
    _, data = inspect("inspect/urlcheck", *url, "--insecure", folder=tmp_path, port=1)
    assert (data["AVAILABILITY"], data["ERROR_MESSAGE"]) == (1, "")


def test_checksvc_succeeds_once_all_are_up(tmp_path: Path, site: int) -> None:
    targets = (f"http://127.0.0.1:{site}/302\\n127.0.0.1:{site}", f"http://127.0.0.1:{site}/")
    ran = run_on_runner("deploy/checksvc", "--timeout", "5", *targets, folder=tmp_path)
    assert (ran.code, ran.log.count("FINE: ")) == (0, 3)


def test_checksvc_ends_with_2_in_time(tmp_path: Path, site: int, silent: int) -> None:
    targets = (f"127.0.0.1:{site}", f"127.0.0.1:{silent}", f"http://127.0.0.1:{site}/500")
    ran = run_on_runner("deploy/checksvc", "--timeout", "0.5", *targets, folder=tmp_path)
    assert ran.code == 2
    assert f"FINE: 127.0.0.1:{site} is up" in ran.log
    assert f"ERROR: 127.0.0.1:{silent} is not up after 0.5 seconds" in ran.log
    assert ran.log.count("status 500") == 2


@pytest.mark.parametrize("words", [(), ("nonsense",), ("host:0",), ("host:70000",), ("--timeout", "x", "h:1")])
def test_checksvc_refuses_what_is_no_service(tmp_path: Path, words: tuple[str, ...]) -> None:
    ran = run_on_runner("deploy/checksvc", *words, folder=tmp_path)
    assert (ran.code, ran.log.startswith("ERROR: ")) == (1, True)
