import pytest

from pilothouse.server.api.slap import application, downloads, refusals, relay
from pilothouse.server.api.slap.exchange import Answer, Request
from pilothouse.server.api.slap.refusals import HttpRefusal
from pilothouse.server.api.slap.routes import Dialect, Route, allowed
from pilothouse.server.login import LoginError
from pilothouse.server.master import errors
from pilothouse.slap.markup import MarkupError
from pilothouse.store.errors import StoreError


async def handle(request: Request) -> Answer:
    return Answer(200)


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        ({"raw_path": b"/getRunId", "path": "/getRunId"}, "getRunId"),
        ({"raw_path": b"/hateoas/partitions/a%2Fb", "path": "/hateoas/partitions/a/b"}, "hateoas/partitions/a%2Fb"),
        ({"raw_path": b"/at/getRunId", "path": "/at/getRunId", "root_path": "/at"}, "getRunId"),
        ({"path": "/"}, ""),
    ],
)
def test_paths_stay_encoded(scope: dict[str, object], path: str) -> None:
    assert application.path_of(scope) == path


def test_one_proxy_is_believed() -> None:  # 1.1
    headers = ((b"host", b"master.example"), (b"x-forwarded-proto", b"https"), (b"x-forwarded-prefix", b"/slap/"))
    assert application.base_of({"scheme": "http"}, headers) == "https://master.example/slap"
    assert application.base_of({"scheme": "http", "server": ("127.0.0.1", 80)}, ()) == "http://127.0.0.1:80"


def test_the_longest_prefix_wins() -> None:
    short, long = {"GET": Route(handle)}, {"PUT": Route(handle)}
    dialect = Dialect(name="d", exact={"a/b/": {}}, below={"a/": short, "a/b/": long}, refuse=refusals.classic)
    assert dialect.find("a/b/c") is long
    assert dialect.find("a/c") is short
    assert dialect.find("a/b/") == {}
    assert dialect.find("b") is None


def test_head_and_options_come_by_themselves() -> None:
    assert allowed({"GET": Route(handle)}) == ("GET", "HEAD", "OPTIONS")
    assert allowed({"POST": Route(handle)}) == ("OPTIONS", "POST")


@pytest.mark.parametrize(
    ("error", "classic", "json"),
    [
        (errors.NotFoundError("x"), 404, 403),
        (errors.NotAllocatedError("x"), 404, 403),
        (errors.ForbiddenError("x"), 403, 403),
        (errors.InvalidRequestError("x"), 400, 400),
        (errors.NotReadyError("x"), 408, 408),
        (errors.UnreachableMasterError("x"), 523, 523),
        (MarkupError("x", 1, 1), 400, 400),
        (LoginError("x"), 401, 401),
        (LoginError("x", 3.0), 429, 429),
        (StoreError("secret path"), 503, 503),
        (KeyError("secret"), 500, 500),
        (HttpRefusal(413, "x"), 413, 413),
    ],
)
def test_every_error_has_its_status(error: Exception, classic: int, json: int) -> None:
    assert refusals.classic(error).status == classic
    told = refusals.json_rpc(error)
    assert told.status == json
    assert b"secret" not in told.body


def test_refusals_of_json_rpc_have_status_type_and_title() -> None:
    assert refusals.json_rpc(errors.NotFoundError("no")).body == b'{"status":403,"type":"Forbidden","title":"no"}'
    assert b'"Unknown Error"' in refusals.json_rpc(errors.UnreachableMasterError("no")).body


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-4", (0, 5)),
        ("bytes=5-", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=0-99", (0, 10)),
        ("bytes=10-", None),
        ("bytes=-0", None),
        ("bytes=0-1,3-4", (0, 10)),
        ("lines=1-2", (0, 10)),
    ],
)
def test_ranges(wanted: str, part: tuple[int, int] | None) -> None:
    assert downloads.part(wanted, 10) == part


@pytest.mark.parametrize("path", ["http_proxy/ftp/host/x", "http_proxy/http/", "http_proxy/", "http_proxy/file//etc"])
def test_the_relay_takes_http_only(path: str) -> None:  # P02
    with pytest.raises(HttpRefusal) as refused:
        relay.target(path, b"")
    assert refused.value.status == 400


def test_the_relay_reads_addresses() -> None:
    assert str(relay.target("http_proxy/https/host:8443/a%20b", b"q=1")) == "https://host:8443/a%20b?q=1"
    assert relay.dialect(frozenset()) is None
