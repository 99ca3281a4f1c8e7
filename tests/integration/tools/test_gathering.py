"""Outputs of the nodes of a whole job, put together by later operations."""

from typing import Any

from tests.jobs import Bench, document, group, local_nodes, operation, phase, tool

from pilothouse.jobs.states import State

KEY = "#{ask.ask_1.%s}"


def gather(name: str, output: str, key: str, **options: str) -> dict[str, Any]:
    """Return an operation that puts outputs together."""
    return tool(
        f"basic/{name}",
        "runner",
        opId=f"{name}_1",
        opt={"outputkey": KEY % key, **options},
        output={output: {"type": "json", "defaultValue": None}},
    )


async def test_outputs_of_all_nodes_are_put_together(bench: Bench) -> None:
    script = (
        'printf \'{"text": "%s", "list": ["%s"], "map": {"%s": 1}}\' $NODE_NAME $NODE_NAME $NODE_NAME >$OUTPUT_PATH'
    )
    outputs = {name: {"type": "json", "defaultValue": None} for name in ("text", "list", "map")}
    doc = document(
        "7001",
        group(0, phase("ask", operation("ask", script, output=outputs))),
        group(
            1,
            phase(
                "gather",
                gather("aggoutput", "aggData", "text"),
                gather("concatoutput", "aggTxtData", "text", delimiter=", "),
                gather("mergeoutput", "mergedData", "map"),
                gather("convout2local", "dataConverted", "list"),
                operation(
                    "show",
                    'echo "$1"',
                    "runner",
                    arg=[{"type": "text", "value": "<${gather.concatoutput_1.aggTxtData}>"}],
                ),
            ),
        ),
    )
    result = await bench.run(doc, local_nodes(3))
    assert result.state is State.SUCCEEDED, bench.log("7001", "gather", "local-0-0")
    found = bench.json("7001", "output", "local-0-0.json")
    assert found["aggoutput_1"]["aggData"] == {"127.0.0.1:7001": "n1", "127.0.0.1:7002": "n2", "127.0.0.1:7003": "n3"}
    assert found["mergeoutput_1"]["mergedData"] == {"n1": 1, "n2": 1, "n3": 1}
    assert found["convout2local_1"]["dataConverted"] == {"ask_1": {"list": ["n1"]}}
    assert "<n1, n2, n3>" in bench.log("7001", "gather", "local-0-0")


async def test_a_key_that_is_none_and_an_output_that_nobody_has(bench: Bench) -> None:
    for job, name, key, reason in (
        ("7002", "aggoutput", "#{a.b}", "exit code 3"),
        ("7003", "convout2local", "#{a.b.c}", "exit code 2"),
    ):
        operation = tool(f"basic/{name}", "runner", opId="x_1", opt={"outputkey": key})
        result = await bench.run(document(job, group(0, phase("gather", operation))))
        assert result.state is State.FAILED
        assert reason in bench.log(job, "gather", "local-0-0")
