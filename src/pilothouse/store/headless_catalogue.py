"""What headless batches may run: modules with their versions, and the roots of files (headless 13.4, 15)."""

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from pilothouse.store.headless_schema import headless_modules, headless_roots
from pilothouse.store.statement import Row, Statement, given, insertion


class Root(msgspec.Struct, frozen=True, kw_only=True):
    """A folder whose Python files may be run; ``owner`` may own them besides root, ``single`` locks each file."""

    name: str
    path: str
    owner: str = ""
    is_default: bool = False
    importable: bool = False
    single: bool = False


class ModuleRow(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a module; ``document`` is JSON."""

    name: str
    version: int
    title: str
    document: str
    created: float
    removed_at: float | None = None


_R, _M = headless_roots.c, headless_modules.c
_ROOTS = Statement(select(*(headless_roots.c[name] for name in Root.__struct_fields__)).order_by(_R.name))
_ADD_ROOT = Statement(insertion(headless_roots, *Root.__struct_fields__))
_REMOVE_ROOT = Statement(delete(headless_roots).where(_R.name == given(_R.name)))
_NO_DEFAULT = Statement(update(headless_roots).values(is_default=given(_R.is_default, "flag")))
_MODULE = select(*(headless_modules.c[name] for name in ModuleRow.__struct_fields__))
_LAST_VERSION = Statement(select(func.coalesce(func.max(_M.version), 0)).where(_M.name == given(_M.name)))
_MODULES = Statement(_MODULE.where(_M.removed_at.is_(None)).order_by(_M.name, _M.version))
_ADD = Statement(insertion(headless_modules, "name", "version", "title", "document", "created"))
_REMOVE = Statement(
    update(headless_modules)
    .where(_M.name == given(_M.name, "key"), _M.removed_at.is_(None))
    .values(removed_at=given(_M.removed_at, "at"))
)


def roots(connection: Connection) -> list[Root]:
    """Return all roots by name."""
    return [_root(row) for row in _ROOTS.rows(connection)]


def put_root(connection: Connection, root: Root) -> None:
    """Make a root, in place of the one of this name; there is one default at the most."""
    remove_root(connection, root.name)
    if root.is_default:
        _NO_DEFAULT.run(connection, flag=False)
    _ADD_ROOT.run(connection, **msgspec.structs.asdict(root))


def remove_root(connection: Connection, name: str) -> bool:
    """Remove a root; returns whether there was one."""
    return _REMOVE_ROOT.run(connection, name=name) > 0


def modules(connection: Connection) -> list[ModuleRow]:
    """Return the newest version of each published module, by name."""
    newest = {row[0]: ModuleRow(**dict(zip(ModuleRow.__struct_fields__, row, strict=True)))
              for row in _MODULES.rows(connection)}  # fmt: skip
    return list(newest.values())


def add_module(connection: Connection, title: str, document: str, now: float) -> int:
    """Publish a module, or a further version of it; returns the version."""
    version = int(_LAST_VERSION.only(connection, name=title.lower())[0]) + 1
    _ADD.run(connection, name=title.lower(), version=version, title=title, document=document, created=now)
    return version


def remove_module(connection: Connection, title: str, now: float) -> bool:
    """Publish it no longer; returns whether it was."""
    return _REMOVE.run(connection, key=title.lower(), at=now) > 0


def _root(row: Row) -> Root:
    name, path, owner, *flags = row
    default, importable, single = map(bool, flags)
    return Root(name=name, path=path, owner=owner, is_default=default, importable=importable, single=single)
