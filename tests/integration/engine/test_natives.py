"""Native operations in whole jobs (spec section 6.7; checks 63 and 64)."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from tests.blocks import native, when, words
from tests.jobs import Bench, Document, document, group, local_nodes, operation, phase
from tests.machine import nap, running, until

from pilothouse.engine.control import Control
from pilothouse.engine.events import Lines, OperationEnded, OperationStarted
from pilothouse.engine.link import Standalone
from pilothouse.engine.runner import run_job
from pilothouse.jobs.states import State
from pilothouse.transports.local import LocalTransport

KEYS = ["127.0.0.1-7001-5001", "127.0.0.1-7002-5002"]


def states(bench: Bench, resource_id: int = 5001) -> dict[str, State]:
    return {e.operation: e.state for e in bench.recorder.of(OperationEnded) if e.node.resource_id == resource_id}


def said(bench: Bench, job_id: str, phase_name: str = "p", key: str = KEYS[0]) -> list[str]:
    return [line[9:] for line in bench.log(job_id, phase_name, key).splitlines()]


class Told(Standalone):
    """A control server's side that keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    async def set_variable(self, job_id: str, name: str, value: str, *, hidden: bool) -> None:
        self.calls.append((job_id, name, value, hidden))

    async def set_global_parameter(self, job_id: str, name: str, value: str) -> None:
        self.calls.append((job_id, name, value))


async def run_linked(bench: Bench, doc: Document, told: Told) -> State:
    request = bench.request(doc, local_nodes(1))
    space = bench.space(request.job.id)
    result = await run_job(request, space, bench.settings, transports={"local": LocalTransport()}, link=told)
    return result.state


async def test_echo_and_failjob(bench: Bench) -> None:
    doc = document(
        "2101",
        group(0, phase("p", native("echo", "a ", "${who}"), native("failjob", "no", "more"), native("echo", number=2))),
        opt={"who": "world"},
    )
    assert (await bench.run(doc, local_nodes(1))).state is State.FAILED
    lines = said(bench, "2101")
    assert "a world" in lines
    assert "ERROR: no more" in lines
    assert "ERROR: native/failjob_1: no more" in lines
    assert list(states(bench)) == ["native/echo_1", "native/failjob_1"]


async def test_a_node_variable_is_seen_by_that_node_only_and_lasts_check_64(bench: Bench) -> None:
    first = when("w", '$NODE_NAME == "n1"', [native("setenv", name="PORT", value="80${NODE_PORT}", scope="node")])
    show = native("echo", "port is ${PORT}")
    decide = when("p", "$PORT = 807001", [native("echo", "mine", number=2)], [native("echo", "not mine", number=3)])
    again = operation("again", "[ -e file/mended ]", "runner_target")
    doc = document("2102", group(0, phase("p", first, show, decide, again)))
    assert (await bench.run(doc, local_nodes(2))).state is State.FAILED
    assert {"port is 807001", "mine"} <= set(said(bench, "2102"))
    assert {"port is ${PORT}", "not mine"} <= set(said(bench, "2102", key=KEYS[1]))
    assert bench.json("2102", "output", f"{KEYS[0]}.json")["nodeEnv"] == {"PORT": "807001"}

    doc["runFlow"][0]["phases"][0]["operations"] += [native("echo", "still ${PORT}", number=4)]
    (bench.space("2102").root / "file" / "mended").touch()
    assert (await bench.run(doc, local_nodes(2))).state is State.SUCCEEDED
    assert "native/setenv_1" not in states(bench)
    assert "still 807001" in said(bench, "2102")


async def test_a_variable_of_the_only_node_does_not_become_the_runners(bench: Bench) -> None:
    doc = document(
        "2103",
        group(0, phase("p", native("setenv", name="X", value="far"))),
        group(1, phase("q", native("echo", "x is ${X}"), phaseType="runner")),
    )
    assert (await bench.run(doc, local_nodes(1))).state is State.SUCCEEDED
    assert "x is ${X}" in said(bench, "2103", "q", "local-0-0")


async def test_a_global_variable_is_seen_everywhere_later_lasts_and_is_reported_check_64(bench: Bench) -> None:
    doc = document(
        "2104",
        group(0, phase("p", native("setenv", name="RELEASE", value="1.2.3", scope="global"))),
        group(
            1,
            phase("near", operation("near", 'echo "env $RELEASE"; [ -e file/mended ]', "runner")),
            phase("far", native("echo", "far ${RELEASE}"), phaseType="target"),
        ),
        environment={"RELEASE": "none"},
    )
    told = Told()
    assert await run_linked(bench, doc, told) is State.FAILED
    assert told.calls == [("2104", "RELEASE", "1.2.3", False)]
    (bench.space("2104").root / "file" / "mended").touch()
    assert (await bench.run(doc, local_nodes(1))).state is State.SUCCEEDED
    assert "env 1.2.3" in said(bench, "2104", "near", "local-0-0")
    decided = when("v", '$RELEASE = "1.2.3"', [native("echo", "later ${RELEASE}")])
    doc["runFlow"].append(group(2, phase("later", decided, phaseType="target")))
    assert (await bench.run(doc, local_nodes(1))).state is State.SUCCEEDED
    assert "later 1.2.3" in said(bench, "2104", "later")


