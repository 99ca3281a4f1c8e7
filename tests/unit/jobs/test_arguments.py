"""Command lines: every type, every style, byte for byte (spec sections 2.6, 6.2; checks 31, 37 to 39)."""

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import UnresolvedReferenceError, UsageError
from pilothouse.jobs.arguments import CommandLine, command_line, type_of
from pilothouse.jobs.document import Argument, Kind, Operation, Option
from pilothouse.jobs.references import Scope
from pilothouse.jobs.secret import MASK

SCOPE = Scope(names=({"who": "world", "empty": "", "list": ["a", 1], "files": ["out/a.txt", "b c.txt"]},))


def opener(text: str) -> str:
    return f"opened:{text}" if text.startswith("{RC4}") else text


def line(
    options: list[tuple[str, Any, str]] | None = None,
    arguments: list[tuple[Any, str]] | None = None,
    *,
    style: str = "posix",
    on_target: bool = False,
) -> CommandLine:
    operation = Operation(
        id="op_1",
        name="op",
        kind=Kind.TARGET if on_target else Kind.RUNNER,
        options=tuple(Option(*option) for option in options or []),
        arguments=tuple(Argument(*argument) for argument in arguments or []),
    )
    return command_line(operation, SCOPE, style, opener, on_target=on_target)


AWKWARD = [
    'a"b',
    "it's",
    "$(id)",
    "`id`",
    "trail\\",
    "two\nlines",
    "\u4e2d\u6587",
    "x" * 10_000,
    " ",
    "-n",
    "*",
    "~",
    'a\\"b',
]


@pytest.mark.parametrize("value", AWKWARD)
@pytest.mark.parametrize("kind", ["text", "date", "time", "datetime", "select", "phase", "userselect", "whatever"])
def test_plain_values_arrive_byte_for_byte(value: str, kind: str) -> None:
    found = line([("key", value, kind)], [(value, kind)])
    assert found.argv == ("--key", value, value)
    assert shlex.split(found.shown) == ["--key", value, value]


@given(st.text(alphabet=st.characters(exclude_characters="\0$", exclude_categories=["Cs"]), min_size=1))
def test_any_text_arrives_byte_for_byte(value: str) -> None:
    assert line([("key", value, "text")], [(value, "text")]).argv == ("--key", value, value)


def test_options_keep_their_order_and_precede_arguments() -> None:
    found = line([("zeta", "1", "text"), ("a", "2", "text"), ("beta", "${who}", "text")], [("last", "text")])
    assert found.argv == ("--zeta", "1", "-a", "2", "--beta", "world", "last")


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ("posix", ("--key", "a b", "-k", "c", "tail")),
        ("powershell", ("-key", "a b", "-k", "c", "tail")),
        ("cmd", ("/key:a b", "/k:c", "tail")),
        ("vbscript", ("/key:a b", "/k:c", "tail")),
    ],
)
def test_styles(style: str, words: tuple[str, ...]) -> None:
    assert line([("key", "a b", "text"), ("k", "c", "text")], [("tail", "text")], style=style).argv == words


@pytest.mark.parametrize("style", ["posix", "powershell", "cmd", "vbscript"])
@pytest.mark.parametrize("kind", ["password", "account"])
def test_secrets_are_opened_for_the_program_and_masked_for_logs(style: str, kind: str) -> None:
    found = line([("login", "{RC4}be46", kind)], [("plain-secret", kind)], style=style)
    assert "opened:{RC4}be46" in " ".join(found.argv)
    assert "plain-secret" in found.argv
    assert found.secrets == ("opened:{RC4}be46", "plain-secret")
    assert "be46" not in found.shown
    assert "plain-secret" not in found.shown
    assert MASK in found.shown
    assert [value.shown for _, value in found.options] == [MASK]


def test_references_in_secrets_are_expanded() -> None:
    assert line([("p", "${who}!", "password")]).argv == ("-p", "world!")


@pytest.mark.parametrize(
    ("name", "declared", "counts"),
    [
        ("dbaccount", "text", "account"),
        ("account", "json", "account"),
        ("account", "password", "password"),
        ("accounts", "text", "text"),
        ("name", "text", "text"),
    ],
)
def test_names_ending_in_account_are_secret(name: str, declared: str, counts: str) -> None:
    assert type_of(name, declared) == counts


def test_an_option_named_like_an_account_is_masked() -> None:
    found = line([("dbaccount", "scott/tiger", "text")])
    assert found.argv == ("--dbaccount", "scott/tiger")
    assert found.shown == f"--dbaccount {MASK}"


