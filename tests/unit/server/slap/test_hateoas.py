import pytest
from tests.unit.server.slap.samples import requested

from pilothouse.server.api.slap import hateoas_documents, hateoas_queries
from pilothouse.server.api.slap.hateoas_queries import Query
from pilothouse.server.master.errors import InvalidRequestError
from pilothouse.services.instance import InstanceEntry


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ('portal_type:"Instance Tree" AND validation_state:validated', Query("instance")),
        ('portal_type:"Instance Tree" AND validation_state:validated AND title:="a b"', Query("instance", "a b")),
        ('portal_type:"Hosting Subscription" AND validation_state:validated', Query("instance")),
        ('portal_type:"Compute Node" AND validation_state:validated AND reference:="c"', Query("computer", "c")),
        ('portal_type:"Computer" AND validation_state:validated', Query("computer")),
    ],
)
def test_searches_of_new_and_old_clients_are_read(text: str, query: Query) -> None:  # 3.3, 3.6
    assert hateoas_queries.parse(text) == query


@pytest.mark.parametrize(
    "text",
    [
        "",
        "anything",
        'portal_type:"Person" AND validation_state:validated',
        'portal_type:"Instance Tree" AND validation_state:validated AND title:="a"b"',
        'portal_type:"Instance Tree" AND validation_state:validated AND title:=a',
        'portal_type:"Instance Tree" AND validation_state:validated AND reference:="a"',
    ],
)
def test_other_searches_are_refused(text: str) -> None:  # T08, T09
    with pytest.raises(InvalidRequestError, match="Unhandled query"):
        hateoas_queries.parse(text)


def test_the_root_has_the_templates_of_the_original() -> None:
    links = hateoas_documents.root("http://H")["_links"]
    assert links["raw_search"]["href"] == "http://H/hateoas/?mode=search&query={query}&select_list={select_list}"
    assert links["traverse"]["href"] == "http://H/hateoas/?mode=traverse&relative_url={relative_url}&view={view}"
    assert links["self"]["href"] == "http://H/hateoas"


def test_titles_with_slashes_have_a_page() -> None:  # X22
    entry = InstanceEntry(
        title="a/b ?", requester_title="", guid="g", software_url="u", software_type="", state="started", shared=False
    )
    assert hateoas_documents.instance_entry(entry)["relative_url"] == "/hateoas/partitions/a%2Fb%20%3F"


def test_a_page_has_a_typed_field_for_each_value() -> None:  # 3.4
    page = hateoas_documents.instance(requested(parameters={"a": "b"}, connection={"u": "v"}, state="stopped"))
    view = page["_embedded"]["_view"]
    assert page["_links"]["type"]["name"] == "Instance Tree"
    assert view["form_id"] == {"type": "StringField", "key": "form_id", "default": "InstanceTree_viewAsHateoas"}
    assert view["my_root_slave"] == {"type": "IntegerField", "key": "field_my_root_slave", "default": 0}
    assert view["my_slap_state"]["default"] == "stopped"
    assert '<parameter id="a">b</parameter>' in view["my_text_content"]["default"]
    assert '<parameter id="u">v</parameter>' in view["my_connection_parameter_list"]["default"]


def test_a_shared_instance_has_no_state_of_its_own() -> None:
    view = hateoas_documents.instance(requested(shared=True))["_embedded"]["_view"]
    assert (view["my_slap_state"]["default"], view["my_root_slave"]["default"]) == ("unused", 1)
    assert view["my_connection_parameter_list"]["default"] is None
