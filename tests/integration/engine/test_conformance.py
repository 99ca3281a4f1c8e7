"""Numbered checks that need a whole job and that no feature's own tests prove (spec section 14)."""

import asyncio
import json
import re
from pathlib import Path

import msgspec
import pytest
from tests.commands import Commands
from tests.jobs import Bench, Document, document, group, local_nodes, operation, phase, ssh_keys, ssh_nodes
from tests.passwordserver import PLAIN
from tests.sshd import Sshd, free_port

from pilothouse.engine.events import NodeEnded, NodeStarted, PhaseEnded
from pilothouse.errors import DocumentError, UsageError
from pilothouse.jobs.plan import Selection
from pilothouse.jobs.states import State

KEY = "peerpasskey1"
SEALED = "03908cb126a41b5312ec"
TIMED = re.compile(r"\d\d:\d\d:\d\d ")
HEX = 'printf %s "$2" | od -An -v -tx1 | tr -d " \\n"; echo'


@pytest.fixture
def trusting(bench: Bench) -> Bench:
    """A bench for servers of the test's own keys, with the documented password key and no key to log in by."""
    changes = {"host_keys": "accept-any", "identities": (), "password_key": KEY, "connect_timeout": 5.0}
    return Bench(msgspec.structs.replace(bench.settings, **changes))


def app_node(port: int, password: str, **more: object) -> Document:
    reach = {"host": "127.0.0.1", "protocol": "ssh", "protocolPort": port, "username": "app", "password": password}
    return {"resourceId": 5000, "port": 7000, "nodeName": "n", **reach, **more}


def bare(log: str) -> list[str]:
    """Return the lines of a log without their times, each of which must be there."""
    lines = log.split("\n")
    assert lines.pop() == ""
    assert all(TIMED.match(line) for line in lines)
    return [line[9:] for line in lines]


@pytest.mark.parametrize("form", ["{ENCRYPTED}", "{RC4}", "RC4:"])
async def test_check_7_every_form_of_a_sealed_node_password_logs_in(
    trusting: Bench, password_port: int, form: str
) -> None:
    doc = document("7001", group(0, phase("p", operation("say", "echo in"))))
    result = await trusting.run(doc, [app_node(password_port, form + SEALED)])
    assert result.state is State.SUCCEEDED, trusting.recorder.of(NodeEnded)
    assert "in" in bare(trusting.log("7001", "p", "127.0.0.1-7000-5000"))
    for path in trusting.files("7001"):
        assert PLAIN.encode() not in path.read_bytes(), path


async def test_check_31_a_job_parameter_reaches_option_and_argument_in_order(bench: Bench) -> None:
    opt = {"zeta": "1", "who": "${who}", "alpha": "${who}!"}
    doc = document(
        "7031",
        group(
            0,
            phase("p", operation("say", 'echo "$*"', "runner", opt=opt, arg=[{"type": "text", "value": "to ${who}"}])),
        ),
        opt={"who": "world"},
    )
    assert (await bench.run(doc)).state is State.SUCCEEDED
    assert "--zeta 1 --who world --alpha world! to world" in bare(bench.log("7031", "p", "local-0-0"))


async def test_check_33_an_output_of_one_target_operation_reaches_the_next_of_the_same_node(
    bench: Bench, sshd: Sshd
) -> None:
    make = operation("make", 'printf \'{"v": "%s"}\' "$NODE_NAME" > "$OUTPUT_PATH"', output={"v": {}})
    use = operation("use", 'echo "got $1"', arg=[{"type": "text", "value": "${p.make_1.v}"}])
    await bench.run(document("7033", group(0, phase("p", make, use))), ssh_nodes(sshd, 2))
    for number, key in enumerate(ssh_keys(sshd, 2), 1):
        assert f"got web-{number}" in bare(bench.log("7033", "p", key))


