"""The client as a process against a server that the tests direct."""

import asyncio
import contextlib
import re
import shlex
import signal
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from tests.headlesscall import CLIENT, Answer, begin, call, call_on_terminal, environment, finish
from tests.headlesspeer import SECRET, SERVICE, HeadlessPeer, babbler, headless_peer

from pilothouse.headless import messages


@pytest.fixture
async def peer() -> AsyncIterator[HeadlessPeer]:
    async with headless_peer() as peer:
        yield peer


@pytest.fixture
def s41(tmp_path: Path) -> Path:
    path = tmp_path / "s41"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o400)
    return path


def words(peer: HeadlessPeer, *more: str, secret: str = "s41") -> list[str]:
    return ["-s", f"127.0.0.1:{peer.port}", "-u", "R41", "-a", "challenge", "-p", secret, *more]


async def until(condition: object) -> None:
    async with asyncio.timeout(15):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.02)


# B: the secret file


async def test_checks_13_and_14_the_first_use_asks_once_and_the_next_never(peer: HeadlessPeer, tmp_path: Path) -> None:
    answer, shown = await call_on_terminal(words(peer, "-v", "-m", "OK1", secret="new"), tmp_path, "geheim")
    assert (answer.code, answer.err) == (0, "")
    assert shown.startswith("PLANTA password for user R41: ")
    assert "geheim" not in shown + answer.out
    assert "PLANTA password" not in answer.out
    path = tmp_path / "new"
    assert path.stat().st_mode & 0o777 == 0o400
    text = path.read_text()
    assert [line for line in text.splitlines() if not line.startswith("#")] == [SECRET]
    assert f"# user: R41\n# service: {SERVICE}\n" in text
    assert peer.of(messages.Login)[0].purpose == "enrol"
    answer = await call(words(peer, "-m", "OK1", secret="new"), tmp_path)
    assert (answer, path.read_text()) == (Answer(0, "", ""), text)
    assert peer.of(messages.Login)[1].purpose == "run"
    assert [entry.name for entry in tmp_path.iterdir()] == ["new"]


async def test_a_mistyped_password_leaves_nothing_behind(peer: HeadlessPeer, tmp_path: Path) -> None:
    answer, _ = await call_on_terminal(words(peer, "-m", "OK1", secret="new"), tmp_path, "geheim?")
    assert answer == Answer(1, "", "")
    assert list(tmp_path.iterdir()) == []
    assert peer.sessions == []


async def test_a_false_server_gets_no_cheap_hash_at_the_first_use(peer: HeadlessPeer, tmp_path: Path) -> None:
    peer.kdf = messages.Kdf("bcrypt", "$2b$04$abcdefghijklmnopqrstuu", "none")
    answer, _ = await call_on_terminal(words(peer, "-v", "-m", "OK1", secret="new"), tmp_path, "geheim")
    assert answer.code == 1
    assert "cost 4" in answer.out
    assert peer.of(messages.Response) == []


async def test_check_16_without_a_terminal_nothing_is_asked_or_read(peer: HeadlessPeer, tmp_path: Path) -> None:
    answer = await call(words(peer, "-m", "OK1", secret="new"), tmp_path)
    assert (answer.code, answer.out, peer.connections) == (2, "", 0)
    assert "there is no terminal to ask on" in answer.err
    assert list(tmp_path.iterdir()) == []


async def test_check_17_a_directory_that_is_missing_is_found_before_the_question(
    peer: HeadlessPeer, tmp_path: Path
) -> None:
    answer, shown = await call_on_terminal(words(peer, "-m", "OK1", secret="no/new"), tmp_path, "geheim")
    assert (answer.code, shown, peer.connections) == (2, "", 0)


async def test_check_18_a_secret_that_others_can_read_makes_no_connection(peer: HeadlessPeer, s41: Path) -> None:
    s41.chmod(0o440)
    answer = await call(words(peer, "-m", "OK1"), s41.parent)
    assert (answer.code, peer.connections) == (2, 0)
    assert "chmod 0400" in answer.err
    assert SECRET not in answer.err


