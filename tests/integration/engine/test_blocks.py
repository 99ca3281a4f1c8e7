"""IF and LOOP blocks in whole jobs (spec sections 4.9 and 4.10, D29; check 61)."""

import asyncio
import json
from pathlib import Path

import pytest
from tests.blocks import loop, native, when, words
from tests.jobs import Bench, Document, document, group, local_nodes, operation, phase, ssh_keys, ssh_nodes
from tests.sshd import Sshd

from pilothouse.engine.control import Control
from pilothouse.engine.events import OperationEnded, OperationSkipped, OperationStarted
from pilothouse.engine.journal import Journal
from pilothouse.errors import DocumentError
from pilothouse.jobs.states import State

KEY = "127.0.0.1-7001-5001"


def say(name: str, text: str = "") -> Document:
    return native("echo", text or name, number=name)


def started(bench: Bench, resource_id: int = 5001) -> list[str]:
    return [event.operation for event in bench.recorder.of(OperationStarted) if event.node.resource_id == resource_id]


async def test_branches_and_loops_nest_and_run_in_order_check_61(bench: Bench) -> None:
    inner = when("deep", '$letter == "a" and $NODE_NAME == "n1"', [say("first")], [say("other")])
    doc = document(
        "2001",
        group(
            0,
            phase(
                "p",
                say("begin"),
                when(
                    "outer", '$MODE == "fast"', [loop("l", '["a","b"]', "letter", inner, say("each"))], [say("never")]
                ),
                when("else", '$MODE == "slow"', [say("not")], [say("yes")]),
                when("empty", '$MODE == "slow"', [say("nothing")]),
                say("end"),
            ),
        ),
        opt={"MODE": "fast"},
    )
    result = await bench.run(doc, local_nodes(2))
    assert result.state is State.SUCCEEDED
    expected = ["begin", "first#0", "each#0", "other#1", "each#1", "yes", "end"]
    assert started(bench) == [f"native/echo_{name}" for name in expected]
    expected[1] = "other#0"
    assert started(bench, 5002) == [f"native/echo_{name}" for name in expected]
    status = bench.json("2001", "status", "p", f"{KEY}.json")
    assert status["native/echo_each#1"] == "succeed"
    assert "native/IF-Block_outer" not in status
    log = bench.log("2001", "p", KEY)
    assert 'INFO: IF $MODE == "fast" -> true' in log
    assert "INFO: LOOP letter over 2 items: a, b" in log


async def test_outputs_of_a_loop_are_kept_by_turn(bench: Bench, sshd: Sshd) -> None:
    """The last turn's under the id, all turns' under id.loop; in a turn its own are seen."""
    make = operation(
        "make", 'printf \'{"v": "%s"}\' "$1" > "$OUTPUT_PATH"', arg=words("${item}-${NODE_NAME}"), output={"v": {}}
    )
    use = operation("use", 'echo "turn $1 all $2"', arg=words("${p.make_1.v}", "${p.make_1.loop.v}"))
    after = operation("after", 'echo "last $1 all $2 whole $3"', "runner_target")
    after["arg"] = words("${p.make_1.v}", "${p.make_1.loop.v}", "${p.make_1.loop}")
    doc = document("2002", group(0, phase("p", loop("l", "x, y", "item", make, use), after)))
    assert (await bench.run(doc, ssh_nodes(sshd, 1))).state is State.SUCCEEDED
    key = ssh_keys(sshd, 1)[0]
    log = bench.log("2002", "p", key)
    assert 'turn x-web-1 all ["x-web-1"]' in log
    assert 'turn y-web-1 all ["x-web-1", "y-web-1"]' in log
    assert 'last y-web-1 all ["x-web-1", "y-web-1"] whole [{"v": "x-web-1"}, {"v": "y-web-1"}]' in log
    outputs = bench.json("2002", "output", f"{key}.json")
    assert outputs["make_1"] == {"v": "y-web-1"}
    assert outputs["make_1.loop"] == [{"v": "x-web-1"}, {"v": "y-web-1"}]
    assert bench.json("2002", "output", "local-0-0.json")["make_1"] == {"v": "y-web-1"}
    assert not any("#" in name for name in outputs)


async def test_the_folder_on_the_target_lasts_through_blocks_and_goes_with_the_last(bench: Bench, sshd: Sshd) -> None:
    leave = operation("leave", "pwd; echo kept > note")
    look = operation("look", "pwd; cat note")
    far = when("far", '$NODE_NAME == "web-1"', [look], [])
    doc = document("2003", group(0, phase("p", leave, loop("l", "1,2", "i", far), say("end"))))
    assert (await bench.run(doc, ssh_nodes(sshd, 2))).state is State.SUCCEEDED
    for key, times in zip(ssh_keys(sshd, 2), (2, 0), strict=True):
        lines = [line[9:] for line in bench.log("2003", "p", key).splitlines()]
        assert lines.count("kept") == times
        folder = next(line for line in lines if line.startswith("/tmp/autoexec-2003"))
        assert not Path(folder).exists()


