"""Numbers of Nagios plugins."""

from hypothesis import given
from hypothesis import strategies as st

from pilothouse.checks import nagios
from pilothouse.checks.nagios import Datum


def test_documented_shapes() -> None:
    assert nagios.performance("DISK OK | /=2643MB;5948;5958;0;5968 'a b'=3.5%;;90 u=U\nlong\ntext | x=1\ny=-2s") == [
        Datum("/", "2643", "MB", ("5948", "5958", "0", "5968")),
        Datum("a b", "3.5", "%", ("", "90")),
        Datum("u", "U", "", ()),
        Datum("x", "1", "", ()),
        Datum("y", "-2", "s", ()),
    ]
    assert nagios.performance("no numbers a=1") == []


@given(st.text())
def test_garbage_is_passed_over(output: str) -> None:
    assert isinstance(nagios.performance(output), list)
