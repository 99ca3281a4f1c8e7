from hypothesis import given
from hypothesis import strategies as st

from pilothouse.cli.display.transcript import transcript
from pilothouse.engine.events import Event, Lines, NodeEnded, NodeStarted, OperationEnded, OperationStarted
from pilothouse.engine.watchers.logs import log_lines
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.states import State

NODE = Node(resource_id=1, host="10.0.0.1")
PRINTED = st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20), max_size=6)


def log(*events: Event) -> list[str]:
    return [f"10:20:30 {line}" for event in events for line in log_lines(event)]


def started(operation: str, command: str = "sh x.sh", text: str = "") -> OperationStarted:
    return OperationStarted(at=0, phase="p", node=NODE, operation=operation, kind="target", help=text, command=command)


def ended(operation: str, state: State = State.SUCCEEDED) -> OperationEnded:
    return OperationEnded(
        at=0, phase="p", node=NODE, operation=operation, state=state, code=0, reason="why", seconds=1.5
    )


def printed(*lines: str) -> Lines:
    return Lines(at=0, phase="p", node=NODE, lines=lines)


def test_only_what_the_operation_printed_is_left() -> None:
    found = transcript(
        log(
            NodeStarted(at=0, phase="p", node=NODE),
            started("a_1", text="two lines\nof help"),
            printed("one", "# two", ""),
            ended("a_1"),
            started("b 2", command=""),
            printed("ERROR: broken"),
            ended("b 2", State.FAILED),
            NodeEnded(
                at=0, phase="p", node=NODE, state=State.FAILED, reason="why", seconds=1, warnings=1, operations={}
            ),
        )
    )
    assert found == {"a_1": ["one", "# two", ""], "b 2": ["ERROR: broken"]}


def test_an_operation_under_way_has_what_it_printed_so_far() -> None:
    assert transcript(log(started("a_1"), printed("one"))) == {"a_1": ["one"]}


def test_a_text_that_is_no_log_has_no_operations() -> None:
    assert transcript(["something", "", "10:20:30 else"]) == {}


@given(PRINTED)
def test_any_lines_come_back(lines: list[str]) -> None:
    assert transcript(log(started("a_1"), printed(*lines), ended("a_1"))) == {"a_1": lines}
