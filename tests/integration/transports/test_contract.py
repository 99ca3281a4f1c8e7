"""What every way to a machine promises, kept by each of them."""

import asyncio
import os
import stat
import sys
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from tests.examples import examples
from tests.machine import Machine, alive, known_group, nap, running, until

from pilothouse.errors import ForgottenFilesError, TargetError
from pilothouse.transports.contract import Kill, UploadFile

SHOW = "import os, sys; sys.stdout.buffer.write(b'\\0'.join(map(os.fsencode, sys.argv[1:])))"
VECTORS = (
    'a"b',
    'a\\"b',
    "it's",
    "'",
    "$(id)",
    "`id`",
    "$HOME ${HOME} ~ * ? [a] ! #",
    "trailing\\",
    "two\nlines\n",
    "",
    "-n",
    "节点 中文 字符",
    "\x01\x02\x7f\t\r\x1b[0m",
    "x" * 10_000,
)


async def test_output_and_code_arrive(machine: Machine) -> None:
    ended, output = await machine.run(machine.shell("echo out; echo err >&2; echo again; exit 7"))
    assert (ended.code, output) == (7, b"out\nerr\nagain\n")
    assert not ended.adopted


async def test_lines_arrive_while_it_runs(machine: Machine) -> None:
    seen: list[tuple[float, bytes]] = []
    connection = await machine.transport.connect(machine.node)
    script = "for n in 1 2 3; do echo line $n; sleep 0.3; done"
    process = await connection.start(machine.shell(script), lambda data: seen.append((time.monotonic(), data)))
    await process.exited()
    ended = time.monotonic()
    await process.settle(clean=True)
    await connection.close()
    assert [data for _, data in seen] == [b"line 1\n", b"line 2\n", b"line 3\n"]
    assert ended - seen[0][0] > 0.8
    assert seen[1][0] - seen[0][0] > 0.2


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 255", 255), ("kill -9 $$", 137), ("kill $$", 143)])
async def test_codes_and_signals(machine: Machine, script: str, code: int) -> None:
    ended, output = await machine.run(machine.shell(script))
    assert ended.code == code
    assert output == b""


async def test_a_missing_command_is_code_127(machine: Machine) -> None:
    ended, output = await machine.run(machine.launch("/no/such/command"))
    assert ended.code == 127
    assert b"/no/such/command" in output


async def test_words_arrive_as_they_are(machine: Machine) -> None:
    ended, output = await machine.run(machine.launch(sys.executable, "-c", SHOW, *VECTORS))
    assert ended.code == 0
    assert output.split(b"\0") == [text.encode() for text in VECTORS]


async def test_a_megabyte_of_words_arrives(machine: Machine) -> None:
    words = tuple(f"{number:05d}-" + "中$'\"\\" * 1_000 for number in range(150))
    assert sum(len(word.encode()) for word in words) > 1_000_000
    ended, output = await machine.run(machine.launch(sys.executable, "-c", SHOW, *words))
    assert ended.code == 0
    assert output == b"\0".join(word.encode() for word in words)


async def test_the_environment_arrives_as_it_is(machine: Machine) -> None:
    show = f"import os; [os.write(1, os.environb[b'V%d' % n] + b'\\0') for n in range({len(VECTORS)})]"
    environment = tuple((f"V{number}", text) for number, text in enumerate(VECTORS))
    _, output = await machine.run(machine.launch(sys.executable, "-c", show, environment=environment))
    assert output.split(b"\0")[:-1] == [text.encode() for text in VECTORS]


async def test_lines_like_a_delimiter_arrive(machine: Machine) -> None:
    # dash loses a byte above 127 that follows the beginning of a here-document's delimiter
    content = "".join(f"{letter}\x80{letter}-END\n{letter}-\u4e2d\n" for letter in "ABPXZ").encode() + "P\x80".encode()
    files = (UploadFile("some", content), UploadFile("first", "\x80A\x80\n\u4e2d".encode()))
    ended, _ = await machine.run(machine.launch("true", files=files, collect=("some", "first")))
    assert ended.collected == {file.name: file.content for file in files}


