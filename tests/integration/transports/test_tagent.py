"""Tagent beyond the common contract, with a real daemon (checks 78, 79; defects D13, D37)."""

import asyncio
import io
import os
import pwd
import socket
import stat
import tarfile
import tempfile
import time
from pathlib import Path

import msgspec
import pytest
from tests.conftest import MakeTagentd
from tests.jobs import Bench, document, group, operation, phase, tool
from tests.machine import Machine, nap, running, until
from tests.tagentd import CREDENTIAL, Tagentd

from pilothouse.engine.assembly import PROTOCOLS
from pilothouse.errors import AuthenticationError, TargetError, UnreachableError
from pilothouse.jobs.access import Access, Become, Hop
from pilothouse.jobs.states import State
from pilothouse.transports import tagent_wire
from pilothouse.transports.contract import Transport
from pilothouse.transports.tagent import TagentTransport
from pilothouse.transports.tagent_link import Exchange, open_exchange
from pilothouse.transports.tagent_wire import Cipher, Request


async def ask(server: Tagentd, kind: str, *fields: str, user: str = "root", credential: str = CREDENTIAL) -> Exchange:
    exchange = await open_exchange("127.0.0.1", server.port, credential, "daemon", 30)
    await exchange.ask(Request(user, kind, fields))
    return exchange


async def reply(exchange: Exchange) -> tuple[list[bytes], str]:
    """Return every payload and the text at the end."""
    found: list[bytes] = []
    async with asyncio.timeout(30):
        while payloads := await exchange.payloads():
            found += payloads
        text = await exchange.error()
    exchange.close()
    return found, text


async def run(server: Tagentd, command: str, environment: str = "{}", seconds: str = "60") -> tuple[list[bytes], str]:
    return await reply(await ask(server, "execmd", command, "", environment, seconds))


def test_a_client_of_captured_bytes_is_served_as_captured(tagentd: Tagentd) -> None:
    """Check 79: the exchange of section 7.3, with nothing of ours but the cipher on the client's side."""
    with socket.create_connection(("127.0.0.1", tagentd.port), timeout=10) as client, client.makefile("rb") as stream:
        payload = stream.read(int.from_bytes(stream.read(2), "big"))
        system, charset, digits, version = payload.decode().split("|")
        assert (system, charset, version) == ("Linux", "UTF-8", "Tagent1.1")
        first, second, moment = Cipher(b"tagentpass").apply(bytes.fromhex(digits)).split(b",")
        assert abs(int(moment) - time.time()) < 60
        answer = Cipher(b"tagentpass").apply(b"%d,%d" % (int(first) * int(second), int(moment))).hex().encode()
        client.sendall(len(answer).to_bytes(2, "big") + answer)
        assert stream.read(14) == b"\x00\x0cauth succeed"
        client.sendall(
            b"\x00\x67root|execmd|UTF-8|6563686f2068693b206563686f20657272203e26323b20657869742034||7b2241223a202262227d|3630"
        )
        assert stream.read() == b"\x00\x03hi\n\x00\x04err\n\x00\x004"


@pytest.fixture(params=["plain", "encrypted"])
def daemon(request: pytest.FixtureRequest, make_tagentd: MakeTagentd) -> Tagentd:
    return make_tagentd(encrypted=request.param == "encrypted")


async def test_lines_come_in_order_with_the_real_code(daemon: Tagentd) -> None:
    """Check 78, D37."""
    script = "for n in 1 2 3; do echo out$n; echo err$n >&2; done; exit 4"
    lines, text = await run(daemon, script)
    assert lines == [b"out1\n", b"err1\n", b"out2\n", b"err2\n", b"out3\n", b"err3\n"]
    assert tagent_wire.exit_code(text) == 4
    assert await run(daemon, 'echo "$A"', '{"A": "b c"}') == ([b"b c\n"], "")
    assert await run(daemon, "kill -9 $$") == ([], "137")


async def test_operations_run_in_both_modes(daemon: Tagentd, tmp_path: Path) -> None:
    """Check 78."""
    machine = Machine(TagentTransport(daemon.settings()), daemon.node(), tmp_path)
    ended, output = await machine.run(machine.shell("echo out; echo err >&2; echo x >f; exit 0", collect=("f",)))
    assert (ended.code, output, ended.collected) == (0, b"out\nerr\n", {"f": b"x\n"})
    ended, _ = await machine.run(machine.shell("exit 4"))
    assert ended.code == 4


