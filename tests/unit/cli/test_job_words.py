"""The small decisions behind the job commands: which jobs, which nodes, which part of a job."""

from datetime import datetime

import pytest

from pilothouse.cli.job_list import matching, since_when
from pilothouse.cli.job_nodes import KnownNodes
from pilothouse.cli.job_options import JobOptions
from pilothouse.cli.job_retry import failed_only
from pilothouse.cli.job_standing import Head
from pilothouse.cli.sshcmd_run import labels
from pilothouse.engine.journal_rows import NodeRow
from pilothouse.errors import UsageError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.plan import Selection

NODES = KnownNodes(
    [
        Node(resource_id=1, host="10.0.0.1", port=80, name="web-1"),
        Node(resource_id=2, host="10.0.0.2", port=80, name="web-2"),
        Node(resource_id=3, host="10.0.0.2", port=81, name="twin"),
        Node(resource_id=4, host="10.0.0.4", name="twin"),
        Node(resource_id=5, host="db"),
    ]
)


def row(phase: str, resource_id: int, state: str) -> NodeRow:
    return NodeRow(phase, resource_id, f"h--{resource_id}", state, 0.0, None, 0, "")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["1"], [1]),
        (["web-2"], [2]),
        (["10.0.0.2"], [2, 3]),
        (["10.0.0.2:81"], [3]),
        (["10.0.0.2-81-3"], [3]),
        (["twin"], [3, 4]),
        (["db"], [5]),
        (["runner"], [0]),
        (["web-*"], [1, 2]),
        (["web-[1-2]"], [1, 2]),
        (["web-[1-2], db"], [1, 2, 5]),
        (["db", "1", "web-1"], [5, 1]),
        ([], []),
    ],
)
def test_nodes_are_found_by_every_name(words: list[str], found: list[int]) -> None:
    assert [node.resource_id for node in NODES.find(words)] == found


@pytest.mark.parametrize("word", ["web-3", "x*", "", "web-[8-9]", "web-[", "[x"])
def test_what_names_no_node_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="this job has no node"):
        NODES.find([word])


def test_titles_tell_nodes_apart() -> None:
    assert [NODES.title(number) for number in range(6)] == [
        "runner",
        "web-1",
        "web-2",
        "10.0.0.2-81-3",
        "10.0.0.4",
        "db",
    ]


def test_since_when() -> None:
    assert since_when("90s", 1000.0) == 910.0
    assert since_when(" 2 h", 10_000.0) == 2800.0
    assert since_when("2026-11-22", 0.0) == datetime.fromisoformat("2026-11-22").timestamp()
    assert since_when("2026-11-22T08:30", 0.0) - since_when("2026-11-22", 0.0) == 8.5 * 3600
    for text in ("", "yesterday", "2x", "2026-13-01", "-1h"):
        with pytest.raises(UsageError, match="is no time"):
            since_when(text, 0.0)


def test_jobs_are_chosen_by_state_and_time_the_latest_first() -> None:
    heads = [Head(job_id=str(n), state="failed" if n % 2 else "succeeded", started=float(n)) for n in range(1, 6)]
    heads.append(Head(job_id="9", state="unreadable"))
    assert [head.job_id for head in matching(heads, (), None, None)] == ["5", "4", "3", "2", "1", "9"]
    assert [head.job_id for head in matching(heads, ("failed",), 2.0, None)] == ["5", "3"]
    assert [head.job_id for head in matching(heads, ("failed", "unreadable"), None, 1)] == ["5"]


def test_failed_only_narrows_to_what_was_started_and_did_not_succeed() -> None:
    rows = [row("a", 0, "failed"), row("b", 1, "succeeded"), row("b", 2, "aborted"), row("c", 3, "running")]
    assert failed_only(Selection(), rows) == Selection(phases=("a", "b", "c"), nodes=(2, 3))
    assert failed_only(Selection(phases=("b",)), rows) == Selection(phases=("b",), nodes=(2,))
    assert failed_only(Selection(nodes=(3,), runner_id=7), rows) == Selection(
        phases=("a", "c"), nodes=(3,), runner_id=7
    )
    assert failed_only(Selection(), rows[:1]) == Selection(phases=("a",))
    assert failed_only(Selection(), [row("b", 1, "succeeded"), row("b", 2, "ignored")]) is None


def test_options_are_kept_without_what_was_not_said() -> None:
    assert JobOptions().record() == "{}"


def test_labels_are_as_short_as_they_can_be() -> None:
    def node(host: str, port: int, user: str) -> Node:
        return Node(resource_id=1, host=host, protocol_port=port, username=user)

    assert labels([node("a", 1, "x"), node("b", 1, "x")]) == ["a", "b"]
    assert labels([node("a", 1, "x"), node("a", 2, "x")]) == ["a:1", "a:2"]
    assert labels([node("a", 1, "x"), node("a", 1, "y")]) == ["x@a:1", "y@a:1"]
    assert labels([node("a", 1, "x"), node("a", 1, "x")]) == ["x@a:1", "x@a:1#2"]