@examples(12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), max_size=8),
    contents=st.lists(st.binary(max_size=300) | st.text(max_size=300).map(str.encode), max_size=4),
)
async def test_any_words_and_files_arrive(machine: Machine, words: list[str], contents: list[bytes]) -> None:
    files = tuple(UploadFile(f"in/{number}", content) for number, content in enumerate(contents))
    names = tuple(file.name for file in files)
    launch = machine.launch(sys.executable, "-c", SHOW, *words, files=files, collect=names)
    ended, output = await machine.run(launch)
    assert output == b"\0".join(word.encode() for word in words)
    assert ended.collected == {file.name: file.content for file in files}


async def test_files_arrive_with_their_modes(machine: Machine) -> None:
    files = (
        UploadFile("w/tool.sh", b'#!/bin/sh\necho "tool $1"\n', 0o700),
        UploadFile("w/sub/deep/secret", b"no line end", 0o600),
        UploadFile("w/bytes", bytes(range(256)) * 400, 0o640),
        UploadFile("w/empty", b""),
    )
    check = "./tool.sh works; stat -c '%a %n %s' sub/deep/secret bytes empty"
    ended, output = await machine.run(machine.shell(check, work="w", files=files, collect=("bytes", "empty", "no")))
    assert output.decode().splitlines() == ["tool works", "600 sub/deep/secret 11", "640 bytes 102400", "600 empty 0"]
    assert ended.collected == {"bytes": bytes(range(256)) * 400, "empty": b""}


async def test_a_kept_file_is_sent_once_and_a_forgotten_one_is_told(machine: Machine, tmp_path: Path) -> None:
    store = tmp_path / "store"
    content, digest = b"#!/bin/sh\necho tool\necho '# changed' >>tool\n", "d" * 64
    file = UploadFile("tool", content, 0o700, digest)
    launch = machine.launch("./tool", files=(file,), store=str(store), collect=("tool",))
    # what is said to be there need not be sent: an empty content stands for that
    again = machine.launch(
        "./tool",
        files=(msgspec.structs.replace(file, content=b""),),
        store=str(store),
        there=frozenset({digest}),
        collect=("tool",),
    )
    connection = await machine.transport.connect(machine.node)
    first, _ = await machine.run(launch, connection)
    assert first.collected == {"tool": content + b"# changed\n"}
    assert stat.S_IMODE(store.stat().st_mode) == 0o700
    second, output = await machine.run(again, connection)
    assert (output, second.collected) == (b"tool\n", {"tool": content + b"# changed\n"})
    (store / digest).rename(store / ".half-written")
    process = await connection.start(msgspec.structs.replace(again, token="t-forgotten"), lambda _: None)
    with pytest.raises(ForgottenFilesError):
        await process.exited()
    await process.settle(clean=False)
    for closing in (False, True):
        store.mkdir(exist_ok=True)
        process = await connection.start(machine.shell("sleep 60", store=str(store)), lambda _: None)
        await known_group(process)
        await (connection.close() if closing else process.abort())
        await until(lambda: not store.exists())


async def test_nothing_is_collected_after_a_failure(machine: Machine) -> None:
    ended, _ = await machine.run(machine.shell("echo part >out; exit 3", collect=("out",)))
    assert ended.collected == {}


async def test_the_folder_is_private_and_removed(machine: Machine) -> None:
    connection = await machine.transport.connect(machine.node)
    process = await connection.start(machine.shell("pwd", work="a/b"), lambda _: None)
    await process.exited()
    assert stat.S_IMODE(machine.folder.stat().st_mode) == 0o700
    await process.settle(clean=True)
    assert not machine.folder.exists()
    await connection.close()


async def test_an_absolute_work_folder_must_exist(machine: Machine, tmp_path: Path) -> None:
    work = tmp_path / "run"
    with pytest.raises(TargetError, match="cannot enter the work folder"):
        await machine.run(machine.shell("pwd", work=str(work)))
    work.mkdir()
    show = f"pwd; cat {machine.folder}/f"
    _, output = await machine.run(machine.shell(show, work=str(work), files=(UploadFile("f", b"1"),)))
    assert output.decode() == f"{work}\n1"
    assert not list(work.iterdir())
    assert not machine.folder.exists()