async def test_check_36_names_of_the_runners_environment_stay_as_they_are(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITE_SECRET", "leaked")
    words = ["$HOME", "${SITE_SECRET}"]
    doc = document(
        "7036",
        group(0, phase("p", operation("say", 'echo "$1 $2"', arg=[{"type": "text", "value": word} for word in words]))),
    )
    await bench.run(doc, local_nodes(1))
    assert "$HOME ${SITE_SECRET}" in bare(bench.log("7036", "p", "127.0.0.1-7001-5001"))


async def test_check_38_the_input_record_shows_no_secret(bench: Bench) -> None:
    doc = document(
        "7038",
        group(0, phase("p", operation("use", 'echo "${#2}"', "runner", opt={"pw": "S3cret"}, desc={"pw": "password"}))),
    )
    await bench.run(doc)
    assert bench.json("7038", "input", "local-0-0.json")["use_1"]["options"] == {"pw": "******"}
    assert "6" in bare(bench.log("7038", "p", "local-0-0"))


async def test_check_39_a_textarea_is_one_line_for_the_program_and_masked_in_the_log(bench: Bench, sshd: Sshd) -> None:
    text = "first\npassword=abcde"
    doc = document(
        "7039",
        group(0, phase("p", operation("use", HEX, opt={"text": text}, desc={"text": "textarea"}))),
    )
    await bench.run(doc, ssh_nodes(sshd, 1))
    log = bench.log("7039", "p", ssh_keys(sshd, 1)[0])
    assert rb"first\npassword=abcde".hex() in bare(log)
    assert r"first\npassword=******" in log
    assert "abcde" not in log


async def test_check_41_defaults_fill_in_and_undeclared_outputs_stay(bench: Bench) -> None:
    make = operation(
        "make",
        'echo \'{"extra": [1]}\' > "$OUTPUT_PATH"',
        output={"missing": {"type": "text", "defaultValue": "none"}},
    )
    await bench.run(document("7041", group(0, phase("p", make))), local_nodes(1))
    kept = bench.json("7041", "output", "127.0.0.1-7001-5001.json")["make_1"]
    assert kept == {"extra": [1], "missing": "none"}


@pytest.mark.parametrize("kind", ["target", "runner"])
async def test_check_43_what_an_operation_without_outputs_writes_is_no_entry(bench: Bench, kind: str) -> None:
    make = operation("make", 'echo \'{"v": 1}\' > "$OUTPUT_PATH"', kind, output=None)
    await bench.run(document("7043", group(0, phase("p", make))), local_nodes(1))
    files = list((bench.space("7043").root / "output").glob("*.json"))
    assert [path for path in files if "make_1" in json.loads(path.read_text("utf-8"))] == []


async def test_check_44_live_data_lie_where_the_server_looks(bench: Bench) -> None:
    doc = document("7044", group(0, phase("p", operation("live", 'echo \'{"n": 1}\' > "$LIVEDATA_PATH"', "runner"))))
    assert (await bench.run(doc)).state is State.SUCCEEDED
    assert bench.json("7044", "livedata", "p", "local-0-0", "live_1.json") == {"n": 1}


async def test_check_46_targets_see_every_documented_variable(bench: Bench, sshd: Sshd) -> None:
    names = ("HISTSIZE", "NODE_HOST", "NODE_PORT", "NODE_NAME", "AUTOEXEC_JOBID", "AUTOEXEC_NODE")
    script = "".join(f'printf "%s=%s\\n" {name} "${name}"; ' for name in names)
    target = {**ssh_nodes(sshd, 1)[0], "password": "Hidden.word1"}
    await bench.run(document("7046", group(0, phase("p", operation("env", script)))), [target])
    found = dict(line.split("=", 1) for line in bare(bench.log("7046", "p", ssh_keys(sshd, 1)[0])) if "=" in line[:20])
    node = json.loads(found["AUTOEXEC_NODE"])
    assert (node["password"], node["resourceId"], node["nodeName"]) == ("", 6001, "web-1")
    assert [found[name] for name in names[:5]] == ["0", "127.0.0.1", "8001", "web-1", "7046"]


async def test_check_57_nodes_without_header_and_nodes_of_the_document_run(tmp_path: Path, sshd: Sshd) -> None:
    commands = Commands(tmp_path, sshd)
    doc = document("7057", group(0, phase("p", operation("x", "true"))))
    for job_id, job, nodes in (("7057", doc, local_nodes(2)), ("7058", {**doc, "runNode": local_nodes(2)}, [])):
        params, *_, file = commands.write({**job, "jobId": job_id}, nodes)
        words = ("--nodesfile", file) if nodes else ()
        commands.autoexec("--devmode", "--jobid", job_id, "--firstfire", "--paramsfile", params, *words)
        status = commands.home.joinpath("data/job", job_id[:3], job_id[3:], "status/p")
        assert len(list(status.iterdir())) == 2


async def test_check_58_a_node_without_runner_runs_and_no_node_at_all_is_refused(bench: Bench) -> None:
    doc = document("7058", group(0, phase("p", operation("x", "true"))))
    (target,) = local_nodes(1)
    assert "runnerId" not in target
    await bench.run(doc, [target])
    assert [event.node.resource_id for event in bench.recorder.of(NodeStarted)] == [5001]
    with pytest.raises(DocumentError, match="no node"):
        bench.request(doc, [{"totalCount": 0}])


async def test_check_59_a_phase_of_both_sides_is_refused_whole(bench: Bench) -> None:
    mixed = phase("p", operation("here", "touch file/ran", "runner"), operation("there", "true"))
    with pytest.raises(DocumentError) as caught:
        await bench.run(document("7059", group(0, mixed)), local_nodes(2))
    assert "$.runFlow[0].phases[0]" in str(caught.value)
    assert not bench.space("7059").root.exists()


async def test_check_74_a_log_over_ssh_holds_engine_lines_and_output_only(bench: Bench, sshd: Sshd) -> None:
    doc = document("7074", group(0, phase("p", operation("say", 'printf "a\\r\\n"; echo b >&2'))))
    await bench.run(doc, ssh_nodes(sshd, 1))
    path = bench.space("7074").root / "log" / "p" / f"{ssh_keys(sshd, 1)[0]}.txt"
    log = path.read_bytes().decode()
    assert "\r" not in log
    lines = bare(log)
    start = lines.index("------START--[say_1] target execution start...")
    end = next(number for number, line in enumerate(lines) if line.startswith("FINE: Execute operation"))
    assert (lines[start + 2], lines[end - 1]) == ("a", "b")
    assert "logout" not in log


async def test_check_76_refusals_come_soon_and_say_why(
    trusting: Bench, password_port: int, sshd: Sshd, bench: Bench
) -> None:
    bad = [
        app_node(password_port, "wrong-one"),
        app_node(free_port(), "x", resourceId=5001),
        app_node(password_port, "x", resourceId=5002, protocol="tagent"),
    ]
    doc = document("7076", group(0, phase("p", operation("x", "echo in"))))
    async with asyncio.timeout(30):
        assert (await trusting.run(doc, bad)).state is State.FAILED
    reasons = {event.node.resource_id: event.reason for event in trusting.recorder.of(NodeEnded)}
    for number, word in ((5000, "password"), (5001, "refuses connections"), (5002, "tagent")):
        assert word in reasons[number]
    assert "wrong-one" not in str(reasons)
    assert (await bench.run(doc, [{**ssh_nodes(sshd, 1)[0], "password": ""}], force=True)).state is State.SUCCEEDED


@pytest.mark.parametrize("protocol", ["local", "ssh"])
async def test_check_77_output_of_any_kind_is_complete(bench: Bench, sshd: Sshd, protocol: str, tmp_path: Path) -> None:
    mixed = "\u4e2d\u6587 gbk\n".encode("gbk") + "\u4e2d\u6587 utf-8\n".encode() + b"\xff\xfe\x80 odd\n"
    payload = mixed + b"m" * 2**20 + b"\n" + b"".join(b"%d\n" % n for n in range(100_000)) + b"no end"
    source = tmp_path / "payload"
    source.write_bytes(payload)
    targets = ssh_nodes(sshd, 1) if protocol == "ssh" else local_nodes(1)
    result = await bench.run(document("7077", group(0, phase("p", operation("say", f"cat {source}")))), targets)
    assert result.state is State.SUCCEEDED
    (path,) = (bench.space("7077").root / "log" / "p").glob("*.txt")
    lines = bare(path.read_text("utf-8"))
    start = lines.index("\u4e2d\u6587 gbk")
    assert lines[start + 1] == "\u4e2d\u6587 utf-8"
    assert lines[start + 2].endswith(" odd")
    assert lines[start + 3] == "m" * 2**20
    assert lines[start + 4 : start + 100_004] == [str(n) for n in range(100_000)]
    assert lines[start + 100_004] == "no end"


async def test_an_unknown_selection_is_an_error_d46(bench: Bench) -> None:
    doc = document("7046", group(0, phase("p", operation("x", "true"))))
    for selection in (Selection(groups=(9,)), Selection(phases=("q",)), Selection(nodes=(1,))):
        with pytest.raises(UsageError):
            await bench.run(doc, local_nodes(1), selection=selection)


async def test_a_quote_in_the_name_of_a_node_breaks_nothing_d19(bench: Bench, sshd: Sshd) -> None:
    name = """it's "web" `1` $(id)"""
    target = {**ssh_nodes(sshd, 1)[0], "nodeName": name}
    doc = document("7119", group(0, phase("p", operation("say", 'echo "<$NODE_NAME>"; echo "$AUTOEXEC_NODE"'))))
    assert (await bench.run(doc, [target])).state is State.SUCCEEDED
    lines = bare(bench.log("7119", "p", ssh_keys(sshd, 1)[0]))
    said = lines.index(f"<{name}>")
    assert json.loads(lines[said + 1])["nodeName"] == name


async def test_a_phase_without_a_node_on_this_runner_says_so_and_succeeds(bench: Bench) -> None:
    doc = document("7158", group(0, phase("p", operation("x", "true"))), group(1, phase("q", operation("y", "true"))))
    targets = [{**node, "runnerId": 2} for node in local_nodes(2)]
    assert (await bench.run(doc, targets)).state is State.SUCCEEDED
    assert [event.phase for event in bench.recorder.of(PhaseEnded)] == ["p", "q"]
    assert "phase p has no node on this runner" in bench.space("7158").console.read_text("utf-8")
    assert bench.recorder.of(NodeStarted) == []