async def test_hidden_values_are_masked_everywhere_also_after_a_restart(bench: Bench) -> None:
    secret = "s3cr3t-V41ue"
    doc = document(
        "2105",
        group(
            0,
            phase(
                "p",
                native("setenv", name="KEY", value="${word}", scope="${where}", hidden="1"),
                native("echo", "key ${KEY}"),
                operation("out", 'echo "out $1"; [ -e file/mended ]', "runner_target", arg=words("${KEY}")),
            ),
        ),
        opt={"word": secret, "where": "global"},
    )
    texts = []
    for expected in (State.FAILED, State.SUCCEEDED):
        assert (await bench.run(doc, local_nodes(2))).state is expected
        events = [*bench.recorder.of(Lines), *bench.recorder.of(OperationStarted)]
        texts += [str(event) for event in events if not getattr(event, "operation", "").startswith("out")]
        (bench.space("2105").root / "file" / "mended").touch()
    assert not [text for text in texts if secret in text]
    assert "key ******" in said(bench, "2105") or "out ******" in said(bench, "2105")
    for path in bench.files("2105"):
        if "log" in path.parts or "status" in path.parts:
            assert secret not in path.read_text("utf-8"), path


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("$(echo ran)", "text", "$(echo ran)"),
        ("a-$(echo ran; echo noise >&2)-$(printf '%s)' \"$who\")", "rawtext", 'a-ran-it\'s $(id) "x")'),
        ("$(echo ${NODE_NAME} $L)", "rawtext", "n1 set"),
        ("${who} `id`", "rawtext", 'it\'s $(id) "x" `id`'),
    ],
)
async def test_commands_in_values_run_only_where_the_document_says_so(
    bench: Bench, value: str, kind: str, expected: str
) -> None:
    """What references bring along is data: it never becomes part of a command."""
    doc = document(
        "2106",
        group(
            0,
            phase("p", native("setenv", name="L", value="set"),
                  native("setenv", name="V", value=value, desc={"value": kind}, number=2)),
        ),
        opt={"who": "it's $(id) \"x\""},
    )  # fmt: skip
    assert (await bench.run(doc, local_nodes(1))).state is State.SUCCEEDED
    assert bench.json("2106", "output", f"{KEYS[0]}.json")["nodeEnv"]["V"] == expected


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"name": "V", "value": "$(exit 3)"}, "$(exit 3) ended with exit code 3"),
        ({"name": "V", "value": "$(echo ${p.x_1.v})"}, "outputs are not put into commands"),
        ({"name": "not one", "value": "x"}, "cannot name a variable"),
        ({"value": "x"}, "needs the option name"),
        ({"name": "V", "value": "x", "scope": "world"}, "scope 'world' is not known"),
        ({"name": "PATH", "value": "/tmp", "scope": "global"}, "PATH is the runner's own"),
    ],
)
async def test_setenv_refuses_what_it_cannot_do(bench: Bench, options: Document, reason: str) -> None:
    make = operation("x", 'echo \'{"v": "1"}\' > "$OUTPUT_PATH"', "runner_target", output={"v": {}})
    doc = document("2107", group(0, phase("p", make, native("setenv", desc={"value": "rawtext"}, **options))))
    assert (await bench.run(doc, local_nodes(1))).state is State.FAILED
    assert any(reason in line for line in said(bench, "2107"))


async def test_the_previous_operations_end_becomes_a_variable(bench: Bench) -> None:
    doc = document(
        "2108",
        group(
            0,
            phase(
                "p",
                native("extractprestepstatus", envname="S0", number=0),
                operation("work", "exit 4", "runner_target", failIgnore=1),
                native("extractprestepstatus", envname="S1"),
                native("extractprestepstatus", envname="S2", scope="global", number=2),
                when("w", '$S1 = "ignored" and $S2 = "succeed"', [native("echo", "as told")]),
            ),
        ),
    )
    assert (await bench.run(doc, local_nodes(1))).state is State.COMPLETED
    assert "as told" in said(bench, "2108")
    assert any("no operation has ended before" in line for line in said(bench, "2108"))