@pytest.mark.parametrize("kind", ["json", "node", "multiselect", "checkbox"])
def test_json_stays_json(kind: str) -> None:
    found = line([("key", {"a": "it's ${who}", "b": [1, None]}, kind), ("other", '{"x": "${who}"}', kind)])
    assert found.argv == ("--key", '{"a": "it\'s world", "b": [1, null]}', "--other", '{"x": "world"}')


def test_a_quote_in_a_referenced_value_does_not_break_the_json() -> None:
    operation = Operation(id="o", name="o", kind=Kind.RUNNER, options=(Option("key", {"a": "$q"}, "json"),))
    found = command_line(operation, Scope(names=({"q": 'say "hi"'},)), "posix", opener, on_target=False)
    assert found.argv == ("--key", '{"a": "say \\"hi\\""}')


def test_textarea_is_one_line_with_passwords_masked_in_logs() -> None:
    found = line([("text", "one\npassword=abc\npwd: def\nlast", "textarea")])
    assert found.argv == ("--text", r"one\npassword=abc\npwd: def\nlast")
    assert "abc" not in found.shown
    assert "def" not in found.shown
    assert "last" in found.shown
    assert found.options[0][1].shown == rf"one\npassword={MASK}\npwd: {MASK}\nlast"


@pytest.mark.parametrize("value", [True, "true", "True", 1, "1"])
def test_a_switch_that_is_on_is_a_bare_flag(value: Any) -> None:
    assert line([("verbose", value, "switch"), ("v", value, "switch")]).argv == ("--verbose", "-v")


@pytest.mark.parametrize("value", [False, "false", 0, "0", "", None, "no"])
def test_a_switch_that_is_off_is_not_there(value: Any) -> None:
    assert line([("verbose", value, "switch")]).argv == ()


@pytest.mark.parametrize("kind", ["text", "password", "json", "textarea", "filepath", "file", "account"])
@pytest.mark.parametrize("value", ["", None, "${empty}"])
def test_empty_options_are_dropped_and_empty_arguments_kept(kind: str, value: Any) -> None:
    assert line([("key", value, kind)], [(value, kind)]).argv == ("",)


@pytest.mark.parametrize(
    ("value", "here", "there", "paths"),
    [
        ("output-op/n/op/a.txt", "output-op/n/op/a.txt", "file/a.txt", ("output-op/n/op/a.txt",)),
        ("a.txt", "a.txt", "file/a.txt", ("a.txt",)),
        ("dir/", "dir/", "file/dir", ("dir/",)),
        (["file/a", "file/b c"], "file/a,file/b c", "file/a,file/b c", ("file/a", "file/b c")),
        ("${files}", "out/a.txt,b c.txt", "file/a.txt,file/b c.txt", ("out/a.txt", "b c.txt")),
        ("[odd", "[odd", "file/[odd", ("[odd",)),
    ],
)
@pytest.mark.parametrize("kind", ["file", "filepath"])
def test_files(value: Any, here: str, there: str, paths: tuple[str, ...], kind: str) -> None:
    on_runner, on_target = line([("f", value, kind)]), line([("f", value, kind)], on_target=True)
    assert (on_runner.argv, on_target.argv) == (("-f", here), ("-f", there))
    assert (on_runner.paths, on_target.paths) == (paths, paths)


def test_files_of_arguments_are_files_too() -> None:
    found = line([], [("x/a", "filepath"), (["y/b"], "file")], on_target=True)
    assert found.argv == ("file/a", "file/b")
    assert found.paths == ("x/a", "y/b")


def test_a_file_by_its_number_is_refused_with_advice() -> None:
    with pytest.raises(UsageError, match="file 77 is an id of a control server; name a path"):
        line([("f", [77], "file")])


@pytest.mark.parametrize("kind", ["text", "password", "textarea", "filepath"])
def test_nul_is_refused_before_a_process_is_started(kind: str) -> None:
    with pytest.raises(UsageError, match="NUL character"):
        line([("key", "a\0b", kind)])


def test_values_that_are_no_strings_become_json() -> None:
    found = line([("a", 5, "text"), ("b", True, "text"), ("c", {"x": 1}, "text"), ("d", "${list}", "text")])
    assert found.argv == ("-a", "5", "-b", "true", "-c", '{"x": 1}', "-d", '["a", 1]')


def test_an_unresolved_output_is_an_error() -> None:
    with pytest.raises(UnresolvedReferenceError):
        line([("key", "${ph.op_1.v}", "text")])


def test_the_runners_own_environment_is_not_looked_at() -> None:
    assert line([("key", "$HOME $PATH", "text")]).argv == ("--key", "$HOME $PATH")
