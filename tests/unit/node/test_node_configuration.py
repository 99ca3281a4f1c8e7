"""``slapos.cfg`` as one value, with errors that name their place (node spec, sections 2.8 and 3)."""

from pathlib import Path

import pytest

from pilothouse.node import sizes
from pilothouse.node.configuration import Configuration, configuration
from pilothouse.node.errors import ConfigurationError

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
