"""``slapos.cfg`` as one value, with errors that name their place (node spec, sections 2.8 and 3)."""

from pathlib import Path

import pytest

from pilothouse.node import sizes
from pilothouse.node.collect import Plan
from pilothouse.node.configuration import Configuration, configuration
from pilothouse.node.errors import ConfigurationError
from pilothouse.node.shape import Shape, shape

LEAST = {"computer_id": "C", "master_url": "http://m", "software_root": "/s", "instance_root": "/i"}


def read(slapos: dict[str, str], given: dict[str, object] | None = None, **sections: dict[str, str]) -> Configuration:
    return configuration("/f.cfg", {"slapos": {**LEAST, **slapos}, **sections}, given or {})


def test_defaults_and_what_wins() -> None:
    found = read({"promise_timeout": "30"})
    assert (found.maximum_periodicity, found.promise_timeout, found.partition_timeout) == (86400, 30, None)
    assert found.software_min_free_space == 1000 * 1024**2
    assert found.root_check
    assert found.instance_root == Path("/i")
    later = read({"promise_timeout": "30"}, {"promise_timeout": 5, "instance_root": "/j", "buildout": None})
    assert (later.promise_timeout, later.instance_root, later.buildout) == (5, Path("/j"), None)
    cache = read({"buildout": "a"}, networkcache={"buildout": "b", "upload-dir-url": "u"})
    assert (cache.buildout, cache.networkcache["upload-dir-url"]) == ("b", "u")


def test_defects_of_the_original_are_not_kept() -> None:
    assert read({"maximum_periodicity": "60"}).maximum_periodicity == 60
    assert not read({"develop": "false"}).develop
    assert read({"develop": "true"}).develop
    assert read({"partition-timeout": "9"}).partition_timeout == 9


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"computer_id": ""}, "Mandatory parameters present but empty: computer_id (/f.cfg)"),
        ({"cert_file": "/c"}, "Missing mandatory parameters: certificate_repository_path, key_file (/f.cfg)"),
        ({"maximal_delay": "x"}, "maximal_delay is 'x'; give a whole number (/f.cfg, section [slapos], maximal_delay)"),
        (
            {"root_check": "no"},
            "Option 'root_check' needs to be \"True\" or \"False\", wrong value: 'no'",
        ),
        ({"instance_min_free_space": "1 lot"}, "can't interpret '1 lot'"),
        ({"master_ca_file": "/nowhere"}, "File '/nowhere' does not exist."),
        (
            {"master_url": "somewhere"},
            "master_url is 'somewhere'; give http:// or https:// and a host (/f.cfg, section",
        ),
        (
            {"promise_timeout": "0"},
            "promise_timeout is 0; give a whole number from 1 on (/f.cfg, section [slapos], promi",
        ),
        ({"partition_timeout": "-1"}, "partition_timeout is -1; give a whole number from 0 on"),
        ({"forbid_supervisord_automatic_launch": "1"}, "Option 'forbid_supervisord_automatic_launch' needs to be"),
        ({"maximum_periodicity": "daily"}, "maximum_periodicity is 'daily'; give a whole number"),
    ],
)
def test_errors_say_where(values: dict[str, str], text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(values)
    assert str(caught.value).startswith(text)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigurationError, match="Missing mandatory parameters: computer_id, master_url"):
        configuration("/f.cfg", {"slapos": {"software_root": "/s", "instance_root": "/i"}}, {})
    with pytest.raises(ConfigurationError, match="No section: 'slapos'"):
        configuration("/f.cfg", {}, {})


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("12", 12), ("1K", 1024), ("1k", 1024), ("1.5 KB", 1536), ("2 mega", 2 * 1024**2)),
        *(("1Gi", 1024**3), ("1kibi", 1024), ("1 iotta", 1024**8), ("3B", 3)),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert sizes.parse(text) == size


def test_sizes_are_shown_and_refused() -> None:
    assert sizes.shown(76.6 * 1024**3) == "76.6 GB"
    for text in ("", "M", "1 X", "1.2.3K", "-1"):
        with pytest.raises(ValueError, match="can't interpret"):
            sizes.parse(text)


def plan(collect: dict[str, str], **more: str) -> Plan:
    names = {"partition_amount": "2", "user_base_name": "u", "partition_base_name": "p", **more}
    return Plan.of(read({}, slapformat=names, collect=collect))


