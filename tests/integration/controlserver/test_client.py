"""Calls over real HTTP and TLS, with all that a server can do wrong."""

import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trustme
from tests.console import TENANT, Console, Reply, envelope, refusal

from pilothouse.controlserver import calls
from pilothouse.controlserver.client import Client
from pilothouse.controlserver.replies import ServerIdentityError, ServerRefusedError, ServerUnavailableError
from pilothouse.errors import SettingsError

PATH = calls.SET_VARIABLE


class Naps:
    """Takes the place of sleep: nothing is waited for, everything is noted."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
async def client(console: Console, naps: Naps) -> AsyncIterator[Client]:
    made = Client(console.server(), sleep=naps, chance=lambda: 0.0)
    yield made
    await made.close()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Console]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = Console(context).start()
    yield server
    server.stop()


async def test_check_21_every_request_names_tenant_user_and_a_right_signature(console: Console, client: Client) -> None:
    console.answers[PATH] = lambda request: envelope(request.body)
    assert await client.ask(PATH, {"name": "北京 & more", "n": 1.5}) == {"name": "北京 & more", "n": 1.5}
    await client.get(
        calls.NODES,
        {"nodeFrom": "phase", "phase": "größe/ä b", "passThroughEnv": '{"a": "%27&="}', "lastModified": "0"},
    )
    asked, fetched = console.requests
    assert asked.headers["tenant"] == TENANT
    assert asked.headers["authtype"] == "hmac"
    assert asked.headers["x-access-key"] == "autoexec"
    assert asked.headers["content-type"] == "application/json; charset=utf-8"
    assert asked.headers["accept-encoding"] == "identity"
    assert fetched.query["phase"] == "größe/ä b"
    assert fetched.query["passThroughEnv"] == '{"a": "%27&="}'
    assert asked.signed
    assert fetched.signed


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 404])
async def test_a_passing_fault_is_tried_again_with_growing_waits(
    console: Console, client: Client, naps: Naps, status: int
) -> None:
    console.faults[PATH].extend([refusal(status, "busy")] * 3)
    console.answers[PATH] = lambda request: envelope("fine")
    assert await client.ask(PATH, {}) == "fine"
    assert naps.taken == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    "garbage",
    [
        Reply(200, b"<html>Sign in to the network</html>", {"Content-Type": "text/html"}),
        Reply(200, b"", {}),
        Reply(200, b"[1, 2]", {"Content-Type": "application/json"}),
        Reply(200, b"\xff\xfe\x00", {"Content-Type": "application/json"}),
        Reply(200, b'{"Status": "OK", "Return": "fi', {"Content-Type": "application/json"}),
    ],
)
async def test_garbage_is_no_answer(console: Console, client: Client, garbage: Reply) -> None:
    console.faults[PATH].append(garbage)
    console.answers[PATH] = lambda request: envelope("fine")
    assert await client.ask(PATH, {}) == "fine"
    assert len(console.requests) == 2


async def test_a_body_that_breaks_off_is_no_answer(console: Console, client: Client, tmp_path: Path) -> None:
    whole = Reply(200, b"x" * 1000, {})
    console.faults[calls.FILE].append(Reply(200, b"x" * 1000, {}, cut=400))
    console.answers[calls.FILE] = lambda request: whole
    answer = await client.get(calls.FILE, {"id": "1"}, tmp_path / "file")
    assert answer.status == 200
    assert (tmp_path / "file").read_bytes() == b"x" * 1000
    assert len(console.requests) == 2


async def test_an_answer_without_character_set_is_read_as_utf_8(console: Console, client: Client) -> None:
    console.answers[PATH] = lambda request: Reply(
        200, '{"Return": "密码"}'.encode(), {"Content-Type": "application/json"}
    )
    assert await client.ask(PATH, {}) == "密码"


async def test_silence_ends_after_the_time_limit(console: Console, naps: Naps) -> None:
    console.faults[PATH].append(Reply(200, b"{}", {}, hang=30))
    client = Client(console.server(read_timeout=0.2), sleep=naps)
    assert await client.ask(PATH, {}) is None
    assert len(naps.taken) == 1
    await client.close()


@pytest.mark.parametrize("status", [400, 520, 526, 530])
async def test_a_refusal_is_not_tried_again_and_says_why(console: Console, client: Client, status: int) -> None:
    console.faults[PATH].append(refusal(status, "no such account"))
    with pytest.raises(ServerRefusedError, match=f"status {status}: no such account"):
        await client.ask(PATH, {})
    assert len(console.requests) == 1


async def test_status_error_with_200_is_a_refusal(console: Console, client: Client) -> None:
    console.faults[PATH].append(Reply(200, b'{"Status": "ERROR", "Message": "no such account"}', {}))
    with pytest.raises(ServerRefusedError, match="no such account"):
        await client.ask(PATH, {})


async def test_a_wrong_password_is_not_tried_again_and_names_the_keys(console: Console) -> None:
    from pilothouse.jobs.secret import Secret

    client = Client(console.server(password=Secret("wrong-password")))
    with pytest.raises(ServerIdentityError, match=r"server\.password") as caught:
        await client.ask(PATH, {})
    assert "wrong-password" not in str(caught.value)
    assert len(console.requests) == 1
    console.problems.clear()
    await client.close()


async def test_a_redirection_is_explained(console: Console, client: Client) -> None:
    console.faults[PATH].append(Reply(302, b"", {"Location": "https://elsewhere/"}))
    with pytest.raises(ServerRefusedError, match="must be the address that answers itself"):
        await client.ask(PATH, {})


async def test_a_server_that_is_down_is_given_up_after_the_patience() -> None:
    down = Console().start()
    down.stop()
    client = Client(down.server(patience=0.6))
    with pytest.raises(ServerUnavailableError, match=f"localhost:{down.port}"):
        await client.ask(PATH, {})
    await client.close()


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_unchanged_answers_leave_the_file_alone(
    console: Console, client: Client, tmp_path: Path, status: int
) -> None:
    console.answers[calls.FILE] = lambda request: Reply(status, b"", {"Content-Disposition": 'a; filename="n"'})
    kept = tmp_path / "kept"
    kept.write_bytes(b"old")
    answer = await client.get(calls.FILE, {"id": "1"}, kept)
    assert answer.unchanged
    assert answer.headers["content-disposition"] == 'a; filename="n"'
    assert kept.read_bytes() == b"old"


async def test_tls_is_verified_against_the_authority_named(
    secure: Console, authority: trustme.CA, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    client = Client(secure.server(ca=ca))
    assert await client.ask(PATH, {}) is None
    await client.close()
    assert secure.problems == []


async def test_tls_with_an_unknown_authority_is_refused(secure: Console) -> None:
    client = Client(secure.server(patience=0.1))
    with pytest.raises(ServerUnavailableError, match="certificate verify failed"):
        await client.ask(PATH, {})
    await client.close()
    assert secure.requests == []


async def test_tls_for_another_name_is_refused(authority: trustme.CA, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(context)
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    other = Console(context).start()
    client = Client(other.server(ca=ca, patience=0.1))
    with pytest.raises(ServerUnavailableError, match="certificate"):
        await client.ask(PATH, {})
    await client.close()
    other.stop()
    assert other.requests == []


async def test_a_certificate_file_that_is_missing_is_named(secure: Console, tmp_path: Path) -> None:
    client = Client(secure.server(ca=tmp_path / "missing.pem"))
    with pytest.raises(SettingsError, match=r"missing\.pem"):
        await client.ask(PATH, {})
    await client.close()
