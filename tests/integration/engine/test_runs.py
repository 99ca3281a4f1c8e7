"""Whole jobs on real processes and a real sshd: what runs, where, in which order, and what it hands on."""

import asyncio
from collections import Counter

import pytest
from tests.jobs import Bench, document, group, local_nodes, operation, phase, ssh_keys, ssh_nodes, tool
from tests.sshd import Sshd

from pilothouse.engine.events import Event, NodeEnded, NodeSkipped, NodeStarted, PhaseEnded
from pilothouse.errors import DocumentError, JobBusyError
from pilothouse.jobs.plan import Selection
from pilothouse.jobs.states import State
from pilothouse.secrets.vault import Vault

SAY_OUTPUT = 'printf \'{"v": "%s"}\' "$1" > "$OUTPUT_PATH"'
AWKWARD = ['a"b', "it's", "$(id)", "`id`", "trailing\\", "two\nlines", "中文", "x" * 10_000, "-n", "$HOME", ""]


async def test_values_flow_between_runner_target_and_runner_target(bench: Bench, sshd: Sshd) -> None:
    doc = document(
        "1001",
        group(
            0,
            phase(
                "first",
                operation("make", SAY_OUTPUT, "runner", arg=[{"type": "text", "value": "${who}"}], output={"v": {}}),
            ),
        ),
        group(
            1,
            phase(
                "second",
                operation(
                    "use",
                    'echo "got $1"; printf \'{"host": "%s", "more": 1}\' "$NODE_NAME" > "$OUTPUT_PATH"',
                    arg=[{"type": "text", "value": "${first.make_1.v}"}],
                    output={"host": {"type": "text"}, "missing": {"type": "text", "defaultValue": "none"}},
                ),
                operation(
                    "tell", 'echo "from $1"', "runner_target", arg=[{"type": "text", "value": "${second.use_1.host}"}]
                ),
            ),
        ),
        opt={"who": "world"},
    )
    result = await bench.run(doc, ssh_nodes(sshd, 2))
    assert result.state is State.SUCCEEDED
    for node in ssh_nodes(sshd, 2):
        key = f"{node['host']}-{node['port']}-{node['resourceId']}"
        log = bench.log("1001", "second", key)
        assert "got world" in log
        assert f"from {node['nodeName']}" in log
        kept = bench.json("1001", "output", f"{key}.json")["use_1"]
        assert kept == {"host": node["nodeName"], "more": 1, "missing": "none"}


@pytest.mark.parametrize("kind", ["target", "runner"])
async def test_values_arrive_byte_for_byte(bench: Bench, sshd: Sshd, kind: str) -> None:
    script = 'for word; do printf "%s" "$word" | od -An -v -tx1 | tr -d " \\n"; echo; done'
    doc = document(
        "1002",
        group(0, phase("p", operation("show", script, kind, arg=[{"type": "text", "value": v} for v in AWKWARD]))),
    )
    await bench.run(doc, ssh_nodes(sshd, 1))
    key = "local-0-0" if kind == "runner" else ssh_keys(sshd, 1)[0]
    lines = [line[9:] for line in bench.log("1002", "p", key).splitlines()]
    assert [value.encode().hex() for value in AWKWARD] == lines[lines.index(AWKWARD[0].encode().hex()) :][
        : len(AWKWARD)
    ]


@pytest.mark.parametrize(("divisor", "most"), [(1, 10), (5, 2), (10, 1), (0, 1), (64, 1)])
async def test_one_shot_runs_as_many_nodes_at_a_time_as_documented(bench: Bench, divisor: int, most: int) -> None:
    doc = document("1003", group(0, phase("p", operation("nap", "sleep 0.15")), roundCount=divisor))
    await bench.run(doc, local_nodes(10))
    assert _concurrency(bench.recorder.events) == most


async def test_gray_scale_rounds_are_barriers_also_in_the_last_round(bench: Bench) -> None:
    doc = document(
        "1004",
        group(
            0,
            phase("a", operation("one", "sleep 0.$((NODE_PORT % 3))")),
            phase("mid", operation("here", "true", "runner"), execRound="middle"),
            phase("b", operation("two", "true")),
            execStrategy="grayScale",
            roundCount=2,
        ),
    )
    result = await bench.run(doc, local_nodes(5))
    assert result.state is State.SUCCEEDED
    order = [
        (event.phase, type(event) is NodeEnded, event.node.resource_id)
        for event in bench.recorder.events
        if isinstance(event, NodeStarted | NodeEnded)
    ]
    turns = [
        ("a", {5001, 5002, 5003}),
        ("mid", {0}),
        ("b", {5001, 5002, 5003}),
        ("a", {5004, 5005}),
        ("b", {5004, 5005}),
    ]
    for name, members in turns:
        part, order = order[: 2 * len(members)], order[2 * len(members) :]
        assert {(event[0], event[2]) for event in part} == {(name, member) for member in members}
    assert order == []