async def test_a_secret_of_another_service_is_not_offered(peer: HeadlessPeer, tmp_path: Path) -> None:
    path = tmp_path / "s41"
    path.write_text(f"# service: other\n{SECRET}\n")
    path.chmod(0o600)
    answer = await call(words(peer, "-v", "-m", "OK1"), tmp_path)
    assert answer.code == 1
    assert "another service" in answer.out
    assert peer.of(messages.Login) == []


# C: the login


async def test_a_stale_secret_stops_before_the_proof(peer: HeadlessPeer, s41: Path) -> None:
    peer.kdf = messages.Kdf("bcrypt", "$2b$10$zzzdefghijklmnopqrstuu", "sha256-b64")
    answer = await call(words(peer, "-v", "-m", "OK1"), s41.parent)
    assert answer.code == 1
    assert "secret file is out of date for user R41; delete it and run once interactively" in answer.out
    assert peer.of(messages.Response) == []
    assert s41.read_text() == f"{SECRET}\n"


async def test_a_wrong_secret_and_a_false_server(peer: HeadlessPeer, s41: Path) -> None:
    peer.users = {}
    answer = await call(words(peer, "-v", "-m", "OK1"), s41.parent)
    assert (answer.code, peer.sessions) == (1, [])
    assert "server refused: AUTH_FAILED" in answer.out
    peer.users = {"R41": SECRET}
    peer.final = "v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    answer = await call(words(peer, "-v", "-c", "print(1)"), s41.parent)
    assert (answer.code, peer.sessions) == (1, [])
    assert "false one" in answer.out


async def test_check_28_an_osuser_is_believed_by_the_kernel_or_not_at_all(peer: HeadlessPeer, tmp_path: Path) -> None:
    peer.mechs = "SCRAM-SHA-256 PEER"
    line = ["-s", f"127.0.0.1:{peer.port}", "-a", "osuser", "-t", "-1", "-m", "OK1"]
    assert await call(line, tmp_path) == Answer(0, "", "")
    login = peer.of(messages.Login)[0]
    assert (login.mech, login.type_, login.scram) == ("PEER", "osuser", None)
    assert login.os_user
    peer.mechs = "SCRAM-SHA-256"
    answer = await call(line, tmp_path)
    assert answer.code == 2
    assert "-p SECRET_FILE is required for auth_type osuser with this server" in answer.err
    assert (await call(["-s", "192.0.2.1:20001", *line[2:]], tmp_path)).code == 2


def tls(authority: trustme.CA, certificate: trustme.LeafCert, folder: Path) -> tuple[ssl.SSLContext, bytes, str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    (folder / "ca.pem").write_bytes(authority.cert_pem.bytes())
    return context, ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode()), str(folder / "ca.pem")


async def test_check_29_over_tls_the_login_is_bound_to_the_certificate(s41: Path) -> None:
    from scramp.core import CBindData

    authority = trustme.CA()
    context, der, ca_file = tls(authority, authority.issue_cert("localhost", "127.0.0.1"), s41.parent)
    other = ssl.PEM_cert_to_DER_cert(authority.issue_cert("localhost").cert_chain_pems[0].bytes().decode())
    settings = {"encrypted": "true", "ca_file": ca_file}
    async with headless_peer(context, mechs="SCRAM-SHA-256-PLUS", certificate=bytes(CBindData.from_der(der))) as peer:
        answer = await call(words(peer, "-v", "-t", "-1", "-m", "OK1"), s41.parent, settings)
        assert answer.code == 0
        assert f"connected to 127.0.0.1:{peer.port} (TLSv1.3)" in answer.out
        # what a man in the middle with a certificate of the same authority would look like to the server
        peer.certificate = bytes(CBindData.from_der(other))
        assert (await call(words(peer, "-t", "-1", "-m", "OK1"), s41.parent, settings)).code == 1
        assert len(peer.sessions) == 1
        peer.mechs = "SCRAM-SHA-256"
        assert (await call(words(peer, "-m", "OK1"), s41.parent, settings)).code == 1
        answer = await call(words(peer, "-v", "-m", "OK1"), s41.parent, {"encrypted": "true"})
        assert answer.code == 1
        assert "is not trusted" in answer.out
        assert "set ca_file" in answer.out
        assert len(peer.sessions) == 1