def test_what_collect_is_told() -> None:
    found = plan({})
    assert list(found.accounts.items()) == [("u0", Path("/i/p0")), ("u1", Path("/i/p1"))]
    assert (found.measures_disks, found.uses_quota, found.disk_cycle, found.cache) == (True, False, 86400, 15)
    assert (found.model_id, found.sensor_id, found.pid_folder) == ("no_model", None, Path("/i/var/run"))
    told = plan(
        {
            "report_disk_usage": "off",
            "disk_snapshot_use_quota": "True",
            "disk_snapshot_time_cycle": "60",
            "disk_snapshot_process_pid_foder": "/run/x",
        },
        computer_model_id="box",
        heating_sensor_id="Core 0",
        collect_cache="3",
    )
    assert (told.measures_disks, told.uses_quota, told.disk_cycle, told.cache) == (False, True, 60, 3)
    assert (told.model_id, told.sensor_id, told.pid_folder) == ("box", "Core 0", Path("/run/x"))


@pytest.mark.parametrize("name", ["report_disk_usage", "disk_snapshot_use_quota", "disk_snapshot_time_cycle"])
def test_garbage_for_collect_is_refused_with_its_place(name: str) -> None:
    with pytest.raises(
        ConfigurationError, match=rf"{name} is 'maybe'; give .* \(/f.cfg, section \[collect\], {name}\)"
    ):
        plan({name: "maybe"})


SHAPED = {**LEAST, "computer_xml": "/x"}


def shaped(**slapformat: str) -> Shape:
    return shape("/f.cfg", {"slapos": SHAPED, "slapformat": {"partition_amount": "2", **slapformat}}, {}, dry=True)


def test_what_format_is_told() -> None:
    found = shaped()
    assert (found.software_user, found.ipv6_prefixshift, found.tap_gateway_interface) == ("slapsoft", 16, "")
    assert [found.alter_user, found.alter_network, found.create_tap, found.tap_ipv6] == [True] * 4
    assert (found.create_tun, found.tun_ipv6, found.partition_has_ipv6_range) == (False, True, True)
    assert (found.partition_disk_quota, found.public_ipv4_services, found.manager_list) == (0, (), ())
    told = shaped(partition_disk_quota="2G", tap_gateway_interface="br0", computer_xml="/ignored")
    assert (told.partition_disk_quota, told.tap_gateway_interface) == (2 * 1024**3, "br0")
    # section slapos wins over section slapformat
    assert told.computer_xml == Path("/x")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("bridge_name", "br0", "Option 'bridge_name' is totally deprecated, please update your config file"),
        ("no_bridge", "1", "Option 'no_bridge' is totally deprecated, please update your config file"),
        ("create_tun", "1", """Option 'create_tun' needs to be "True" or "False", wrong value: '1'"""),
        ("partition_amount", "many", "partition_amount is 'many'; give a whole number"),
        ("partition_amount", "-1", "partition_amount must be a whole number from 0 on"),
        ("partition_amount", "20000", "ipv6_prefixshift = 16 does not do for 20000 partitions"),
        ("ipv6_prefixshift", "2", "ipv6_prefixshift = 2 does not do for 2 partitions"),
        ("ipv6_prefixshift", "999999", "ipv6_prefixshift = 999999 does not do"),
        ("ipv4_local_network", "10.0.0.0/99", "ipv4_local_network is '10.0.0.0/99'; give a network such as"),
        ("partition_base_name", "../up", "partition_base_name is '../up'; give a letter, then"),
        ("software_user", "-x", "software_user is '-x'; give a letter, then"),
        ("tap_gateway_interface", "a/b", "tap_gateway_interface is 'a/b', which is no name of an interface"),
        ("public_ipv4_services", "file:///etc/passwd", "file:///etc/passwd is no address of a web service"),
        ("partition_disk_quota", "lots", "can't interpret 'lots'"),
    ],
)
def test_garbage_for_format_is_refused_with_its_place(name: str, value: str, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        shaped(**{name: value})
    assert str(caught.value).startswith(text)
    place = "ipv6_prefixshift" if "ipv6_prefixshift" in text else name
    assert str(caught.value).endswith(f"(/f.cfg, section [slapformat], {place})")


def test_what_format_cannot_do_without() -> None:
    with pytest.raises(ConfigurationError) as caught:
        shape("/f.cfg", {"slapos": LEAST, "slapformat": {"partition_amount": "2"}}, {}, dry=True)
    assert str(caught.value) == "Parameter 'computer_xml' is not defined. (/f.cfg)\nFor help use --help"


def test_programs_that_format_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    sections = {"slapos": SHAPED, "slapformat": {"partition_amount": "2", "alter_network": "false"}}
    with pytest.raises(ConfigurationError, match=r"not functional: groupadd,useradd,usermod,passwd,ip$"):
        shape("/f.cfg", sections, {}, dry=False)
    more = {"alter_user": "false", "create_tap": "false"}
    assert shape("/f.cfg", {**sections, "slapformat": {**sections["slapformat"], **more}}, {}, dry=False)