async def test_phases_of_a_one_shot_group_run_side_by_side(bench: Bench) -> None:
    meet = "touch {0}; for i in $(seq 100); do [ -e {1} ] && exit 0; sleep 0.05; done; exit 1"
    doc = document(
        "1005",
        group(
            0,
            phase("a", operation("x", meet.format("file/a", "file/b"), "runner")),
            phase("b", operation("y", meet.format("file/b", "file/a"), "runner")),
        ),
    )
    assert (await bench.run(doc)).state is State.SUCCEEDED


async def test_a_failure_stops_the_feeding_and_the_next_run_goes_on(bench: Bench) -> None:
    doc = document(
        "1006",
        group(
            0,
            phase("p", operation("work", '[ -e file/mended ] || [ "$NODE_PORT" != 7002 ]', "runner_target")),
            roundCount=10,
        ),
        group(1, phase("later", operation("end", "true", "runner"))),
    )
    result = await bench.run(doc, local_nodes(10))
    assert result.state is State.FAILED
    started = [event.node.resource_id for event in bench.recorder.of(NodeStarted)]
    assert started[:2] == [5001, 5002]
    assert len(started) <= 3
    status = bench.space("1006").root / "status"
    assert not (status / "later").exists()
    assert len(list((status / "p").iterdir())) == len(started)
    assert bench.json("1006", "status", "p", "127.0.0.1-7002-5002.json")["status"] == "failed"

    (bench.space("1006").root / "file" / "mended").touch()
    assert (await bench.run(doc, local_nodes(10))).state is State.SUCCEEDED
    assert [event.node.resource_id for event in bench.recorder.of(NodeSkipped)] == [5001]
    again = [event.node.resource_id for event in bench.recorder.of(NodeStarted)]
    assert again == [*range(5002, 5011), 0]

    assert (await bench.run(doc, local_nodes(10), force=True)).state is State.SUCCEEDED
    assert len(bench.recorder.of(NodeStarted)) == 11


async def test_an_ignored_failure_lets_the_node_go_on_and_be_ignored(bench: Bench) -> None:
    doc = document(
        "1007", group(0, phase("p", operation("bad", "exit 3", failIgnore=1), operation("good", "echo reached")))
    )
    result = await bench.run(doc, local_nodes(1))
    assert result.state is State.COMPLETED
    assert "reached" in bench.log("1007", "p", "127.0.0.1-7001-5001")
    status = bench.json("1007", "status", "p", "127.0.0.1-7001-5001.json")
    assert (status["status"], status["bad_1"], status["good_1"]) == ("ignored", "failed", "succeed")


async def test_operations_that_succeeded_are_not_repeated_on_a_node_that_failed(bench: Bench) -> None:
    doc = document(
        "1008",
        group(
            0,
            phase(
                "p",
                operation(
                    "once", 'echo x >> file/count; echo \'{"v": "kept"}\' > "$OUTPUT_PATH"', "runner", output={"v": {}}
                ),
                operation(
                    "twice",
                    '[ -e file/mended ] && echo "with $1"',
                    "runner",
                    arg=[{"type": "text", "value": "${p.once_1.v}"}],
                ),
            ),
        ),
    )
    assert (await bench.run(doc)).state is State.FAILED
    folder = bench.space("1008").root / "file"
    (folder / "mended").touch()
    assert (await bench.run(doc)).state is State.SUCCEEDED
    assert (folder / "count").read_text() == "x\n"
    assert "with kept" in bench.log("1008", "p", "local-0-0")


async def test_outputs_of_the_only_node_are_the_runners_too(bench: Bench, sshd: Sshd) -> None:
    def job(job_id: str) -> dict[str, object]:
        return document(
            job_id,
            group(
                0, phase("t", operation("make", SAY_OUTPUT, arg=[{"type": "text", "value": "far"}], output={"v": {}}))
            ),
            group(
                1,
                phase(
                    "r", operation("use", 'echo "near $1"', "runner", arg=[{"type": "text", "value": "${t.make_1.v}"}])
                ),
            ),
        )

    assert (await bench.run(job("1009"), ssh_nodes(sshd, 1))).state is State.SUCCEEDED
    assert "near far" in bench.log("1009", "r", "local-0-0")
    result = await bench.run(job("1010"), ssh_nodes(sshd, 2))
    assert result.state is State.FAILED
    assert "${t.make_1.v} cannot be resolved" in bench.log("1010", "r", "local-0-0")