async def test_a_symbolic_link_is_refused_as_the_folder(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    machine.folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TargetError, match="symbolic link"):
        await machine.run(machine.shell("echo ran >ran"))
    assert not list((tmp_path / "elsewhere").iterdir())


async def test_a_folder_with_other_things_is_never_removed(machine: Machine) -> None:
    machine.folder.mkdir()
    (machine.folder / "precious").write_text("kept")
    ended, _ = await machine.run(machine.shell("exit 0"))
    assert ended.code == 0
    assert (machine.folder / "precious").read_text() == "kept"


async def test_stdin_is_empty_and_the_group_is_its_own(machine: Machine) -> None:
    script = "cat; ls /proc/self/fd; cut -d ' ' -f 5 /proc/$$/stat; echo $$; umask"
    _, output = await machine.run(machine.shell(script))
    *descriptors, group, pid, umask = output.decode().split()
    assert descriptors == ["0", "1", "2", "3"]  # 3 is the listing's own
    assert group == pid
    assert umask != "0077"


async def test_interrupts_are_not_ignored(machine: Machine) -> None:
    ended, _ = await machine.run(machine.shell("kill -INT $$; echo survived"))
    assert ended.code == 130


async def test_any_bytes_come_through(machine: Machine) -> None:
    ended, output = await machine.run(
        machine.launch(sys.executable, "-c", "import os; os.write(1, bytes(range(256)) * 8 + b'no line end')")
    )
    assert ended.code == 0
    assert output == bytes(range(256)) * 8 + b"no line end"


async def test_a_hundred_thousand_lines(machine: Machine) -> None:
    _, output = await machine.run(machine.launch("seq", "100000"))
    assert output == b"".join(b"%d\n" % number for number in range(1, 100_001))


async def test_a_line_of_ten_megabytes(machine: Machine) -> None:
    _, output = await machine.run(machine.launch(sys.executable, "-c", "print('x' * 10_000_000)"))
    assert output == b"x" * 10_000_000 + b"\n"


async def test_a_slow_reader_holds_the_operation_back(machine: Machine) -> None:
    received = bytearray()
    connection = await machine.transport.connect(machine.node)
    launch = machine.launch(sys.executable, "-c", "import os\nfor n in range(600): os.write(1, b'x' * 65536)")
    process = await connection.start(launch, received.extend)
    await until(lambda: received)
    process.pause_reading()
    await asyncio.sleep(0.5)
    before = len(received)
    await asyncio.sleep(0.5)
    assert len(received) == before
    assert before < 600 * 65536
    assert alive(await known_group(process)), "it ran on although nobody read"
    process.resume_reading()
    assert (await process.exited()).code == 0
    assert len(received) == 600 * 65536
    await process.settle(clean=True)
    await connection.close()


async def test_a_daemon_that_keeps_the_output_open_holds_nobody_up(machine: Machine, tmp_path: Path) -> None:
    ended, output = await machine.run(machine.shell(f"sleep 600 & echo $! >{tmp_path}/pid; echo started"))
    daemon = int((tmp_path / "pid").read_text())
    assert (ended.code, output) == (0, b"started\n")
    os.kill(daemon, 0)  # it was left alone
    os.kill(daemon, 9)


async def test_an_exit_nobody_settled_is_adopted(machine: Machine, tmp_path: Path) -> None:
    launch = machine.shell(f"echo ran >>{tmp_path}/runs; echo result >out; sleep 0.1", collect=("out",))
    connection = await machine.transport.connect(machine.node)
    process = await connection.start(launch, lambda _: None)
    first = await process.exited()
    await connection.close()
    second, _ = await machine.run(launch)
    assert (first.adopted, second.adopted) == (False, True)
    assert second == msgspec.structs.replace(first, adopted=True)
    assert second.collected == {"out": b"result\n"}
    assert (tmp_path / "runs").read_text() == "ran\n"


async def test_a_settled_token_may_run_again(machine: Machine, tmp_path: Path) -> None:
    launch = machine.shell(f"echo ran >>{tmp_path}/runs")
    connection = await machine.transport.connect(machine.node)
    process = await connection.start(launch, lambda _: None)
    await process.exited()
    await process.settle(clean=False)
    await until(lambda: not list(machine.folder.glob(".t-*.rc")))
    ended, _ = await machine.run(launch, connection)
    await connection.close()
    assert not ended.adopted
    assert (tmp_path / "runs").read_text() == "ran\nran\n"