@pytest.mark.parametrize(("name", "said"), [("ca_file", "ca_file cannot"), ("cert_file", "cert_file or key_file")])
@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_files_of_certificates_that_cannot_be_used_are_named(
    name: str, said: str, content: str | None, s41: Path
) -> None:
    file = s41.parent / "some.pem"
    if content is not None:
        file.write_text(content)
    async with babbler(b"") as silent:
        answer = await call(words(silent, "-m", "OK1"), s41.parent, {"encrypted": "true", name: str(file)})
    assert answer.code == 2
    assert said in answer.err
    assert str(file) in answer.err


async def test_tls_against_a_plain_port_and_the_reverse_are_named(peer: HeadlessPeer, s41: Path) -> None:
    answer = await call(words(peer, "-v", "-m", "OK1"), s41.parent, {"encrypted": "true"})
    assert answer.code == 1
    assert "if it is a plain port" in answer.out
    context, _, _ = tls(trustme.CA(), trustme.CA().issue_cert("localhost"), s41.parent)
    async with headless_peer(context) as other:
        answer = await call(words(other, "-v", "-m", "OK1"), s41.parent)
    assert answer.code == 1
    assert "TLS" in answer.out
    async with babbler(b"\x15\x03\x03\0\x02\x02\x46") as other:
        answer = await call(words(other, "-v", "-m", "OK1"), s41.parent)
    assert answer.code == 1
    assert "it speaks TLS" in answer.out


# D and E: jobs, times, return codes


async def test_jobs_arrive_in_order_and_unchanged(peer: HeadlessPeer, s41: Path) -> None:
    answer = await call(
        words(peer, "-c", 'print("ä€\x07")\n', "-m", "OK1", "-f", "jobs:a.py", "-c", "-1"),
        s41.parent,
        {"on_error": "continue"},
    )
    assert answer == Answer(0, "", "")
    start = peer.of(messages.Start)[0]
    assert start.jobs == (
        messages.PyCode('print("ä€\x07")\n'),
        messages.Module("OK1"),
        messages.PyFile("jobs:a.py"),
        messages.PyCode("-1"),
    )
    assert (start.wait, start.events, start.on_error) == ("none", "end", "continue")
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", start.request)
    assert start.label.endswith(f"@{socket.gethostname()}")


@pytest.mark.parametrize(
    ("code", "name", "expected"),
    [(301, "NO_SUCH_JOB", 2), (400, "BUSY", 4), (401, "SERVER_FULL", 1), (304, "REQUEST_MISMATCH", 1)],
)
async def test_checks_31_and_52_a_refused_start(
    code: int, name: str, expected: int, peer: HeadlessPeer, s41: Path
) -> None:
    peer.refuse = messages.Refused(code, name, "no")
    answer = await call(words(peer, "-v", "-t", "-1", "-m", "NOPE"), s41.parent)
    assert (answer.code, answer.err) == (expected, "")
    assert f"server refused: {name} (no)" in answer.out


async def test_checks_32_39_42_43_the_four_ways_to_wait(peer: HeadlessPeer, s41: Path) -> None:
    async with asyncio.TaskGroup() as group:
        made = {
            line: group.create_task(call(words(peer, *line.split()), s41.parent))
            for line in ("-m LOOP", "-t 0 -m LOOP", "-t 0 -m OK1", "-t 30 -m OK1", "-t -1 -m OK1", "-t -1 -m BAD1")
        }
    assert {line: task.result() for line, task in made.items()} == {
        "-m LOOP": Answer(0, "", ""),
        "-t 0 -m LOOP": Answer(3, "", ""),
        "-t 0 -m OK1": Answer(0, "", ""),
        "-t 30 -m OK1": Answer(0, "", ""),
        "-t -1 -m OK1": Answer(0, "", ""),
        "-t -1 -m BAD1": Answer(4, "", ""),
    }


