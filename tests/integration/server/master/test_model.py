"""Requests in any order against a simple model: who is where, what moves, what is counted."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import StaticPool, create_engine, select
from tests.masters import URL, formed

from pilothouse.identity.caller import LOCAL, PartitionKey
from pilothouse.server.master import instances, nodes
from pilothouse.server.master.errors import MasterError
from pilothouse.services.instance import InstanceDocument, InstanceRequest
from pilothouse.services.node import NodeDocument
from pilothouse.store import audit
from pilothouse.store.schema import nodes as table
from pilothouse.store.schema import projects
from pilothouse.store.tables import METADATA

COMPUTERS = {"c1": 3, "c2": 2}
titles = st.sampled_from("abcd")
states = st.sampled_from([None, "started", "stopped", "destroyed"])
values = st.dictionaries(st.sampled_from("xy"), st.sampled_from("12"), max_size=2)
computers = st.sampled_from(sorted(COMPUTERS))


class Requests(RuleBasedStateMachine):
    """``held`` is the model: what lives, by its root's guid (or none) and title."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = create_engine("sqlite://", poolclass=StaticPool, isolation_level="AUTOCOMMIT")
        self.connection = self.engine.connect()
        METADATA.create_all(self.connection)
        self.connection.execute(projects.insert().values(name="", created=0))
        self.now = 1000.0
        self.held: dict[tuple[str, str], InstanceDocument] = {}
        self.seen: dict[str, tuple[int | None, NodeDocument]] = {}

    def teardown(self) -> None:
        audit.flush(self.connection)
        audit.verify(self.connection)
        self.connection.close()
        self.engine.dispose()

    @initialize()
    def form(self) -> None:
        for computer, count in COMPUTERS.items():
            nodes.format_node(self.connection, LOCAL, formed(computer, count), self.now)

    def _roots(self) -> list[InstanceDocument]:
        return [each for (root, _), each in self.held.items() if not root]

    def _request(self, requester: InstanceDocument | None, **asked: Any) -> None:
        self.now += 1
        place = PartitionKey(requester.computer, requester.partition) if requester else None
        root = self._root_guid(requester) if requester else ""
        before = self.held.get((root, asked["title"]))
        request = InstanceRequest(software_url=URL, **asked)
        try:
            made = instances.request(self.connection, LOCAL, place, request, self.now)
        except MasterError:
            assert before is None, "what is there is never refused"
            free = COMPUTERS[asked["filter"]["computer_guid"]] - len(self._on(asked["filter"]["computer_guid"]))
            top = self._top(root)
            assert not free or asked["state"] == "destroyed" or (top and top.state == "destroyed")
            return
        self._check(before, made, asked, self._top(root))
        self.held[root, asked["title"]] = made

    def _check(
        self,
        before: InstanceDocument | None,
        made: InstanceDocument,
        asked: dict[str, Any],
        top: InstanceDocument | None,
    ) -> None:
        assert made.parameters == asked["parameters"]
        if top and top.state != "started":
            assert made.state == top.state
        elif asked["state"]:
            assert made.state == asked["state"]
        if before is None:
            assert made.computer == asked["filter"]["computer_guid"]
            assert made.guid not in {each.guid for each in self.held.values()}
            return
        assert (made.guid, made.computer, made.partition) == (before.guid, before.computer, before.partition)
        changed = (made.state, made.parameters) != (before.state, before.parameters)
        assert (made.timestamp > before.timestamp) if changed else (made.timestamp == before.timestamp)

    def _root_guid(self, member: InstanceDocument) -> str:
        root = next((root for (root, _), each in self.held.items() if each.guid == member.guid), "")
        return root or member.guid

    def _top(self, guid: str) -> InstanceDocument | None:
        return next((each for each in self.held.values() if each.guid == guid), None)

    def _on(self, computer: str) -> list[InstanceDocument]:
        return [each for each in self.held.values() if each.computer == computer]

    @rule(title=titles, state=states, parameters=values, computer=computers)
    def request_root(self, title: str, state: Any, parameters: dict[str, str], computer: str) -> None:
        self._request(None, title=title, state=state, parameters=parameters, filter={"computer_guid": computer})

    @rule(data=st.data(), title=titles, state=states, parameters=values, computer=computers)
    def request_child(
        self, data: st.DataObject, title: str, state: Any, parameters: dict[str, str], computer: str
    ) -> None:
        if self.held:
            requester = data.draw(st.sampled_from(sorted(self.held.values(), key=lambda each: each.instance_id)))
            self._request(
                requester, title=title, state=state, parameters=parameters, filter={"computer_guid": computer}
            )

    @rule(data=st.data())
    def report_destroyed(self, data: st.DataObject) -> None:
        if not self.held:
            return
        self.now += 1
        key = data.draw(st.sampled_from(sorted(self.held)))
        gone = self.held[key]
        place = PartitionKey(gone.computer, gone.partition)
        said = instances.report(self.connection, LOCAL, place, "destroyed", "", None, self.now)
        children = {other: each for other, each in self.held.items() if other[0] == gone.guid}
        assert (said == "OK") == (not children)
        if not children:
            del self.held[key]
        for other in children:
            assert other[1] in said
            now = instances.by_guid(self.connection, LOCAL, self.held[other].guid)
            assert now.state == "destroyed"
            self.held[other] = now

    @rule(data=st.data(), published=values)
    def publish(self, data: st.DataObject, published: dict[str, str]) -> None:
        if self.held:
            self.now += 1
            key = data.draw(st.sampled_from(sorted(self.held)))
            place = PartitionKey(self.held[key].computer, self.held[key].partition)
            instances.publish(self.connection, LOCAL, place, published, None, self.now)
            after = instances.at(self.connection, LOCAL, place)
            assert after.connection == published
            for other, each in self.held.items():
                self.held[other] = instances.by_guid(self.connection, LOCAL, each.guid)

    @invariant()
    def everybody_has_a_place(self) -> None:
        places = [(each.computer, each.partition) for each in self.held.values()]
        assert len(set(places)) == len(places)
        for each in self.held.values():
            assert instances.at(self.connection, LOCAL, PartitionKey(each.computer, each.partition)) == each

    @invariant()
    def the_counters_are_right(self) -> None:
        for computer, count in COMPUTERS.items():
            row = self.connection.execute(
                select(table.c.free, table.c.busy).where(table.c.reference == computer)
            ).first()
            busy = len(self._on(computer))
            assert row is None or tuple(row) == (count - busy, busy)

    @invariant()
    def the_revision_moves_with_the_document(self) -> None:
        for computer in COMPUTERS:
            revision = nodes.revision(self.connection, computer)
            if revision is None:
                continue
            document = nodes.document(self.connection, LOCAL, computer)
            if computer in self.seen:
                before, was = self.seen[computer]
                assert (revision == before) == (document == was)
            self.seen[computer] = (revision, document)


Requests.TestCase.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestRequests = Requests.TestCase
