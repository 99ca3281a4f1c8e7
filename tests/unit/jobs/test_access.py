"""The further fields of a node: what is read, and what is said of faults."""

import json

import pytest

from pilothouse.errors import DocumentError
from pilothouse.jobs.access import Access, Become, Hop, hops
from pilothouse.jobs.nodes import Node, decode
from pilothouse.jobs.secret import Secret


def node(**fields: object) -> Node:
    return decode(json.dumps({"resourceId": 1, "host": "web", **fields}), "nodes").nodes[0]


def fault(**fields: object) -> str:
    with pytest.raises(DocumentError) as caught:
        node(**fields)
    return str(caught.value)


def test_nothing_said_means_nothing_special() -> None:
    assert node().access == Access()


def test_all_of_them() -> None:
    found = node(
        charset="GBK", proxyJump="a@b:22,[::1]:23", becomeUser="app", becomeMethod="su", becomePassword="secret"
    )
    become = Become(user="app", method="su", password=Secret("secret"))
    assert found.access == Access(charset="GBK", hops=(Hop("b", "a", 22), Hop("::1", "", 23)), become=become)
    assert "becomePassword" not in found.attributes
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("none", ()),
        ("", ()),
        ("web", (Hop("web"),)),
        ("a@web, b@db:7", (Hop("web", "a"), Hop("db", "b", 7))),
        ("-oProxyCommand=x", None),
        ("-u@web", None),
        ("a@-web", None),
        ("web:99999", None),
        ("web,,db", None),
        ("a b", None),
    ],
)
def test_jump_hosts(text: str, found: tuple[Hop, ...] | None) -> None:
    assert hops(text) == found


def test_none_switches_the_setting_off() -> None:
    assert node(proxyJump="none").access.hops == ()


def test_faults_have_their_place() -> None:
    assert "line 1.proxyJump" in fault(proxyJump="a b")
    assert "line 1.charset" in fault(charset="no-such-set")
    assert "line 1.charset" in fault(charset="utf-16")
    assert "line 1.charset" in fault(charset="base64")
    assert "line 1.becomeMethod" in fault(becomeUser="app", becomeMethod="doas")
    assert "line 1.becomeUser" in fault(becomeUser="-u root")
    assert "line 1.becomeUser" in fault(becomePassword="secret")
    text = fault(becomeUser="app", becomePassword="sec\nret")
    assert "line 1.becomePassword" in text
    assert "sec" not in text.replace("secret", "")


def test_the_password_is_opened_once() -> None:
    sealed = node(becomeUser="app", becomePassword="terces").access
    opened = sealed.opened(lambda secret: secret.reveal()[::-1])
    assert opened.become is not None
    assert opened.become.password.reveal() == "secret"
    assert Access().opened(lambda _: "x") == Access()
