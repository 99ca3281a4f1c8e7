"""Addresses of masters, URI templates and hateoas documents (spec sections 1.1, 3)."""

import pytest

from pilothouse.slap.client import hateoas, webproxy
from pilothouse.slap.client.address import base_url, method_url
from pilothouse.slap.client.uri_template import Variable, expand


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ("https://slap.vifib.com/", "https://slap.vifib.com/"),
        ("http://fe80:1234::1:5000/foo/", "http://[fe80:1234::1:5000]/foo/"),
        ("http://1:2:3:4:5:6:7:8:5000/foo", "http://[1:2:3:4:5:6:7:8]:5000/foo/"),
        ("http://::1/", "http://[::1]/"),
        ("http://[::1]:5000/", "http://[::1]:5000/"),
        ("http://user:word@::1/", "http://user:word@[::1]/"),
        ("http://a:b:c/", "http://a:b:c/"),
        ("http://host/prefix/deep", "http://host/prefix/deep/"),
    ],
)
def test_a_masters_address_is_completed(written: str, used: str) -> None:
    assert base_url(written) == used
    assert method_url(used, "getRunId") == f"{used}getRunId"


@pytest.mark.parametrize(
    ("template", "address"),
    [
        ("http://h/?mode=search&query={query}&select_list={select_list}", "http://h/?mode=search&query=a%20%22b%22&select_list=x,y"),
        ("http://h/?m=s{&query,select_list*,limit*}", "http://h/?m=s&query=a%20%22b%22&select_list=x&select_list=y&limit=40"),
        ("http://h/{?nothing,limit}", "http://h/?limit=40"),
        ("http://h/{?nothing}{&nothing*}{nothing}", "http://h/"),
        ("http://h/{url}", "http://h/a%2Fb%3Fc"),
        ("http://h/{+url}", "http://h/a/b?c"),
    ],
)  # fmt: skip
def test_templates_are_filled_in(template: str, address: str) -> None:
    variables: dict[str, Variable] = {"query": 'a "b"', "select_list": ["x", "y"], "limit": 40, "url": "a/b?c"}
    assert expand(template, variables) == address


def test_a_document_gives_its_readable_fields() -> None:
    document = {
        "_links": {"type": {"name": "Instance Tree"}, "parent": {"href": "urn:jio:get:module/tree/7"}},
        "_embedded": {
            "_view": {
                "form_id": {"type": "StringField", "key": "form_id", "default": "x"},
                "my_title": {"type": "StringField", "default": "t"},
                "your_count": {"type": "IntegerField", "default": 3},
                "my_list": {"type": "ListBox", "default": []},
                "other_title": {"type": "StringField", "default": "no"},
            }
        },
    }
    assert hateoas.values(document) == {
        "portal_type": "Instance Tree",
        "parent_relative_url": "tree/7",
        "title": "t",
        "count": 3,
    }
    assert hateoas.values({}) == {}


def test_web_proxies_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert webproxy.proxy_for("https", "master.example") is None
    monkeypatch.setenv("https_proxy", "http://user:word@proxy.example:3128/")
    monkeypatch.setenv("no_proxy", ".local,direct.example")
    assert webproxy.proxy_for("https", "master.example:443") == "proxy.example:3128"
    assert webproxy.proxy_for("http", "master.example") is None
    assert webproxy.proxy_for("https", "direct.example") is None
    monkeypatch.setenv("http_proxy", "plain.example:8080")
    assert webproxy.proxy_for("http", "master.example") == "plain.example:8080"