async def test_files_and_folders_go_up_and_down(daemon: Tagentd, tmp_path: Path) -> None:
    """Checks 78, 79."""
    exchange = await ask(daemon, "upload", "file", "/some/name.txt", f"{tmp_path}/", "1")
    assert await exchange.payload() == b"Status:200"
    await exchange.copy(b"upload content\n")
    await exchange.finish()
    assert await reply(exchange) == ([], "")
    assert (tmp_path / "name.txt").read_text() == "upload content\n"
    found = await reply(await ask(daemon, "download", f"{tmp_path}/name.txt", "0"))
    assert found == ([b"Status:200,FileType:file", b"upload content\n"], "")
    packed = io.BytesIO()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "f").write_bytes(os.urandom(100_000))
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(tmp_path / "deep", "deep")
    exchange = await ask(daemon, "upload", "dir", "deep", f"{tmp_path}/there", "0")
    assert await exchange.payload() == b"Status:200"
    await exchange.copy(packed.getvalue())
    await exchange.finish()
    assert await reply(exchange) == ([], "")
    content = (tmp_path / "there" / "deep" / "er" / "f").read_bytes()
    assert content == (tmp_path / "deep" / "er" / "f").read_bytes()
    [status, *parts], error = await reply(await ask(daemon, "download", f"{tmp_path}/there/deep", "0"))
    assert (status, error) == (b"Status:200,FileType:dir", "")
    with tarfile.open(fileobj=io.BytesIO(b"".join(parts))) as archive:
        member = archive.extractfile("deep/er/f")
        assert member is not None
        assert member.read() == content


async def test_what_cannot_be_carried_is_told(tagentd: Tagentd, tmp_path: Path) -> None:
    found, error = await reply(await ask(tagentd, "download", f"{tmp_path}/missing", "0"))
    assert found == []
    assert "missing: No such file" in error
    exchange = await ask(tagentd, "upload", "file", "x", f"{tmp_path}/no/such/folder/x", "0")
    assert await exchange.payload() == b"Status:200"
    await exchange.finish()
    assert "no/such/folder" in (await reply(exchange))[1]
    for path in ("/tmp/../etc/passwd", "relative"):
        assert "absolute path" in (await reply(await ask(tagentd, "download", path, "0")))[1]
    assert "unknown request" in (await reply(await ask(tagentd, "no-such", "x")))[1]


async def test_variables_in_paths_are_the_daemons(tagentd: Tagentd) -> None:
    name = f"tagent-test-{os.getpid()}"
    exchange = await ask(tagentd, "upload", "file", "x", f"$TMPDIR/{name}", "1")
    assert await exchange.payload() == b"Status:200"
    await exchange.finish()
    assert await reply(exchange) == ([], "")
    Path(tempfile.gettempdir(), name).unlink()
    assert (await run(tagentd, "echo $TMPDIR %TMPDIR%"))[0] == [
        f"{tempfile.gettempdir()} {tempfile.gettempdir()}\n".encode()
    ]


async def test_echo_and_asynchronous_commands(tagentd: Tagentd, tmp_path: Path) -> None:
    """Check 79."""
    assert await reply(await ask(tagentd, "echo", "are you there")) == ([b"are you there"], "")
    command = f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; echo unheard; touch {tmp_path}/done"
    assert await reply(await ask(tagentd, "execmdasync", command, "", "{}", "60")) == ([], "")
    (tmp_path / "go").touch()
    await until((tmp_path / "done").exists)


async def test_the_credential_is_changed_and_survives(make_tagentd: MakeTagentd) -> None:
    """D37."""
    server = make_tagentd()
    assert await reply(await ask(server, "updatecred", tagent_wire.seal_credential("second"))) == ([], "")
    assert server.credential_file.read_text() == f"{tagent_wire.seal_credential('second')}\n"
    assert stat.S_IMODE(server.credential_file.stat().st_mode) == 0o600
    with pytest.raises(AuthenticationError):
        await ask(server, "echo", "x")
    server.stop()
    server.start()
    assert await reply(await ask(server, "echo", "x", credential="second")) == ([b"x"], "")
    server.credential_file.write_text("third\n")
    assert await reply(await ask(server, "reload", credential="second")) == ([b"Status:200"], "")
    assert await reply(await ask(server, "echo", "x", credential="third")) == ([b"x"], "")


async def test_a_wrong_credential_and_other_ends_are_told(tagentd: Tagentd, silent_port: int) -> None:
    """Check 78."""
    transport = TagentTransport(tagentd.settings(connect_timeout=0.5))
    with pytest.raises(AuthenticationError, match="another credential; check the node's password") as caught:
        await transport.connect(tagentd.node(password="wrong-one"))
    assert "wrong-one" not in str(caught.value)
    with pytest.raises(AuthenticationError, match="no password"):
        await transport.connect(tagentd.node(password=""))
    closed = Tagentd(tagentd.folder)
    closed.port = 1
    with pytest.raises(UnreachableError, match="cannot be reached"):
        await transport.connect(closed.node())
    closed.port = silent_port
    with pytest.raises(UnreachableError, match=r"no handshake within 0\.5 s"):
        await transport.connect(closed.node())


