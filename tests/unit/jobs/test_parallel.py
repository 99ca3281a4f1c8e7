"""How many nodes at a time, whose turn it is, and who takes the rounds together (spec 4.2, 4.4, 4.5)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import DocumentError
from pilothouse.jobs import decoding
from pilothouse.jobs import nodes as node_files
from pilothouse.jobs.document import Job
from pilothouse.jobs.plan import Plan, Selection, Step, plan

counts = st.one_of(st.none(), st.integers(-1, 12))
limits = st.one_of(st.none(), st.integers(1, 12))


def job(strategy: str, group: dict[str, Any], phase: dict[str, Any]) -> Job:
    def made(name: str, fields: dict[str, Any]) -> dict[str, Any]:
        operation = {"opId": f"{name}_1", "opName": name, "opType": "target"}
        return {"phaseName": name, "operations": [operation], **fields}

    plain = {name: value for name, value in group.items() if value is not None}
    own = {name: value for name, value in phase.items() if value is not None}
    flow = [{"groupNo": 0, "execStrategy": strategy, "phases": [made("a", own), made("b", {})], **plain}]
    return decoding.decode(json.dumps({"jobId": "1", "runFlow": flow}), "params.json")


def planned(made: Job, count: int, header: dict[str, Any] | None = None, **selection: Any) -> Plan:
    lines = [header] if header else []
    runner = (header or {}).get("jobRunnerIds") or [1]
    lines += [{"resourceId": i + 1, "host": "h", "runnerId": runner[i % len(runner)]} for i in range(count)]
    return plan(made, node_files.decode("\n".join(map(json.dumps, lines)), "nodes.json"), Selection(**selection))


def steps(found: Plan, phase: str) -> list[Step]:
    return [step for group in found.groups for lane in group.lanes for step in lane.steps if step.phase == phase]


@given(st.integers(1, 30), counts, counts, limits, limits, st.sampled_from(["oneShot", "grayScale"]))
def test_parallel_wins_over_round_count_and_nothing_else_changes(
    count: int, rounds: int | None, own: int | None, of_group: int | None, of_phase: int | None, strategy: str
) -> None:
    group = {"roundCount": rounds, "parallel": of_group}
    found = planned(job(strategy, group, {"roundCount": own, "parallel": of_phase}), count)
    without = planned(job(strategy, {"roundCount": rounds}, {"roundCount": own}), count)
    for name in ("a", "b"):
        wanted = (of_phase if name == "a" else None) or of_group
        for step, plain in zip(steps(found, name), steps(without, name), strict=True):
            assert (step.nodes, step.round, step.rounds) == (plain.nodes, plain.round, plain.rounds)
            assert step.parallel == (wanted or plain.parallel) >= 1


@given(st.integers(1, 30), counts, counts)
def test_a_phase_s_own_round_count_narrows_gray_rounds_and_moves_no_node(
    count: int, rounds: int | None, own: int | None
) -> None:
    found = planned(job("grayScale", {"roundCount": rounds}, {"roundCount": own}), count)
    widest = max(len(step.nodes) for step in steps(found, "b"))
    for step, other in zip(steps(found, "a"), steps(found, "b"), strict=True):
        assert step.nodes == other.nodes
        asked = widest if own is None else 1 if own <= 0 else -(-count // own)
        assert step.parallel == max(1, min(widest, asked))


@pytest.mark.parametrize("value", [0, -1, "x", 1.5, True])
@pytest.mark.parametrize("place", ["$.runFlow[0].parallel", "$.runFlow[0].phases[0].parallel"])
def test_parallel_is_an_integer_from_1_up(value: object, place: str) -> None:
    fields = {"parallel": value}
    with pytest.raises(DocumentError) as caught:
        job("oneShot", *(({}, fields) if "phases" in place else (fields, {})))
    assert [problem.path for problem in caught.value.problems] == [place]


@pytest.mark.parametrize(
    ("of_group", "of_phase", "serialized"),
    [(None, None, (False, False)), (1, None, (True, True)), (True, 0, (False, True)), (None, "true", (True, False))],
)
def test_serialize_nodes_is_the_group_s_unless_the_phase_says_otherwise(
    of_group: object, of_phase: object, serialized: tuple[bool, bool]
) -> None:
    made = job("oneShot", {"serializeNodes": of_group}, {"serializeNodes": of_phase})
    assert tuple(phase.serialize for phase in made.groups[0].phases) == serialized


def test_a_wrong_serialize_nodes_is_refused_with_its_place() -> None:
    with pytest.raises(DocumentError, match=r"\$\.runFlow\[0\]\.serializeNodes"):
        job("oneShot", {"serializeNodes": "sometimes"}, {})


@pytest.mark.parametrize(
    ("strategy", "runners", "phases", "shared"),
    [
        ("grayScale", [1, 2], (), True),
        ("grayScale", [1], (), False),
        ("grayScale", [1, 1], (), False),
        ("grayScale", [], (), False),
        ("grayScale", [1, 2], ("a",), False),
        ("oneShot", [1, 2], (), False),
    ],
)
def test_rounds_are_shared_in_gray_groups_of_several_runners(
    strategy: str, runners: list[int], phases: tuple[str, ...], shared: bool
) -> None:
    header = {"totalCount": 6, "localRunnerId": 1, "jobRunnerIds": runners}
    assert planned(job(strategy, {}, {}), 6, header, phases=phases).groups[0].shared is shared


@given(st.integers(1, 30), counts, st.sampled_from(["oneShot", "grayScale"]))
def test_every_node_is_planned_on_exactly_one_of_the_runners(count: int, rounds: int | None, strategy: str) -> None:
    """check 53"""
    header = {"totalCount": count, "localRunnerId": 2, "jobRunnerIds": [1, 2]}
    made = job(strategy, {"roundCount": rounds}, {})
    taken = [
        node
        for runner in (1, 2)
        for step in steps(planned(made, count, header, runner_id=runner), "a")
        for node in step.nodes
    ]
    assert sorted(taken) == list(range(1, count + 1))