async def test_check_41_the_time_is_up_and_the_session_goes_on(peer: HeadlessPeer, s41: Path) -> None:
    answer = await call(words(peer, "-v", "-t", "1", "-m", "LOOP"), s41.parent)
    assert answer.code == 3
    sid = peer.sessions[0].sid
    assert f"timeout after 1 s, session {sid} continues on the server" in answer.out
    assert peer.of(messages.Detach) == [messages.Detach(sid)]
    assert peer.of(messages.Cancel) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_check_46_a_signal_leaves_and_cancels_nothing(
    number: signal.Signals, peer: HeadlessPeer, s41: Path
) -> None:
    process = await begin(words(peer, "-v", "-t", "-1", "-m", "LOOP"), s41.parent)
    await until(lambda: peer.sessions)
    peer.sessions[0].say("here")
    assert process.stdout
    async for line in process.stdout:
        if b"here" in line:
            break
    process.send_signal(number)
    answer = await finish(process)
    assert (answer.code, answer.err) == (3, "")
    assert f"session {peer.sessions[0].sid} continues on the server" in answer.out
    assert len(peer.of(messages.Detach)) == 1
    assert peer.of(messages.Cancel) == []


async def test_a_signal_before_the_session_is_accepted(s41: Path) -> None:
    async with babbler(b"", stays=True) as silent:
        process = await begin(words(silent, "-m", "OK1"), s41.parent)
        await until(lambda: silent.connections)
        process.send_signal(signal.SIGTERM)
        assert await finish(process) == Answer(1, "", "")


