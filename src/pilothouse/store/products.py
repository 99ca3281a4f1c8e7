"""Products: names under which releases are found, the newest first."""

from sqlalchemy import Connection, delete, func, select

from pilothouse.store.schema import products
from pilothouse.store.statement import Statement, given, insertion

_URLS = Statement(
    select(products.c.url).where(products.c.name == given(products.c.name)).order_by(products.c.position.desc())
)
_OF_URL = Statement(
    select(products.c.name).where(products.c.url == given(products.c.url)).order_by(products.c.name).limit(1)
)
_END = (
    select(func.coalesce(func.max(products.c.position), 0) + 1)
    .where(products.c.name == given(products.c.name))
    .scalar_subquery()
)
_DELETE = Statement(
    delete(products).where(products.c.name == given(products.c.name), products.c.url == given(products.c.url))
)
_ADD = Statement(insertion(products, "name", "url").values(position=_END))


def urls(connection: Connection, name: str) -> list[str]:
    """Return the releases of a product, the newest first."""
    return [url for (url,) in _URLS.rows(connection, name=name)]


def of_release(connection: Connection, url: str) -> str | None:
    """Return the product that a release belongs to."""
    row = _OF_URL.first(connection, url=url)
    return str(row[0]) if row else None


def add(connection: Connection, name: str, url: str) -> None:
    """Make a release the newest of a product."""
    _DELETE.run(connection, name=name, url=url)
    _ADD.run(connection, name=name, url=url)
