"""Plans: who runs what, when, exactly once (spec sections 4.2 to 4.4; checks 16, 17, 47, 48, 53)."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from pilothouse.errors import UsageError
from pilothouse.jobs.document import ExecRound, Group, Job, Kind, Operation, Option, Phase, Strategy
from pilothouse.jobs.nodes import Header, Node, NodeFile
from pilothouse.jobs.plan import Plan, Selection, Step, plan
from pilothouse.jobs.secret import Secret


def phase(name: str, *, on_runner: bool = False, **fields: Any) -> Phase:
    kind = Kind.RUNNER if on_runner else Kind.TARGET
    operation = Operation(id=f"{name}_1", name=name, kind=kind)
    return Phase(name=name, on_runner=on_runner, operations=(operation,), **fields)


def group(*phases: Phase, number: int = 0, gray: bool = False, rounds: int | None = None) -> Group:
    strategy = Strategy.GRAY_SCALE if gray else Strategy.ONE_SHOT
    return Group(number=number, strategy=strategy, phases=phases, round_count=rounds)


def job(*groups: Group, rounds: int = 0, **fields: Any) -> Job:
    return Job(id="1", groups=groups, round_count=rounds, **fields)


def nodes(count: int, runners: tuple[int | None, ...] = (None,), header: Header | None = None) -> NodeFile:
    made = (Node(resource_id=5000 + i, host="h", runner_id=runners[i % len(runners)]) for i in range(count))
    return NodeFile(tuple(made), header)


def steps(planned: Plan) -> list[Step]:
    return [step for part in planned.groups for lane in part.lanes for step in lane.steps]


@pytest.mark.parametrize(("rounds", "parallel"), [(1, 10), (5, 2), (10, 1), (0, 1), (64, 1)])
def test_one_shot_takes_that_many_nodes_at_a_time(rounds: int, parallel: int) -> None:
    (step,) = steps(plan(job(group(phase("a")), rounds=rounds), nodes(10), Selection()))
    assert (step.parallel, len(step.nodes), step.round, step.rounds) == (parallel, 10, 1, 1)


@pytest.mark.parametrize(
    ("of_job", "of_group", "of_phase", "parallel"),
    [(1, None, None, 10), (1, 5, None, 2), (1, 5, 10, 1), (1, None, 2, 5), (10, 1, None, 10), (10, 0, None, 1)],
)
def test_the_nearest_round_count_counts(of_job: int, of_group: int | None, of_phase: int | None, parallel: int) -> None:
    made = job(group(phase("a", round_count=of_phase), rounds=of_group), rounds=of_job)
    assert steps(plan(made, nodes(10), Selection()))[0].parallel == parallel


def test_the_header_counts_for_parallelism_over_all_runners() -> None:
    found = plan(job(group(phase("a")), rounds=2), nodes(3, header=Header(12)), Selection())
    assert steps(found)[0].parallel == 6


@pytest.mark.parametrize(
    ("count", "rounds", "sizes"), [(5, 2, [3, 2]), (10, 3, [4, 3, 3]), (3, 64, [1, 1, 1]), (3, 0, [1, 1, 1])]
)
def test_gray_scale_rounds(count: int, rounds: int, sizes: list[int]) -> None:
    found = steps(plan(job(group(phase("a"), gray=True), rounds=rounds), nodes(count), Selection()))
    assert [len(step.nodes) for step in found] == sizes
    assert [step.round for step in found] == list(range(1, len(sizes) + 1))
    assert {step.parallel for step in found} == {sizes[0]}


def test_gray_scale_visits_phases_round_after_round() -> None:
    made = job(
        group(
            phase("first", on_runner=True),
            phase("a"),
            phase("middle", on_runner=True, exec_round=ExecRound.MIDDLE),
            phase("b"),
            phase("last", on_runner=True, exec_round=ExecRound.LAST),
            gray=True,
            rounds=3,
        )
    )
    found = plan(made, nodes(6), Selection())
    assert len(found.groups[0].lanes) == 1
    assert [(step.round, step.phase) for step in steps(found)] == [
        (1, "first"),
        (1, "a"),
        (1, "b"),
        (2, "a"),
        (2, "middle"),
        (2, "b"),
        (3, "a"),
        (3, "b"),
        (3, "last"),
    ]
    assert found.groups[0].nodes_of("a") == tuple(range(5000, 5006))
    assert found.groups[0].nodes_of("middle") == (0,)


def test_one_shot_gives_every_phase_a_lane_of_one_step() -> None:
    found = plan(job(group(phase("a"), phase("here", on_runner=True), phase("b"))), nodes(3), Selection())
    assert [[step.phase for step in lane.steps] for lane in found.groups[0].lanes] == [["a"], ["here"], ["b"]]
    assert steps(found)[1].nodes == (0,)


def test_one_selected_phase_of_a_gray_scale_group_runs_as_one_shot() -> None:
    found = plan(job(group(phase("a"), phase("b"), gray=True, rounds=2)), nodes(4), Selection(phases=("b",)))
    assert [(step.phase, step.nodes, step.rounds) for step in steps(found)] == [("b", (5000, 5001, 5002, 5003), 1)]


def test_only_this_runners_nodes_are_taken() -> None:
    made = job(group(phase("a"), gray=True), group(phase("b"), number=1), rounds=2)
    found = plan(made, nodes(6, (1, 2, None)), Selection(runner_id=1))
    assert [step.nodes for step in steps(found)] == [(5000, 5002), (5003, 5005), (5000, 5002, 5003, 5005)]


@pytest.mark.parametrize(
    ("header", "runner", "expected"),
    [(None, 1, (0,)), (Header(1, 1), 1, (0,)), (Header(1, 2), 1, ()), (Header(1, None), 1, (0,))],
)
def test_a_runner_phase_runs_where_the_header_says(header: Header | None, runner: int, expected: tuple[int]) -> None:
    found = plan(job(group(phase("here", on_runner=True))), nodes(1, header=header), Selection(runner_id=runner))
    assert steps(found)[0].nodes == expected


def test_selected_groups_nodes_and_phases() -> None:
    made = job(group(phase("a")), group(phase("b"), phase("c"), number=1), group(phase("d"), number=2), rounds=1)
    found = plan(made, nodes(3), Selection(groups=(1, 2), nodes=(5001,)))
    assert [(step.phase, step.nodes, step.parallel) for step in steps(found)] == [
        ("b", (5001,), 1),
        ("c", (5001,), 1),
        ("d", (5001,), 1),
    ]
    assert found.total == 3


@pytest.mark.parametrize(
    ("selection", "says"),
    [
        (Selection(groups=(9,)), "the job has no group 9; it has: 0"),
        (Selection(phases=("z",)), "the job has no phase z; it has: a"),
        (Selection(nodes=(1,)), "the job has no node 1; it has: 5000, 5001"),
        (Selection(groups=(0, 9)), "no group 9"),
    ],
)
def test_a_selection_of_what_is_not_there_is_an_error(selection: Selection, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        plan(job(group(phase("a"))), nodes(2), selection)


def test_a_long_list_of_what_is_there_says_that_it_is_cut() -> None:
    with pytest.raises(UsageError, match=r"it has: 5000, .*, 5009 and 2 more$"):
        plan(job(group(phase("a"))), nodes(12), Selection(nodes=(1,)))


def test_a_selection_that_meets_nowhere_is_an_error() -> None:
    made = job(group(phase("a")), group(phase("b"), number=1))
    with pytest.raises(UsageError, match="none of the selected phases"):
        plan(made, nodes(1), Selection(groups=(0,), phases=("b",)))


def test_a_job_without_groups_is_an_empty_plan() -> None:
    assert plan(job(), NodeFile(()), Selection()).groups == ()


BASE = job(group(phase("a")), options={"x": 1})


def test_the_digest_is_the_same_for_the_same() -> None:
    again = job(group(phase("a")), options={"x": 1})
    assert plan(BASE, nodes(2), Selection()) == plan(again, nodes(2), Selection())


@pytest.mark.parametrize(
    "other",
    [
        plan(job(group(phase("b")), options={"x": 1}), nodes(2), Selection()),
        plan(job(group(phase("a")), options={"x": 2}), nodes(2), Selection()),
        plan(BASE, nodes(3), Selection()),
        plan(BASE, nodes(2), Selection(nodes=(5001,))),
        plan(BASE, nodes(2), Selection(runner_id=2)),
    ],
)
def test_the_digest_changes_with_what_is_run(other: Plan) -> None:
    assert other.digest != plan(BASE, nodes(2), Selection()).digest


def test_the_digest_changes_with_the_order_of_options() -> None:
    def with_options(*options: Option) -> Job:
        operation = Operation(id="o_1", name="o", kind=Kind.TARGET, options=options)
        return job(group(Phase(name="a", on_runner=False, operations=(operation,))))

    one, two = Option("a", 1, "text"), Option("b", 1, "text")
    digests = {plan(made, nodes(1), Selection()).digest for made in (with_options(one, two), with_options(two, one))}
    assert len(digests) == 2


def test_neither_plan_nor_digest_know_passwords() -> None:
    digests = set()
    for word in ("first-secret", "second-secret"):
        found = plan(BASE, NodeFile((Node(resource_id=1, host="h", password=Secret(word)),)), Selection())
        digests.add(found.digest)
        assert word not in msgspec.json.encode(found).decode()
    assert len(digests) == 1


@examples(150)
@given(
    count=st.integers(0, 40),
    rounds=st.integers(-1, 45),
    gray=st.booleans(),
    runners=st.lists(st.sampled_from([None, 1, 2]), min_size=1, max_size=4),
    when=st.sampled_from(list(ExecRound)),
    runner=st.sampled_from([1, 2]),
)
def test_every_node_of_this_runner_comes_once_in_every_target_phase(
    count: int, rounds: int, gray: bool, runners: list[int | None], when: ExecRound, runner: int
) -> None:
    made = job(group(phase("a"), phase("here", on_runner=True, exec_round=when), phase("b"), gray=gray), rounds=rounds)
    given_nodes = nodes(count, tuple(runners))
    found = plan(made, given_nodes, Selection(runner_id=runner))
    ours = tuple(node.resource_id for node in given_nodes.nodes if node.runner_id in {None, runner})
    assert found.groups[0].nodes_of("a") == found.groups[0].nodes_of("b") == ours
    assert found.groups[0].nodes_of("here") == (0,)
    assert all(step.parallel >= 1 for step in steps(found))
    if gray:
        order = [(step.round, ["a", "here", "b"].index(step.phase)) for step in steps(found)]
        assert order == sorted(order)
    else:
        assert all(len(lane.steps) == 1 for lane in found.groups[0].lanes)


@examples(50)
@given(
    chosen=st.sets(st.integers(5000, 5019), min_size=1),
    rounds=st.integers(0, 20),
    gray=st.booleans(),
)
def test_a_selection_of_nodes_is_dealt_like_a_job_of_these_nodes(chosen: set[int], rounds: int, gray: bool) -> None:
    made = job(group(phase("a"), gray=gray), rounds=rounds)
    found = plan(made, nodes(20), Selection(nodes=tuple(chosen)))
    few = NodeFile(tuple(node for node in nodes(20).nodes if node.resource_id in chosen))
    assert found.groups == plan(made, few, Selection()).groups
    assert sorted(found.groups[0].nodes_of("a")) == sorted(chosen)