async def test_check_44_nobody_there(s41: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = HeadlessPeer(port=free.getsockname()[1])
        assert await call(words(closed, "-m", "OK1"), s41.parent) == Answer(1, "", "")
        # a backlog that is full swallows connections without a word
        free.listen(0)
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(free.getsockname())
            answer = await call(words(closed, "-v", "-m", "OK1"), s41.parent, {"connect_timeout": "0.3"})
    assert answer.code == 1
    answer = await call(["-s", "no-such-host.invalid:1", *words(closed)[2:], "-m", "OK1"], s41.parent)
    assert answer.code == 1


# F and G: lost connections, output, broken servers


async def test_check_48_a_cut_connection_is_made_again_and_no_event_is_shown_twice(
    peer: HeadlessPeer, s41: Path
) -> None:
    process = await begin(words(peer, "-v", "-t", "-1", "-m", "LOOP"), s41.parent)
    await until(lambda: peer.sessions)
    played = peer.sessions[0]
    played.say("first")
    assert process.stdout
    seen = [line async for line in _until(process.stdout, b"first")]
    peer.cut()
    played.say("second")
    played.end("ok")
    answer = await finish(process)
    out = b"".join(seen).decode() + answer.out
    assert answer.code == 0
    assert (out.count("stdout: first"), out.count("stdout: second")) == (1, 1)
    assert f"session {played.sid} ended: ok (1.5 s), exit 0" in out
    assert peer.of(messages.Attach)[0].from_ == 2
    assert len(peer.of(messages.Start)) == 1


async def test_events_that_are_no_longer_kept_are_passed_over(peer: HeadlessPeer, s41: Path) -> None:
    process = await begin(words(peer, "-v", "-t", "-1", "-m", "LOOP"), s41.parent)
    await until(lambda: peer.sessions)
    played = peer.sessions[0]
    peer.gone = 2
    peer.cut()
    for text in ("one", "two", "three"):
        played.say(text)
    played.end("ok")
    answer = await finish(process)
    assert answer.code == 0
    assert "2 events of the session are no longer kept" in answer.out
    assert re.findall(r"stdout: (\w+)", answer.out) == ["three"]
    assert [attach.from_ for attach in peer.of(messages.Attach)] == [1, 3]


async def _until(stream: asyncio.StreamReader, mark: bytes) -> AsyncIterator[bytes]:
    async for line in stream:
        yield line
        if mark in line:
            return


async def test_check_49_a_connection_that_does_not_come_back(s41: Path) -> None:
    async with headless_peer() as peer:
        process = await begin(words(peer, "-v", "-t", "-1", "-m", "LOOP"), s41.parent, {"reconnect_window": "1.5"})
        await until(lambda: peer.sessions)
    answer = await finish(process)
    assert answer.code == 1
    assert "did not come back" in answer.out


async def test_a_start_without_an_answer_is_repeated_and_starts_once(peer: HeadlessPeer, s41: Path) -> None:
    peer.drop_start = 1
    assert await call(words(peer, "-t", "-1", "-m", "LOOP"), s41.parent, {"reconnect_window": "0.5"}) == Answer(
        1, "", ""
    )
    peer.received.clear()
    peer.drop_start = 1000
    answer = await call(words(peer, "-v", "-m", "LOOP"), s41.parent, {"reconnect_window": "1.5"})
    assert (answer.code, answer.out.count("trying again")) == (1, 2), answer.out
    peer.received.clear()
    peer.drop_start = 1
    assert await call(words(peer, "-m", "OK1"), s41.parent) == Answer(0, "", "")
    first, second = peer.of(messages.Start)
    assert first == second
    assert len(peer.sessions) == 3


async def test_check_54_silence_and_the_log_file(peer: HeadlessPeer, s41: Path) -> None:
    log = s41.parent / "log"
    settings = {"log_file": str(log)}
    assert await call(words(peer, "-t", "-1", "-m", "BAD1"), s41.parent, settings) == Answer(4, "", "")
    peer.users = {}
    assert await call(words(peer, "-m", "OK1"), s41.parent, settings) == Answer(1, "", "")
    text = log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert "ended: failed" in text
    assert "module BAD1: exit 4" in text
    assert "server refused: AUTH_FAILED" in text
    assert SECRET not in text


@pytest.mark.parametrize(("closed", "code"), [("<&-", 0), (">&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 0), ("2>&- -x", 2)])
async def test_streams_that_a_scheduler_has_closed(closed: str, code: int, peer: HeadlessPeer, s41: Path) -> None:
    line = shlex.join([*CLIENT, *words(peer, "-v", "-t", "-1", "-m", "OK1")])
    process = await asyncio.create_subprocess_shell(
        f"{line} {closed}", cwd=s41.parent, env=environment(), stdout=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == code
    assert len(peer.sessions) == (code == 0)


async def test_the_levels_show_messages_and_mask_the_proof(peer: HeadlessPeer, s41: Path) -> None:
    answer = await call(words(peer, "-vvv", "-t", "-1", "-m", "OK1"), s41.parent)
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert {line.split(" ")[0] for line in lines} == {"INFO", ">>>", "<<<"}
    assert any(re.match(r">>> .*<response><scram>c=biws,r=[^,]+,p=\*\*\*</scram>", line) for line in lines)
    assert any("<scram>v=***</scram>" in line for line in lines)
    said = [line.split(" ", 2)[2] for line in lines if line.startswith("INFO")]
    sid = peer.sessions[0].sid
    assert said == [
        f"connected to 127.0.0.1:{peer.port}",
        "logged in as R41 (challenge)",
        f"session {sid} accepted (1 job)",
        "job 1 stdout: one",
        f"session {sid} ended: ok (1.5 s), exit 0",
    ]


async def test_a_closed_pipe_ends_the_output_and_not_the_call(peer: HeadlessPeer, s41: Path) -> None:
    process = await begin(words(peer, "-v", "-t", "-1", "-m", "LOOP"), s41.parent)
    await until(lambda: peer.sessions)
    process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
    for _ in range(3):
        peer.sessions[0].say("nobody reads this")
    peer.sessions[0].end("ok")
    assert process.stderr
    assert (await process.wait(), await process.stderr.read()) == (0, b"")


@pytest.mark.parametrize(
    "garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"PHC1\r\n\xff\xff\xff\xff\0\0\0\0", b"PHC1\r\n"]
)
async def test_a_server_that_speaks_nonsense(garbage: bytes, s41: Path) -> None:
    async with babbler(garbage) as peer:
        assert await call(words(peer, "-m", "OK1"), s41.parent) == Answer(1, "", "")