async def test_a_file_that_a_target_hands_back_is_brought_to_the_runner(bench: Bench, sshd: Sshd) -> None:
    script = 'echo report > made.txt; echo \'{"report": "made.txt"}\' > "$OUTPUT_PATH"'
    doc = document("1011", group(0, phase("p", operation("make", script, output={"report": {"type": "filepath"}}))))
    assert (await bench.run(doc, ssh_nodes(sshd, 1))).state is State.SUCCEEDED
    key = ssh_keys(sshd, 1)[0]
    value = bench.json("1011", "output", f"{key}.json")["make_1"]["report"]
    assert value == f"output-op/{key}/make_1/made.txt"
    assert (bench.space("1011").root / value).read_text() == "report\n"


async def test_a_file_of_the_run_folder_is_laid_on_the_target(bench: Bench, sshd: Sshd) -> None:
    doc = document(
        "1012",
        group(0, phase("r", operation("make", "echo content > file/conf.txt", "runner"))),
        group(1, phase("t", operation("use", 'cat "$2"', opt={"conf": "file/conf.txt"}, desc={"conf": "filepath"}))),
    )
    assert (await bench.run(doc, ssh_nodes(sshd, 1))).state is State.SUCCEEDED
    assert "content" in bench.log("1012", "t", ssh_keys(sshd, 1)[0])


async def test_targets_see_the_documented_environment_and_no_password(bench: Bench, sshd: Sshd) -> None:
    doc = document("1013", group(0, phase("p", operation("env", "env | sort"))))
    targets = [{**ssh_nodes(sshd, 1)[0], "password": "Hidden.word1"}]
    await bench.run(doc, targets)
    log = bench.log("1013", "p", ssh_keys(sshd, 1)[0])
    for expected in (
        "AUTOEXEC_JOBID=1013",
        "NODE_HOST=127.0.0.1",
        "HISTSIZE=0",
        "OPERATION_ID=env_1",
        "AUTOEXEC_PHASE_NAME=p",
    ):
        assert expected in log
    assert '"password": ""' in log
    assert "Hidden.word1" not in log


async def test_secrets_reach_the_program_and_no_file(bench: Bench, sshd: Sshd) -> None:
    secret = "Str0ng'secret"
    script = 'echo "length ${#2}: $2"; echo "again $2" >&2'
    doc = document(
        "1014",
        group(
            0,
            phase("t", operation("use", script, opt={"pw": "${pass}"}, desc={"pw": "password"})),
            phase("r", operation("use2", script, "runner", opt={"pw": secret}, desc={"pw": "password"})),
        ),
        opt={"pass": secret},
    )
    await bench.run(doc, ssh_nodes(sshd, 1))
    for name, key in (("t", ssh_keys(sshd, 1)[0]), ("r", "local-0-0")):
        log = bench.log("1014", name, key)
        assert f"length {len(secret)}: ******" in log
        assert "again ******" in log
    for path in bench.files("1014"):
        assert secret.encode() not in path.read_bytes(), path


async def test_an_opened_job_parameter_is_masked_even_where_a_plain_option_uses_it(bench: Bench) -> None:
    sealed = Vault().seal("Opened.secret9")
    doc = document(
        "1021",
        group(0, phase("r", operation("use", 'echo "${#2}"', "runner", opt={"plain": "${pw}"}))),
        opt={"pw": sealed},
    )
    await bench.run(doc)
    assert "14" in bench.log("1021", "r", "local-0-0")
    for path in bench.files("1021"):
        assert b"Opened.secret9" not in path.read_bytes(), path


async def test_the_log_holds_the_operations_lines_and_nothing_of_the_login(bench: Bench, sshd: Sshd) -> None:
    doc = document("1015", group(0, phase("p", operation("say", 'printf "one\\r\\ntwo"; echo " end" >&2; exit 7'))))
    await bench.run(doc, ssh_nodes(sshd, 1))
    lines = bench.log("1015", "p", ssh_keys(sshd, 1)[0]).split("\n")
    assert lines.pop() == ""
    assert all(line[2] == ":" and line[5] == ":" and line[8] == " " for line in lines)
    bare = [line[9:] for line in lines]
    start = bare.index("------START--[say_1] target execution start...")
    assert bare[start + 2 : start + 4] == ["one", "two end"]
    assert "exit code 7" in bare[start + 4]