async def test_a_broken_condition_fails_its_node_only_and_the_log_says_so_check_61(bench: Bench) -> None:
    doc = document(
        "2004",
        group(0, phase("p", say("begin"), when("bad", "$RESOURCE_ID == 5001 and $N > 5", [say("t")]), say("end"))),
        opt={},
    )
    broken = "$RESOURCE_ID != 5001 or (1 = 1"
    first = await bench.run(doc, local_nodes(2))
    assert first.state is State.FAILED
    states = {event.node.resource_id: event.state for event in bench.recorder.of(OperationEnded)}
    assert states == {5001: State.FAILED, 5002: State.SUCCEEDED}
    status = bench.json("2004", "status", "p", f"{KEY}.json")
    assert (status["status"], status["native/IF-Block_bad"]) == ("failed", "failed")
    assert "at column 29: '$N' > '5'" in bench.log("2004", "p", KEY)
    histories = list((bench.space("2004").root / "log" / "p" / f"{KEY}.hislog").iterdir())
    assert [".failed." in path.name for path in histories] == [True]
    doc["runFlow"][0]["phases"][0]["operations"][1]["condition"] = broken
    assert (await bench.run(doc, local_nodes(1))).state is State.FAILED
    assert f"at column {len(broken) + 1}: the end" in bench.log("2004", "p", KEY)
    doc["runFlow"][0]["phases"][0]["operations"][1]["condition"] = broken + ")"
    assert (await bench.run(doc, local_nodes(1))).state is State.SUCCEEDED
    journal = Journal(bench.space("2004").journal)
    await journal.open()
    assert {row.state for row in await journal.operation_rows()} == {"succeeded"}
    await journal.close()


async def test_an_ignored_broken_block_is_passed_over(bench: Bench) -> None:
    block = {**when("bad", "nonsense", [say("t")], [say("e")]), "failIgnore": 1}
    doc = document("2005", group(0, phase("p", block, say("end"))))
    assert (await bench.run(doc, local_nodes(1))).state is State.COMPLETED
    assert started(bench) == ["native/IF-Block_bad", "native/echo_end"]


async def test_the_first_failure_in_a_loop_ends_the_node_and_the_next_run_goes_on_there(bench: Bench) -> None:
    """Turns that succeeded are not repeated; their outputs are still there."""
    work = operation(
        "work",
        '[ "$1" != b ] || [ -e file/mended ] || exit 3; printf \'{"v": "%s"}\' "$1" > "$OUTPUT_PATH"; '
        'echo "$OPERATION_ID" >> file/ran',
        "runner_target",
        arg=words("${item}"),
        output={"v": {}},
    )
    doc = document("2006", group(0, phase("p", loop("l", "a\nb\nc", "item", work), say("end", "${p.work_1.loop.v}"))))
    assert (await bench.run(doc, local_nodes(1))).state is State.FAILED
    assert started(bench) == ["work_1#0", "work_1#1"]
    root = bench.space("2006").root
    (root / "file" / "mended").touch()
    assert (await bench.run(doc, local_nodes(1))).state is State.SUCCEEDED
    assert [event.operation for event in bench.recorder.of(OperationSkipped)] == ["work_1#0"]
    assert started(bench) == ["work_1#1", "work_1#2", "native/echo_end"]
    assert (root / "file" / "ran").read_text().split() == ["work_1"] * 3
    assert '["a", "b", "c"]' in bench.log("2006", "p", KEY)


async def test_a_loop_that_became_shorter_leaves_no_old_turns(bench: Bench) -> None:
    work = operation("work", 'printf "{\\"v\\": \\"$1\\"}" > "$OUTPUT_PATH"', "runner_target", output={"v": {}})
    work["arg"] = words("${item}")
    doc = document("2007", group(0, phase("p", loop("l", "${list}", "item", work))), opt={"list": ["a", "b", "c"]})
    await bench.run(doc, local_nodes(1))
    doc["opt"]["list"] = ["z"]
    assert (await bench.run(doc, local_nodes(1), force=True)).state is State.SUCCEEDED
    assert bench.json("2007", "output", f"{KEY}.json")["work_1.loop"] == [{"v": "z"}]
    assert bench.json("2007", "output", "local-0-0.json")["work_1.loop"] == [{"v": "z"}]


