"""Parameters from words and files, and the descriptions that they are checked against (spec section 10.3)."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.cli.slapos import pairs, parameter_file, release_description
from pilothouse.cli.slapos.call import CommandError
from pilothouse.cli.slapos.release_description import ReleaseDescription, UndescribedError
from pilothouse.cli.slapos.request import readable, validate

SCHEMA = {"type": "object", "properties": {"foo": {"enum": ["bar"]}, "n": {"$ref": "./common.json#/definitions/n"}}}


def test_words_are_split_at_their_first_sign() -> None:
    assert pairs.parse(["foo=bar", "x=a=b", "empty="]) == {"foo": "bar", "x": "a=b", "empty": ""}


@pytest.mark.parametrize(
    ("words", "said"),
    [(["novalue"], "'novalue' has no '='"), (["a=1", "a=2"], "Multiple values provided for the same key 'a'")],
)
def test_words_of_another_shape_are_refused(words: list[str], said: str) -> None:
    """Check L08."""
    with pytest.raises(CommandError) as caught:
        pairs.parse(words)
    assert caught.value.text == said


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.json", b'{"a": "1", "b": {"c": [1]}}'),
        ("p.txt", b'{"a": "1", "b": {"c": [1]}}'),
        ("p.yaml", b"a: '1'\nb:\n  c: [1]\n"),
        ("p.yml", b"a: '1'\nb: {c: [1]}"),
    ],
)
def test_the_ending_says_how_a_file_is_read(name: str, content: bytes) -> None:
    value = {"a": "1", "b": {"c": [1]}}
    assert parameter_file.load(name, content, "xml") == value
    assert parameter_file.load(name, content, "json-in-xml") == {"_": json.dumps(value, indent=2)}


def test_instance_xml_is_taken_as_it_is() -> None:
    content = b"<instance><parameter id='a'>1</parameter><parameter id='_'>{}</parameter></instance>"
    assert parameter_file.load("p.xml", content, "json-in-xml") == {"a": "1", "_": "{}"}


def test_what_is_wrapped_is_not_wrapped_again() -> None:
    assert parameter_file.load("p.json", b'{"_": "{}"}', "json-in-xml") == {"_": "{}"}


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans())))
def test_what_is_wrapped_comes_out_again(value: dict[str, Any]) -> None:
    if list(value) != ["_"]:
        assert parameter_file.unwrapped(parameter_file.wrapped(value)) == value


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("p.json", b"{bad", "p.json is no JSON: "),
        ("p.yaml", b"a: [", "p.yaml is no YAML: "),
        ("p.xml", b"<a", "p.xml is no instance XML: "),
        ("p.json", b"[1]", "p.json holds a list, not parameters by name"),
        ("p.yaml", b"", "p.yaml holds nothing, not parameters by name"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(name: str, content: bytes, said: str) -> None:
    with pytest.raises(CommandError) as caught:
        parameter_file.load(name, content, "xml")
    assert caught.value.text.startswith(said)


@pytest.fixture
def release(tmp_path: Path) -> str:
    """A release on the disk, with a schema that refers to another."""
    folder = tmp_path / "sr"
    (folder / "schemas").mkdir(parents=True)
    types = {
        "default": {"title": "t", "description": "d", "request": "schemas/in.json", "index": 0},
        "json": {"title": "t", "request": "schemas/in.json", "serialisation": "json-in-xml"},
        "broken": {"request": "schemas/broken.json"},
        "gone": {"request": "schemas/gone.json"},
    }
    (folder / "software.cfg.json").write_text(json.dumps({"serialisation": "xml", "software-type": types}))
    (folder / "schemas" / "in.json").write_text(json.dumps(SCHEMA))
    (folder / "schemas" / "broken.json").write_text(json.dumps({"type": "nonsense"}))
    (folder / "schemas" / "common.json").write_text(json.dumps({"definitions": {"n": {"type": "string"}}}))
    return str(folder / "software.cfg")


def said_of(url: str, kind: str | None, parameters: dict[str, Any], caplog: pytest.LogCaptureFixture) -> str:
    log = logging.getLogger("tests.slapos")
    caplog.clear()
    validate(ReleaseDescription(url), kind, parameters, log)
    return "\n".join(record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("prefix", ["", "file:", "file://"])
def test_parameters_that_do_not_fit_are_warned_of(release: str, caplog: pytest.LogCaptureFixture, prefix: str) -> None:
    """Check L07."""
    head = "Request parameters do not validate against schema definition:"
    assert said_of(prefix + release, None, {"foo": "wrong"}, caplog) == f'{head}\n  $.foo: "wrong" is not one of "bar"'
    assert said_of(prefix + release, "RootSoftwareInstance", {"n": 1}, caplog).startswith(f"{head}\n  $.n: 1 is not of")
    assert said_of(prefix + release, "", {"foo": "bar", "n": "1", "$schema": "x"}, caplog) == ""


def test_wrapped_parameters_are_checked_unwrapped(release: str, caplog: pytest.LogCaptureFixture) -> None:
    assert "$.foo" in said_of(release, "json", {"_": '{"foo": "wrong"}'}, caplog)
    assert said_of(release, "json", {"_": '{"foo": "bar"}'}, caplog) == ""


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("nope", "No schema defined for software type 'nope' of software release {url} (KeyError: 'nope')"),
        ("gone", "Unable to load JSON file://{folder}/schemas/gone.json (FileNotFoundError: "),
        ("broken", "Error validating request parameters against schema definition:\nValidationError "),
    ],
)
def test_what_cannot_be_checked_is_only_warned_of(
    release: str, caplog: pytest.LogCaptureFixture, kind: str, said: str
) -> None:
    expected = said.format(url=release, folder=Path(release).parent)
    assert said_of(release, kind, {"foo": "bar"}, caplog).startswith(expected)


def test_a_release_without_description_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = str(tmp_path / "x.cfg")
    assert said_of(url, None, {}, caplog).startswith(f"Unable to load JSON file:{url}.json (FileNotFoundError: ")


def test_a_description_says_how_parameters_are_written(release: str) -> None:
    description = ReleaseDescription(release)
    assert description.serialisation(None) == "xml"
    assert description.serialisation("json") == "json-in-xml"
    assert description.serialisation("unknown") == "xml"
    with pytest.raises(UndescribedError):
        ReleaseDescription(f"{release}.none").serialisation(None)


def test_connection_parameters_are_unwrapped_unless_the_release_uses_plain_ones(release: str) -> None:
    wrapped = {"_": '{"u": 1}'}
    assert readable(wrapped, ReleaseDescription(release), None) == wrapped
    assert readable(wrapped, ReleaseDescription(release), "json") == {"u": 1}
    assert readable(wrapped, ReleaseDescription(f"{release}.none"), None) == {"u": 1}
    assert readable({"u": "1"}, ReleaseDescription(f"{release}.none"), None) == {"u": "1"}


def test_releases_are_found_by_url_and_path() -> None:
    assert release_description.located("https://h/a.cfg") == "https://h/a.cfg"
    assert release_description.located("a.cfg") == "file:a.cfg"
