"""The section ``node-run`` of ``slapos.cfg``."""

from collections.abc import Mapping

import pytest

from pilothouse.node.configuration import Configuration, configuration
from pilothouse.node.daemon.plan import Plan
from pilothouse.node.errors import ConfigurationError

SLAPOS = {"computer_id": "C", "master_url": "http://m/", "software_root": "/opt/s", "instance_root": "/srv/s"}
SHAPE = {"partition_amount": "2", "user_base_name": "u", "partition_base_name": "p"}


def config(run: Mapping[str, str], **sections: Mapping[str, str]) -> Configuration:
    slapos = {**SLAPOS, **sections.pop("slapos", {})}
    return configuration("slapos.cfg", {"slapos": slapos, "node-run": run, **sections}, {})


def test_the_usual_intervals() -> None:
    plain = Plan.of(config({}), root=False)
    assert {kind.name: plan for kind in plain.kinds() if (plan := plain.intervals[kind.name])} == {
        "instance": 60, "software": 60, "report": 3600,
    }  # fmt: skip
    assert (plain.jitter, plain.stop_wait, plain.stream) == (0.1, 60, True)
    root = Plan.of(config({}, slapformat=SHAPE, slapos={"shared_part_list": "/opt/shared"}), root=True)
    assert (root.intervals["collect"], root.intervals["format"], root.intervals["prune"]) == (60, 3600, 86400)
    assert (root.intervals["promise"], root.intervals["garbage"]) == (0, 0)


def test_a_file_decides() -> None:
    text = {"instance": "300", "report": "0", "promise": "7200", "garbage": "86400", "collect": "120",
            "jitter": "0", "stop_wait": "5", "stream": "false"}  # fmt: skip
    plan = Plan.of(config(text), root=False)
    assert [kind.name for kind in plan.kinds()] == ["instance", "software", "promise", "collect", "garbage"]
    assert plan.intervals["instance"] == 300
    assert (plan.jitter, plan.stop_wait, plan.stream) == (0.0, 5, False)


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("instance", "-1", "instance is -1; give 0 or more"),
        ("instance", "often", "give a whole number"),
        ("jitter", "101", "up to 100"),
        ("stream", "maybe", "True"),
        ("instace", "60", "instace is nothing that can be set; allowed: collect"),
    ],
)
def test_a_bad_value_is_named_with_its_place(name: str, value: str, part: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Plan.of(config({name: value}), root=False)
    assert part in str(caught.value)
    assert "slapos.cfg, section [node-run]" in str(caught.value)


def test_what_stands_in_every_section_is_no_mistake() -> None:
    assert Plan.of(config({"here": "/x"}, slapos={"here": "/x"}), root=False).stream