async def test_built_in_tools_run_on_both_sides(bench: Bench, sshd: Sshd) -> None:
    doc = document(
        "1016",
        group(0, phase("r", tool("demo/localdemo", "runner"))),
        group(1, phase("t", tool("demo/localremotedemo", "runner_target"), tool("demo/remotedemo", "target"))),
    )
    result = await bench.run(doc, ssh_nodes(sshd, 2))
    assert result.state is State.SUCCEEDED
    for key in ssh_keys(sshd, 2):
        kept = bench.json("1016", "output", f"{key}.json")
        assert kept["demo/remotedemo_1"]["outtext"] == "this is the text out value"


async def test_unreachable_nodes_fail_with_a_reason_and_the_others_go_on(bench: Bench, sshd: Sshd) -> None:
    good = ssh_nodes(sshd, 3)
    bad = [
        {**good[0], "resourceId": 900, "protocolPort": 1},
        {**good[0], "resourceId": 901, "host": "no-such-host.invalid"},
        {**good[0], "resourceId": 902, "protocol": "tagent"},
        {**good[0], "resourceId": 903, "username": "nobody-of-this-name"},
    ]
    doc = document("1017", group(0, phase("p", operation("say", "echo done"))))
    result = await bench.run(doc, [*bad, *good])
    assert result.state is State.FAILED
    ended = {event.node.resource_id: event for event in bench.recorder.of(NodeEnded)}
    assert Counter(event.state for event in ended.values()) == {State.FAILED: 4, State.SUCCEEDED: 3}
    for resource_id, word in (
        (900, "refuses"),
        (901, "no-such-host.invalid"),
        (902, "tagent"),
        (903, "nobody-of-this-name"),
    ):
        assert word in ended[resource_id].reason


async def test_an_operation_without_anything_to_run_is_refused_before_anything_starts(bench: Bench) -> None:
    doc = document(
        "1018",
        group(0, phase("a", operation("first", "touch file/started", "runner"))),
        group(1, phase("b", tool("demo/nosuchtool", "runner"), operation("x", "", "runner", scriptContent=None))),
    )
    with pytest.raises(DocumentError) as caught:
        await bench.run(doc)
    assert [problem.path for problem in caught.value.problems] == [
        "$.runFlow[1].phases[0].operations[0].opName",
        "$.runFlow[1].phases[0].operations[1].scriptContent",
    ]
    assert not (bench.space("1018").root / "file" / "started").exists()


async def test_a_second_engine_for_the_same_job_is_refused(bench: Bench) -> None:
    doc = document("1019", group(0, phase("p", operation("nap", "sleep 1", "runner"))))
    first = asyncio.create_task(bench.run(doc))
    await asyncio.sleep(0.4)
    with pytest.raises(JobBusyError, match="1019"):
        await bench.run(doc)
    assert (await first).state is State.SUCCEEDED


async def test_filters_choose_groups_phases_and_nodes(bench: Bench) -> None:
    doc = document(
        "1020",
        group(0, phase("a", operation("x", "true"))),
        group(1, phase("b", operation("y", "true")), phase("c", operation("z", "true"))),
    )
    await bench.run(doc, local_nodes(3), selection=Selection(phases=("b",), nodes=(5002,)))
    assert [(event.phase, event.node.resource_id) for event in bench.recorder.of(NodeStarted)] == [("b", 5002)]
    await bench.run(doc, local_nodes(3), selection=Selection(groups=(0,)))
    assert {event.phase for event in bench.recorder.of(PhaseEnded)} == {"a"}


def _concurrency(events: list[Event]) -> int:
    now = most = 0
    for event in events:
        if isinstance(event, NodeStarted):
            now += 1
            most = max(most, now)
        elif isinstance(event, NodeEnded):
            now -= 1
    return most


async def test_a_status_file_that_a_kill_left_behind_is_put_right(bench: Bench) -> None:
    doc = document("1022", group(0, phase("r", operation("x", "true", "runner"))))
    await bench.run(doc)
    path = bench.space("1022").root / "status/r/local-0-0.json"
    whole = path.read_text("utf-8")
    path.write_text(whole.replace('"status":"succeed"', '"status":"running"'), "utf-8")
    await bench.run(doc)
    assert bench.json("1022", "status", "r", "local-0-0.json")["status"] == "succeed"
    assert bench.json("1022", "status", "r", "local-0-0.json")["x_1"] == "succeed"