async def test_operations_run_one_after_another_and_together(machine: Machine) -> None:
    connection = await machine.transport.connect(machine.node)
    folder = machine.folder

    async def one(number: int) -> bytes:
        launch = machine.shell(f"sleep 0.2; echo {number}", folder=f"{folder}-{number}")
        return (await machine.run(launch, connection))[1]

    assert await asyncio.gather(*(one(number) for number in range(8))) == [b"%d\n" % number for number in range(8)]
    await connection.close()


async def test_abort_ends_the_whole_group(machine: Machine) -> None:
    strayed = nap()
    stubborn = f"trap '' TERM; (trap '' TERM; sleep 300; sleep 300) & setsid {strayed} & sleep 300; sleep 300"
    connection = await machine.transport.connect(machine.node)
    process = await connection.start(machine.shell(stubborn), lambda _: None)
    group = await known_group(process)
    await until(lambda: len(alive(group)) >= 3)
    assert await process.abort() == Kill("killed", group)
    assert alive(group) == []
    assert running(strayed) == []
    with pytest.raises(TargetError, match="aborted"):
        await process.exited()
    await until(lambda: not machine.folder.exists())
    await connection.close()


async def test_abort_lets_an_operation_end_itself(machine: Machine, tmp_path: Path) -> None:
    connection = await machine.transport.connect(machine.node)
    script = f"trap 'touch {tmp_path}/tidied; exit 0' TERM; touch {tmp_path}/up; sleep 300 & wait"
    process = await connection.start(machine.shell(script), lambda _: None)
    await until((tmp_path / "up").exists)
    assert (await process.abort()).outcome == "killed"
    assert (tmp_path / "tidied").exists()
    await connection.close()


async def test_abort_right_after_the_start_finds_it(machine: Machine) -> None:
    connection = await machine.transport.connect(machine.node)
    process = await connection.start(machine.launch("sleep", "300"), lambda _: None)
    kill = await process.abort()
    assert kill.outcome == "killed"
    assert alive(kill.group or 0) == []
    await connection.close()


async def test_abort_after_the_end_says_so(machine: Machine) -> None:
    connection = await machine.transport.connect(machine.node)
    process = await connection.start(machine.launch("true"), lambda _: None)
    await process.exited()
    assert (await process.abort()).outcome == "already gone"
    await until(lambda: not machine.folder.exists())
    await connection.close()


async def test_abort_while_reading_is_paused(machine: Machine) -> None:
    connection = await machine.transport.connect(machine.node)
    process = await connection.start(machine.launch("yes"), lambda _: None)
    group = await known_group(process)
    process.pause_reading()
    await asyncio.sleep(0.3)
    assert await process.abort() == Kill("killed", group)
    assert alive(group) == []
    await connection.close()


async def test_closing_ends_what_still_runs(machine: Machine) -> None:
    connection = await machine.transport.connect(machine.node)
    process = await connection.start(machine.shell("sleep 300 & sleep 300"), lambda _: None)
    group = await known_group(process)
    await connection.close()
    await until(lambda: not alive(group))


async def test_files_of_any_size_are_copied(machine: Machine, tmp_path: Path) -> None:
    source, there, back = tmp_path / "source", tmp_path / "there", tmp_path / "back"
    source.write_bytes(os.urandom(3_000_001))
    source.chmod(0o750)
    connection = await machine.transport.connect(machine.node)
    await connection.upload(str(source), str(there))
    await connection.download(str(there), str(back))
    await connection.close()
    assert back.read_bytes() == there.read_bytes() == source.read_bytes()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (there, back)} == {0o750}


async def test_no_secret_shows_in_the_process_table(machine: Machine) -> None:
    connection = await machine.transport.connect(machine.node)
    launch = machine.launch("sleep", "300", environment=(("WORD", "hunter2-secret"),))
    process = await connection.start(launch, lambda _: None)
    await known_group(process)
    await asyncio.sleep(0.2)
    lines = b"".join(_command_line(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    assert b"300" in lines
    assert b"hunter2" not in lines
    await process.abort()
    await connection.close()


def _command_line(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""