async def test_a_daemon_with_another_credential_that_lets_the_handshake_pass_is_refused(tagentd: Tagentd) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", tagentd.port)
    await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
    writer.write(tagent_wire.Framing().chunk(b"00" * 20))
    payload = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
    assert payload.startswith(b"auth failed")
    assert await reader.read() == b""
    writer.close()


async def test_a_silent_command_does_not_fail(tagentd: Tagentd, tmp_path: Path) -> None:
    """Check 78: there is no limit between two lines, only the operation's whole and TCP keepalive."""
    machine = Machine(TagentTransport(tagentd.settings(connect_timeout=0.5)), tagentd.node(), tmp_path)
    ended, output = await machine.run(machine.shell("sleep 2; echo late"))
    assert (ended.code, output) == (0, b"late\n")


async def test_the_limit_of_a_command_ends_its_session(tagentd: Tagentd) -> None:
    command = nap()
    lines, text = await run(tagentd, f"echo up; {command} & {command}", seconds="1")
    assert lines == [b"up\n"]
    assert tagent_wire.exit_code(text) is None
    await until(lambda: not running(command))


async def test_a_client_that_goes_takes_the_session_along(tagentd: Tagentd) -> None:
    command = nap()
    exchange = await ask(tagentd, "execmd", f"(set -m; {command} & wait) & echo up; {command}", "", "{}", "60")
    assert await exchange.payload() == b"up\n"
    await until(lambda: len(running(command)) == 2)
    exchange.close()
    await until(lambda: not running(command))


async def test_only_root_changes_the_user(tagentd: Tagentd) -> None:
    own = pwd.getpwuid(os.geteuid()).pw_name
    root = os.geteuid() == 0
    lines, _ = await reply(await ask(tagentd, "execmd", "id -un; id -Gn; echo $HOME", "", "{}", "60", user="nobody"))
    user, groups, home = (line.decode().strip() for line in lines)
    assert user == ("nobody" if root else own)
    if root:
        assert "root" not in groups.split()
        assert home == pwd.getpwnam("nobody").pw_dir
    assert (await reply(await ask(tagentd, "execmd", "id -un", "", "{}", "60", user="none")))[0] == [
        f"{own}\n".encode()
    ]
    _, text = await reply(await ask(tagentd, "execmd", "exit 3", "", "{}", "60", user="nobody-of-this-name"))
    assert ("does not exist" in text) if root else (text == "3")


async def test_the_log_never_shows_what_is_run(make_tagentd: MakeTagentd) -> None:
    server = make_tagentd()
    await run(server, "echo hunter2-secret", '{"A": "hunter2-too"}')
    await until(lambda: "execmd as root" in server.log.read_text())
    assert "hunter2" not in server.log.read_text()
    assert CREDENTIAL not in server.log.read_text()


def test_a_credential_that_others_can_read_is_refused(tmp_path: Path) -> None:
    server = Tagentd(tmp_path)
    server.credential_file.write_text("x\n")
    server.credential_file.chmod(0o644)
    with pytest.raises(AssertionError, match="chmod 600"):
        server.start()
    server.stop()


async def test_fields_that_only_ssh_has_are_refused(tagentd: Tagentd) -> None:
    transport = TagentTransport(tagentd.settings())
    for access in (Access(become=Become(user="other")), Access(hops=(Hop("jump"),))):
        with pytest.raises(TargetError, match="becomeUser and proxyJump are for SSH"):
            await transport.connect(msgspec.structs.replace(tagentd.node(), access=access))


async def test_a_whole_job_over_tagent(bench: Bench, tagentd: Tagentd) -> None:
    """Check 78: operations with files, outputs and codes, through the engine."""
    assert "tagent" in PROTOCOLS
    reach = {"host": "127.0.0.1", "protocol": f"tagent.{tagentd.port}", "password": CREDENTIAL}
    targets = [{"resourceId": 7000 + n, "port": 9000 + n, "nodeName": f"t-{n}", **reach} for n in (1, 2, 3)]
    doc = document(
        "1078",
        group(0, phase("demo", tool("demo/remotedemo", "target"), operation("say", "echo out; echo err >&2"))),
        group(1, phase("bad", operation("four", "echo last words; exit 4"))),
    )
    transports: dict[str, Transport] = {"tagent": TagentTransport(bench.settings)}
    result = await bench.run(doc, targets, transports=transports)
    assert result.state is State.FAILED
    for node in targets:
        key = f"127.0.0.1-{node['port']}-{node['resourceId']}"
        text = bench.log("1078", "demo", key)
        assert text.index("out") < text.index("err")
        kept = bench.json("1078", "output", f"{key}.json")
        assert kept["demo/remotedemo_1"]["outtext"] == "this is the text out value"
        assert "last words" in bench.log("1078", "bad", key)
        assert "exit code 4" in bench.log("1078", "bad", key)
