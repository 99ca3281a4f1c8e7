"""Checks H (the rest of the library) and T (hateoas) of the conformance list (spec section 13)."""

import contextlib
import urllib.error
import urllib.parse
import urllib.request

from tests.interop.slap.world import SR, World, place

FRONTEND = "http://git.erp5.org/gitweb/slapos.git/blob_plain/HEAD:/software/apache-frontend/software.cfg"
VNC = "http://git.erp5.org/gitweb/slapos.git/blob_plain/refs/tags/slapos-0.92:/software/kvm/software.cfg"
TIO = (
    '<?xml version="1.0"?><journal><transaction type="Sale Packing List"><title>Resource consumptions</title>'
    "<start_date></start_date><stop_date>2026-11-22 at 08:15:43</stop_date><reference>COMP-1</reference>"
    "<currency></currency><payment_mode></payment_mode><category></category>"
    '<arrow type="Administration"><source></source><destination></destination></arrow>'
    "<movement><resource>CPU Consumption</resource><title>Title</title><reference>slappart0</reference>"
    "<quantity>42.5</quantity><price>0.00</price><VAT>None</VAT><category>None</category></movement>"
    "</transaction></journal>"
)


def h01_a_certificate_is_two_texts(world: World) -> None:
    certificate = world.node(1).request().getCertificate()
    assert sorted(certificate) == ["certificate", "key"]
    assert all(isinstance(text, str) for text in certificate.values())


def h02_usage_is_taken_and_nothing_is_not_sent(world: World) -> None:
    world.slap.registerComputer(world.node(0).id).reportUsage(TIO)
    world.library.Computer("without a connection").reportUsage("")


def h04_a_web_frontend_needs_no_host(world: World) -> None:
    url = "http://[fd00::1]:8080/a/b?c=d#e"
    slave = world.order.request(FRONTEND, world.name("slave"), {"url": url}, shared=True)
    assert slave.getConnectionParameterDict() == {"secure_access": url, "domain": "[fd00::1]:8080"}


def h05_a_vnc_frontend_needs_no_host(world: World) -> None:
    slave = world.order.request(
        VNC, world.name("slave"), {"host": "::1", "port": 123}, software_type="frontend", shared=True
    )
    expected = {"url": "https://[::1]:123/", "domainname": "[::1]", "port": "123", "path": "/"}
    assert {key: str(value) for key, value in slave.getConnectionParameterDict().items()} == expected


def h06_reports_of_nobody_do_no_harm(world: World) -> None:
    nobody = world.slap.registerComputerPartition(world.name("nobody"), "nowhere")
    for report in (nobody.started, nobody.stopped, nobody.destroyed):
        with contextlib.suppress(*world.refusals):
            report()
    nobody.error("no disk")


def t02_services_are_roots(world: World) -> None:
    node = world.node(2)
    title, name, slave = world.name("root"), world.name("child"), world.name("slave")
    root = node.request(title, software_type="T")
    node.child(root, name)
    node.request(slave, software_type="T", shared=True)
    services = world.slap.getOpenOrderDict()
    assert (services[title]._title, services[title]._software_release_url) == (title, SR)
    assert (services[slave]._title, services[slave]._software_release_url) == (slave, SR)
    assert name not in services


def t03_a_service_is_told(world: World) -> None:
    node = world.node(1)
    title = world.name("root")
    instance = node.request(title, {"a": "b"}, software_type="T", state="stopped")
    instance.setConnectionDict({"u": "http://u"})
    told = world.order.getInformation(title)
    assert (told._reference, told._requested_state, told._software_release_url) == (title, "stopped", SR)
    assert (told._source_reference, told._parameter_dict) == ("T", {"a": "b"})
    assert not told._root_slave
    assert "http://u" in str(told._connection_dict)
    world.refused(world.library.NotFoundError, world.order.getInformation, world.name("nothing"))


def t04_a_slave_is_told(world: World) -> None:
    node = world.node(1)
    node.request(software_type="T")
    slave = world.name("slave")
    node.request(slave, {"a": "b"}, software_type="T", shared=True)
    told = world.order.getInformation(slave)
    assert (told._reference, told._software_release_url, told._source_reference) == (slave, SR, "T")
    assert told._parameter_dict == {"a": "b"}
    assert told._root_slave


def t05_wrapped_json_is_unwrapped(world: World) -> None:
    title = world.name("root")
    world.node(1).request(title, {"_": '{"a": [1, "é"]}'})
    assert world.order.getInformation(title)._parameter_dict == {"_": {"a": [1, "é"]}}


def t07_computers_are_told(world: World) -> None:
    node = world.node(0)
    computer = world.slap.getComputerDict()[node.id]
    assert (computer._title, computer._reference) == (node.id, node.id)
    told = world.slap.registerComputer(node.id).getInformation()
    assert (told._title, told._reference) == (node.id, node.id)
    world.refused(world.library.NotFoundError, world.slap.registerComputer(world.name("no")).getInformation)


def t08_other_searches_are_refused(world: World) -> None:
    query = urllib.parse.urlencode({"mode": "search", "query": 'portal_type:"Person"'})
    url = f"{world.rest_url.rstrip('/')}/?{query}"
    error = world.refused(urllib.error.HTTPError, urllib.request.urlopen, url)
    error.close()
    assert error.code == 400


def t09_a_quote_in_a_title_cannot_be_searched(world: World) -> None:
    title = f'{world.name("root")}"quoted'
    world.node(1).request(title)
    assert "400" in str(world.refused(world.http_error, world.order.getInformation, title))


def t10_a_destroyed_service_is_gone(world: World) -> None:
    node = world.node(1)
    title = world.name("root")
    instance = node.request(title)
    node.request(title, state="destroyed")
    instance.destroyed()
    assert title not in world.slap.getOpenOrderDict()
    assert place(node.request()) == place(instance)