async def test_conditions_look_at_outputs_and_at_the_runners_files(bench: Bench) -> None:
    doc = document(
        "2008",
        group(
            0,
            phase(
                "p",
                operation("look", 'echo \'{"v": 7}\' > "$OUTPUT_PATH"; touch file/there', "runner", output={"v": {}}),
                when("a", '-f "file/there" and not -e "file/gone" and ${p.look_1.v} = 7', [say("yes")], [say("no")]),
            ),
        ),
    )
    assert (await bench.run(doc)).state is State.SUCCEEDED
    assert started(bench, 0) == ["look_1", "native/echo_yes"]


async def test_a_pause_in_a_loop_is_resumed_at_the_next_turn(bench: Bench, sshd: Sshd) -> None:
    """The folder on the target stays for the run that goes on, and goes with that."""
    work = operation("work", 'pwd; sleep 0.4; echo "$1" >> ran; cat ran', arg=words("${i}"))
    doc = document("2010", group(0, phase("p", loop("l", "1,2,3", "i", work))))
    control = Control()
    running = asyncio.create_task(bench.run(doc, ssh_nodes(sshd, 1), control=control))
    async with asyncio.timeout(30):
        while not bench.recorder.of(OperationStarted):
            await asyncio.sleep(0.02)
    control.pause()
    assert (await running).state is State.PAUSED
    assert started(bench, 6001) == ["work_1#0"]
    assert (await bench.run(doc, ssh_nodes(sshd, 1))).state is State.SUCCEEDED
    assert started(bench, 6001) == ["work_1#1", "work_1#2"]
    lines = [line[9:] for line in bench.log("2010", "p", ssh_keys(sshd, 1)[0]).splitlines()]
    assert [line for line in lines if line in {"1", "2", "3"}] == ["1", "2", "1", "2", "3"]
    assert not Path(next(line for line in lines if line.startswith("/tmp/autoexec-2010"))).exists()


def broken_documents() -> list[tuple[Document, str]]:
    deep = say("x")
    for level in range(21):
        deep = when(str(level), "1 = 1", [deep])
    ask = operation("far", "true")
    here = operation("here", "true", "runner")
    return [
        (when("a", "1 = 1", [here, here]), "$.runFlow[0].phases[0].operations[0].if[1].opId"),
        (when("a", "1 = 1", [ask], [here]), "$.runFlow[0].phases[0].operations[0].if[0].opType"),
        ({**loop("a", "1", "i", ask), "loopItemVar": "a b"}, "$.runFlow[0].phases[0].operations[0].loopItemVar"),
        ({**loop("a", "1", "i", ask), "loopItems": 5}, "$.runFlow[0].phases[0].operations[0].loopItems"),
        ({**when("a", "1 = 1", [ask]), "condition": None}, "$.runFlow[0].phases[0].operations[0].condition"),
        ({**when("a", "1 = 1", [ask]), "if": None}, "$.runFlow[0].phases[0].operations[0].if"),
        (deep, "$.runFlow[0].phases[0].operations[0]" + ".if[0]" * 20 + ".if"),
        (native("nonesuch"), "$.runFlow[0].phases[0].operations[0].opName"),
        (loop("a", "1", "i", native("nonesuch")), "$.runFlow[0].phases[0].operations[0].operations[0].opName"),
        ({**ask, "opId": "far_1#3"}, "$.runFlow[0].phases[0].operations[0].opId"),
    ]


@pytest.mark.parametrize(("block", "place"), broken_documents())
async def test_a_broken_block_is_refused_before_anything_starts(bench: Bench, block: Document, place: str) -> None:
    with pytest.raises(DocumentError) as caught:
        await bench.run(document("2009", group(0, phase("p", block))), local_nodes(1))
    assert place in [problem.path for problem in caught.value.problems]


async def test_the_example_decides_and_loops(bench: Bench) -> None:
    folder = Path(__file__).parents[3] / "examples" / "blocks"
    doc = json.loads((folder / "params.json").read_text("utf-8"))
    targets = json.loads((folder / "nodes.json").read_text("utf-8"))
    assert (await bench.run(doc, targets)).state is State.SUCCEEDED
    log = bench.log("blocks-1", "deliver", "127.0.0.1-8081-701")
    assert "updating conf to 2.10.1" in log
    assert 'updated: ["conf", "data"]' in log
    assert "green-1 has 2.10.1 already" in bench.log("blocks-1", "deliver", "127.0.0.1-8082-702")
    assert started(bench, 702)[-1] == "native/echo_1"
