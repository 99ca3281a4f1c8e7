"""Who may do what."""

import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.identity.caller import LOCAL, Caller, Role
from pilothouse.identity.permissions import Action, Subject, may, unconfined

ACTIONS = typing.get_args(Action)
ROLES = typing.get_args(Role)
NODE = Caller(kind="node", name="COMP-1", project="p")
INSTANCE = Caller(kind="instance", name="SOFTINST-1", project="p")


def person(*roles: Role, project: str = "p") -> Caller:
    return Caller(kind="user", name="ann", project=project, roles=frozenset(roles))


@pytest.mark.parametrize("action", ACTIONS)
def test_a_machine_without_login_may_do_everything(action: Action) -> None:
    assert may(LOCAL, action, Subject(project="any"))


@pytest.mark.parametrize("action", ACTIONS)
def test_an_administrator_without_project_may_do_everything(action: Action) -> None:
    assert may(person("admin", project=""), action, Subject(project="any"))


@given(
    roles=st.frozensets(st.sampled_from(ROLES)),
    action=st.sampled_from(ACTIONS),
    project=st.sampled_from(["q", ""]),
)
def test_nobody_acts_in_another_project(roles: frozenset[Role], action: Action, project: str) -> None:
    assert not may(person(*roles), action, Subject(project=project))


@given(roles=st.frozensets(st.sampled_from(ROLES)), action=st.sampled_from(ACTIONS))
def test_more_roles_never_take_anything_away(roles: frozenset[Role], action: Action) -> None:
    subject = Subject(project="p")
    if may(person(*roles), action, subject):
        assert all(may(person(*roles, more), action, subject) for more in ROLES)


def test_a_viewer_only_reads() -> None:
    assert [action for action in ACTIONS if may(person("viewer"), action, Subject(project="p"))] == ["read"]


def test_an_operator_does_not_administer_nor_speaks_for_nodes() -> None:
    subject = Subject(project="p", computer="COMP-1")
    assert {action for action in ACTIONS if not may(person("operator"), action, subject)} == {
        "format", "report", "publish", "run", "administer",
    }  # fmt: skip


@pytest.mark.parametrize("action", ACTIONS)
def test_the_role_of_a_node_gives_a_person_nothing(action: Action) -> None:
    assert not may(person("node"), action, Subject(project="p", computer="COMP-1"))


@pytest.mark.parametrize("action", ["read", "format", "report", "publish", "bang", "request"])
def test_a_node_speaks_for_itself_and_for_no_other(action: Action) -> None:
    assert may(NODE, action, Subject(project="p", computer="COMP-1", instance="SOFTINST-7"))
    assert not may(NODE, action, Subject(project="p", computer="COMP-2"))
    assert not may(NODE, action, Subject(project="p"))


@pytest.mark.parametrize("action", ["supply", "administer", "run", "register"])
def test_a_node_does_not_rule(action: Action) -> None:
    assert not may(NODE, action, Subject(project="p", computer="COMP-1"))


def test_an_instance_acts_for_itself_and_looks_at_its_tree() -> None:
    own = Subject(project="p", computer="COMP-1", instance="SOFTINST-1")
    sister = Subject(project="p", instance="SOFTINST-2", tree=frozenset({"SOFTINST-1", "SOFTINST-2"}))
    stranger = Subject(project="p", computer="COMP-1", instance="SOFTINST-3")
    assert may(INSTANCE, "request", own)
    assert may(INSTANCE, "publish", own)
    assert not may(INSTANCE, "format", own)
    assert may(INSTANCE, "read", sister)
    assert not may(INSTANCE, "publish", sister)
    assert not may(INSTANCE, "read", stranger)


@pytest.mark.parametrize("kind", ["node", "instance", "user"])
@pytest.mark.parametrize("action", ACTIONS)
def test_a_caller_without_name_or_role_may_do_nothing(kind: typing.Any, action: Action) -> None:
    assert not may(Caller(kind=kind), action, Subject())


@given(
    st.sampled_from(["local", "user", "node", "instance"]),
    st.sets(st.sampled_from(ROLES)),
    st.sampled_from(["", "p"]),
    st.sampled_from(["", "p", "q"]),
)
def test_who_is_unconfined_may_do_everything_everywhere(
    kind: typing.Any, roles: set[Role], project: str, other: str
) -> None:
    caller = Caller(kind=kind, name="a", project=project, roles=frozenset(roles))
    if unconfined(caller):
        assert all(may(caller, action, Subject(project=other)) for action in ACTIONS)
    else:
        assert not all(may(caller, action, Subject(project=f"not {project}")) for action in ACTIONS)