async def test_exports_and_global_parameters_go_to_the_server_and_only_warn_without_one(bench: Bench) -> None:
    doc = document(
        "2109",
        group(
            0,
            phase(
                "p",
                native("export", "A", "B", "NONE", hidden="1"),
                native("updategparam", name="version", value="${A}"),
            ),
        ),
        opt={"A": "one"},
        environment={"B": "two"},
    )
    told = Told()
    assert await run_linked(bench, doc, told) is State.SUCCEEDED
    assert told.calls == [("2109", "A", "one", True), ("2109", "B", "two", True), ("2109", "version", "one")]
    doc["jobId"] = "2110"
    assert (await bench.run(doc, local_nodes(1))).state is State.SUCCEEDED
    warnings = [line for line in said(bench, "2110") if line.startswith("WARN")]
    assert len(warnings) == 4
    assert "WARN: the job has no variable NONE; it is not exported" in warnings


def alarmed(*operations: Document, **options: Any) -> Sequence[Document]:
    return (native("failkeys", "ORA-[0-9]+", "panic", exclude="harmless", **options), *operations)


async def test_failure_patterns_fail_the_operation_whose_line_matches_check_63(bench: Bench) -> None:
    """The verdict is one operation's: the next is judged by its own lines (D30)."""
    work = operation("work", "echo harmless ORA-1; echo ORA-942; echo panic", "runner_target", failIgnore=1)
    work["output"] = {"v": {"defaultValue": "x"}}
    fine = operation("fine", "echo all well", "runner_target")
    doc = document("2111", group(0, phase("p", *alarmed(work, fine))))
    assert (await bench.run(doc, local_nodes(1))).state is State.COMPLETED
    assert states(bench) == {"native/failkeys_1": State.SUCCEEDED, "work_1": State.FAILED, "fine_1": State.SUCCEEDED}
    lines = said(bench, "2111")
    assert lines.index("ORA-942") + 1 == lines.index("ERROR: a line matches the failure pattern ORA-[0-9]+ or panic")
    assert sum("matches the failure pattern" in line and line.startswith("ERROR") for line in lines) == 1
    assert bench.json("2111", "status", "p", f"{KEYS[0]}.json")["work_1"] == "failed"
    assert not (bench.space("2111").root / "output" / f"{KEYS[0]}.json").exists()


async def test_failure_patterns_are_armed_again_by_the_next_run_check_63(bench: Bench) -> None:
    stop = operation("stop", "[ -e file/mended ]", "runner_target")
    work = operation("work", "echo panic", "runner_target")
    doc = document("2112", group(0, phase("p", *alarmed(stop, work))))
    await bench.run(doc, local_nodes(1))
    assert states(bench)["stop_1"] is State.FAILED
    (bench.space("2112").root / "file" / "mended").touch()
    assert (await bench.run(doc, local_nodes(1))).state is State.FAILED
    assert states(bench)["work_1"] is State.FAILED


async def test_failure_patterns_all_of_one_line_or_only_warned_of(bench: Bench) -> None:
    work = operation("work", "echo panic; echo ORA-1; true", "runner_target")
    both = operation("both", "echo panic ORA-1", "runner_target")
    doc = document("2113", group(0, phase("p", *alarmed(work, both, operator="and", failIgnore=1))))
    assert (await bench.run(doc, local_nodes(1))).state is State.SUCCEEDED
    warnings = [line for line in said(bench, "2113") if line.startswith("WARN")]
    assert warnings == ["WARN: a line matches the failure pattern ORA-[0-9]+ and panic; only warned of"]
    doc = document("2114", group(0, phase("p", *alarmed(work, both, operator="and"))))
    assert (await bench.run(doc, local_nodes(1))).state is State.FAILED
    assert (states(bench)["work_1"], states(bench)["both_1"]) == (State.SUCCEEDED, State.FAILED)


async def test_a_broken_failure_pattern_is_refused(bench: Bench) -> None:
    doc = document("2115", group(0, phase("p", native("failkeys", "(")), phase("q", native("failkeys"))))
    assert (await bench.run(doc, local_nodes(1))).state is State.FAILED
    assert any("'(' is no regular expression" in line for line in said(bench, "2115"))


async def test_an_abort_ends_a_command_in_a_value(bench: Bench) -> None:
    command = nap()
    value = native("setenv", name="V", value=f"$({command})", desc={"value": "rawtext"})
    control = Control()
    job = asyncio.create_task(bench.run(document("2116", group(0, phase("p", value))), local_nodes(1), control=control))
    await until(lambda: running(command))
    control.abort()
    async with asyncio.timeout(30):
        assert (await job).state is State.ABORTED
    assert running(command) == []


async def test_phases_side_by_side_lose_none_of_a_nodes_variables(bench: Bench) -> None:
    phases = [phase(f"p{i}", native("setenv", name=f"V{i}", value=str(i))) for i in range(8)]
    assert (await bench.run(document("2117", group(0, *phases)), local_nodes(1))).state is State.SUCCEEDED
    kept = bench.json("2117", "output", f"{KEYS[0]}.json")["nodeEnv"]
    assert kept == {f"V{i}": str(i) for i in range(8)}
