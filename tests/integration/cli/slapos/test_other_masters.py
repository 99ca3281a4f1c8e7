"""What only masters other than ``slapos proxy`` answer: not ready yet, products, reports of instances."""

import json
from pathlib import Path

import pytest
from tests.slaposcli import Slapos
from tests.webserver import Answer, WebServer

from pilothouse.slap import marshal_writer

NOWHERE = "http://127.0.0.1:1/software.cfg"


@pytest.fixture(autouse=True)
def configuration(web: WebServer, slapos: Slapos, tmp_path: Path) -> None:
    file = tmp_path / "slapos-client.cfg"
    file.write_text(f"[slapos]\nmaster_url = {web.url}/api/\nmaster_rest_url = {web.url}/hateoas/\n")
    slapos.cfg = str(file)


def test_a_request_that_is_not_ready_is_to_be_repeated(web: WebServer, slapos: Slapos) -> None:
    web.answers["/api/requestComputerPartition"] = Answer(408)
    assert slapos("request", "x", NOWHERE, code=2).err.endswith(
        "\nWARNING Instance requested. Master is provisioning it. Please rerun in a couple of minutes to get "
        "connection information.\n"
    )


def test_a_product_is_its_newest_release(web: WebServer, slapos: Slapos) -> None:
    found = marshal_writer.dumps(["http://sr/new.cfg", "http://sr/old.cfg"])
    content = found if isinstance(found, bytes) else found.encode()
    web.answers["/api/getSoftwareReleaseListFromSoftwareProduct"] = Answer(200, content)
    web.answers["/api/supplySupply"] = Answer()
    assert slapos("supply", "product.kvm", "COMP-1").err == (
        "INFO Requesting software installation of product.kvm...\n"
        "INFO Getting best Software Release corresponding to this Software Product...\n"
        "INFO Found as http://sr/new.cfg.\n"
        "INFO Done.\n"
    )
    assert web.asked[-1].body == b"url=http%3A%2F%2Fsr%2Fnew.cfg&computer_id=COMP-1&state=available"


def field(value: object, kind: str = "StringField") -> dict[str, object]:
    return {"type": kind, "key": "k", "default": value}


def test_reports_of_an_instance_become_its_status(web: WebServer, slapos: Slapos) -> None:
    news = {"instance": [{"text": "#access Instance correctly started"}]}
    view = {
        "form_id": field("f"),
        "my_url_string": field(NOWHERE),
        "my_source_reference": field("default"),
        "my_slap_state": field("started"),
        "my_text_content": field("<instance/>"),
        "my_root_slave": field(0, "IntegerField"),
        "my_connection_parameter_list": field([{"connection_key": "_", "connection_value": "[1]"}]),
        "my_news": field(news),
    }
    root = {"raw_search": {"href": f"{web.url}/search{{?query}}"}, "traverse": {"href": f"{web.url}/at{{?view}}"}}
    documents = {
        "/hateoas/": {"_links": root},
        "/search": {"_embedded": {"contents": [{"title": "x", "relative_url": "r"}]}},
        "/at": {"_links": {"type": {"name": "Instance Tree"}}, "_embedded": {"_view": view}},
    }
    for path, document in documents.items():
        web.answers[path] = Answer(200, json.dumps(document).encode())
    told = json.loads(slapos("service", "info", "x", "--news").out)
    assert list(told)[-3:] == ["connection-parameters", "status", "news"]
    assert told["connection-parameters"] == [1]
    assert (told["status"], told["news"]) == ("green", news["instance"])
    assert "news" not in json.loads(slapos("service", "info", "x").out)
