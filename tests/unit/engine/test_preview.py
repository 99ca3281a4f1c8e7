import json
from typing import Any

from tests.blocks import loop
from tests.jobs import Document, document, group, local_nodes, operation, phase

from pilothouse.engine.preview import Preview
from pilothouse.engine.program import Program
from pilothouse.jobs import decoding, nodes
from pilothouse.jobs.nodes import NodeFile
from pilothouse.jobs.plan import Selection, plan
from pilothouse.secrets.vault import Vault

USABLE = frozenset({"local", "ssh"})


def preview(doc: Document, targets: list[Document] | None = None, **selected: Any) -> Preview:
    job = decoding.decode(json.dumps(doc), "params.json")
    found = nodes.decode("\n".join(map(json.dumps, targets)), "nodes.json") if targets else NodeFile(())
    programs = {
        (part.name, item.id): Program(command=("sh", item.name))
        for groups in job.groups
        for part in groups.phases
        for item in part.operations
    }
    selection = Selection(**selected)
    return Preview(job, found, selection, plan(job, found, selection), programs, Vault())


def one(given: Document, desc: Document | None = None, **job: Any) -> Preview:
    work = operation("work", "true", "target", opt=given, desc=desc or {})
    return preview(document("1", group(0, phase("there", work)), **job), local_nodes(2))


def test_a_command_is_shown_as_the_first_node_gets_it() -> None:
    [shown] = one({"name": "${app} on ${NODE_NAME}", "n": "$$"}, opt={"app": "shop"}).commands()
    assert (shown.phase, shown.operation, shown.kind, shown.node) == ("there", "work_1", "target", "n1")
    assert shown.command == "work --name 'shop on n1' -n '$$'"
    assert shown.problem == ""


def test_secrets_are_masked_also_where_they_stand_openly() -> None:
    sealed = Vault().seal("Sealed.word")
    found = one(
        {"pw": "Plain.word", "other": "x Plain.word", "more": "${key}", "late": "${a.b_1.c}"},
        {"pw": "password", "late": "password"},
        opt={"key": sealed},
    )
    [shown] = found.commands()
    assert shown.command == "work --pw ****** --other 'x ******' --more ****** --late ******"
    assert "word" not in str(found.concerns(USABLE))


def test_references_to_outputs_stand_as_they_are() -> None:
    [shown] = one({"x": "${there.work_1.version} and more"}).commands()
    assert shown.command == "work -x '${there.work_1.version} and more'"


def test_names_that_do_not_exist_are_told_once_each() -> None:
    found = one({"a": "${nosuch} $nosuch ${app}", "b": ["$5", "$${no}", {"${other}": 1}]}, opt={"app": "x"})
    assert [(item.where, item.text.partition(":")[0]) for item in found.concerns(USABLE)] == [
        ("there / work_1", "${nosuch}"),
        ("there / work_1", "${other}"),
    ]


def test_outputs_that_nobody_declares_are_told() -> None:
    first = operation("first", "true", "runner", output={"version": {"type": "text"}})
    work = operation("work", "true", opt={"a": "${here.first_1.version}", "b": "${here.first_1.none}", "c": "${x.y.z}"})
    found = preview(document("1", group(0, phase("here", first)), group(1, phase("there", work))), local_nodes(1))
    told = [item.text for item in found.concerns(USABLE)]
    assert told == [
        "${here.first_1.none}: operation first_1 declares no output 'none'; it has: version",
        "${x.y.z}: the job has no operation 'y', so the operation that uses it will fail",
    ]


def test_phases_without_a_node_and_protocols_that_cannot_be_used() -> None:
    targets = [{**node, "runnerId": 7, "protocol": "ssh"} for node in local_nodes(2)]
    doc = document("1", group(0, phase("there", operation("work", "true"))))
    gray = document("1", group(0, phase("there", operation("work", "true")), execStrategy="grayScale", roundCount=2))
    for found in (preview(doc, targets), preview(gray, targets)):
        assert [(item.where, item.text[:12]) for item in found.concerns(USABLE)] == [("there", "no node here")]
        assert found.commands() == []
    tagents = [{**node, "protocol": "tagent"} for node in local_nodes(8)]
    [concern] = preview(doc, tagents).concerns(USABLE)
    assert concern.where == "nodes"
    assert "protocol tagent cannot be used" in concern.text
    assert concern.text.endswith("n1, n2, n3, n4, n5 and 3 more will fail")


def test_what_was_not_asked_for_is_no_concern() -> None:
    parts = [phase(name, operation("work", "true", "runner")) for name in ("a", "b")]
    found = preview(document("1", group(0, *parts)), None, phases=("b",))
    assert found.concerns(USABLE) == []
    assert [item.phase for item in found.commands()] == ["b"]


def test_a_value_that_no_program_can_be_given_is_a_problem() -> None:
    [shown] = one({"x": "a\0b"}).commands()
    assert "NUL" in shown.problem
    assert shown.command == "work"


def test_blocks_show_their_conditions_and_what_is_in_them() -> None:
    inner = operation("inner", "true", opt={"a": "${item} ${set} ${nosuch}", "b": "${there.inner_1.loop.x}"})
    turns: Document = {"opId": "loop_1", "opName": "native/LOOP-Block", "opType": "native", "loopItems": "[1, 2]"}
    turns |= {"loopItemVar": "item", "operations": [inner]}
    setter = {"opId": "set_1", "opName": "native/setenv", "opType": "native", "opt": {"name": "set", "value": "1"}}
    choice = {"opId": "if_1", "opName": "native/IF-Block", "opType": "native", "condition": "1 == 1", "if": [turns]}
    found = preview(document("1", group(0, phase("there", setter, choice))), local_nodes(1))
    assert [(item.operation, item.depth, item.command) for item in found.commands()] == [
        ("set_1", 0, "native/setenv --name set --value 1"),
        ("if_1", 0, "if 1 == 1"),
        ("loop_1", 1, "for each item of [1, 2]"),
        ("inner_1", 2, "inner -a '${item} ${set} ${nosuch}' -b '${there.inner_1.loop.x}'"),
    ]
    assert [item.text.partition(":")[0] for item in found.concerns(USABLE)] == ["${nosuch}"]


def test_loops_with_nothing_to_go_over_are_told() -> None:
    inner = operation("inner", "true")
    given = {"none": [], "commas": ",\n ,", "named": "${nothing}", "later": "${there.inner_1.loop.x}", "some": "a"}
    loops = [loop(name, items, "item", {**inner, "opId": f"inner_{name}"}) for name, items in given.items()]
    doc = document("1", group(0, phase("there", *loops, inner)), opt={"nothing": ""})
    told = [item.where for item in preview(doc, local_nodes(1)).concerns(USABLE) if "no item" in item.text]
    assert told == [f"there / native/LOOP-Block_{name}" for name in ("none", "commas", "named")]
