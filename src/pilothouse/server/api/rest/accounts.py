"""``/me``, ``/users``, ``/tokens``, ``/projects``: who may do what."""

from typing import Annotated, Literal

import msgspec
from litestar.params import FromPath, JSONBody, PathParameter
from msgspec import Meta
from sqlalchemy import Connection

from pilothouse.identity.caller import Caller, Role
from pilothouse.identity.tokens import Token
from pilothouse.server import people
from pilothouse.server.api.rest import cursors
from pilothouse.server.api.rest.cursors import USUAL, After, Limit
from pilothouse.server.api.rest.desk import AtDesk, creating, reading, removing
from pilothouse.server.api.rest.words import STORABLE, MaybeSeconds, Next, Seconds
from pilothouse.store import account_pages
from pilothouse.store import accounts as stored

Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\s/:\x00-\x1f]{1,64}$", examples=["ann"])]
Text = Annotated[str, Meta(max_length=200, pattern=STORABLE)]
ProjectName = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_.-]*$", description="empty: the whole site")]


class Me(msgspec.Struct, frozen=True):
    """Who calls, as this server knows it."""

    kind: Annotated[str, Meta(description="local, user, node or instance", examples=["user"])]
    name: str
    project: str
    roles: Annotated[list[str], Meta(examples=[["operator"]])]
    how: Annotated[str, Meta(description="how it was proved", examples=["token"])]


class User(msgspec.Struct, frozen=True):
    """One user."""

    name: str
    email: str
    roles: Annotated[dict[str, list[str]], Meta(description="by project", examples=[{"": ["operator"]}])]
    created: Seconds
    removed: MaybeSeconds


class Users(msgspec.Struct, frozen=True):
    """Some users."""

    items: list[User]
    next: Next = None


class NewUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user to be made, or to be given more roles."""

    name: Name
    email: Text = ""
    roles: Annotated[tuple[Role, ...], Meta(max_length=5)] = ("viewer",)
    project: ProjectName = ""


class TokenEntry(msgspec.Struct, frozen=True):
    """One token, without its text."""

    number: int
    kind: str
    project: str
    purpose: str
    created: Seconds
    expires: MaybeSeconds
    used: MaybeSeconds
    revoked: MaybeSeconds


class Tokens(msgspec.Struct, frozen=True):
    """All tokens of a user."""

    items: list[TokenEntry]


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token to be made: to log in, to configure a client once, or to register a node once."""

    kind: Literal["access", "client", "node"] = "access"
    project: ProjectName = ""
    purpose: Text = ""
    days: Annotated[float, Meta(gt=0, le=36500, description="after which it ends")] | None = None


class MadeToken(msgspec.Struct, frozen=True):
    """A token, shown this once."""

    token: str


class Project(msgspec.Struct, frozen=True):
    """One project."""

    name: str
    title: str
    created: Seconds


class Projects(msgspec.Struct, frozen=True):
    """Some projects."""

    items: list[Project]
    next: Next = None


class NewProject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A project to be made."""

    name: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$", examples=["shop"])]
    title: Text = ""


@reading("/me", "Show who calls", tags=["users"])
async def show_me(desk: AtDesk) -> Me:
    """Show who calls."""
    caller = desk.caller
    return Me(caller.kind, caller.name, caller.project, sorted(caller.roles), caller.how)


@reading("/users", "List users", tags=["users"])
async def list_users(desk: AtDesk, after: After = "", limit: Limit = USUAL) -> Users:
    """List users."""
    key = cursors.read(after, str)
    page = await desk.read(lambda connection, caller: people.users(connection, caller, limit, key))
    return Users([_user(each) for each in page.items], cursors.written(page.after))


@creating("/users", "Add a user", "Makes a user, or gives one more roles.", tags=["users"])
async def add_user(desk: AtDesk, data: JSONBody[NewUser]) -> User:
    """Add a user."""

    def work(connection: Connection, caller: Caller, now: float) -> stored.User:
        return people.add_user(connection, caller, data.name, data.email, data.roles, data.project, now)

    return _user(await desk.write(work))


@reading("/users/{name:str}", "Show a user", "Everybody may look at himself.", tags=["users"])
async def show_user(desk: AtDesk, name: FromPath[str]) -> User:
    """Show a user."""
    return _user(await desk.read(lambda connection, caller: people.user(connection, caller, name)))


@removing("/users/{name:str}", "Remove a user", "Its tokens and certificates end; its name stays taken.",
          tags=["users"], status_code=204)  # fmt: skip
async def remove_user(desk: AtDesk, name: FromPath[str]) -> None:
    """Remove a user."""
    await desk.write(lambda connection, caller, now: people.remove_user(connection, caller, name, now))


@reading("/users/{name:str}/tokens", "List the tokens of a user", "Without their texts.", tags=["users"])
async def list_tokens(desk: AtDesk, name: FromPath[str]) -> Tokens:
    """List the tokens of a user."""
    found = await desk.read(lambda connection, caller: people.tokens(connection, caller, name))
    return Tokens([_token(each) for each in found])


@creating("/users/{name:str}/tokens", "Make a token", "Its text is shown this once.", tags=["users"])
async def add_token(desk: AtDesk, name: FromPath[str], data: JSONBody[NewToken]) -> MadeToken:
    """Make a token."""

    def work(connection: Connection, caller: Caller, now: float) -> str:
        made = people.new_token(connection, caller, name, data.kind, data.project, data.purpose, data.days, now)
        return made.reveal()

    return MadeToken(await desk.write(work))


@removing("/tokens/{number:int}", "Revoke a token", tags=["users"], status_code=204)
async def revoke_token(desk: AtDesk, number: Annotated[int, PathParameter(ge=0, le=2**53)]) -> None:
    """Revoke a token."""
    await desk.write(lambda connection, caller, now: people.revoke_token(connection, caller, number, now))


@reading("/projects", "List projects", tags=["projects"])
async def list_projects(desk: AtDesk, after: After = "", limit: Limit = USUAL) -> Projects:
    """List projects."""
    key = cursors.read(after, str)
    page = await desk.read(lambda connection, caller: people.projects(connection, caller, limit, key))
    return Projects([Project(*each) for each in page.items], cursors.written(page.after))


@creating("/projects", "Add a project", tags=["projects"])
async def add_project(desk: AtDesk, data: JSONBody[NewProject]) -> Project:
    """Add a project."""

    def work(connection: Connection, caller: Caller, now: float) -> account_pages.Project:
        return people.add_project(connection, caller, data.name, data.title, now)

    return Project(*await desk.write(work))


def _user(user: stored.User) -> User:
    roles = {project: sorted(held) for project, held in user.roles.items()}
    return User(user.name, user.email, roles, user.created, user.disabled)  # type: ignore[arg-type] # roles are texts


def _token(token: Token) -> TokenEntry:
    return TokenEntry(
        token.token_id,
        token.kind,
        token.project,
        token.subject,
        token.created,
        token.expires,
        token.used,
        token.revoked,
    )


HANDLERS = [
    show_me, list_users, add_user, show_user, remove_user, list_tokens, add_token, revoke_token, list_projects,
    add_project,
]  # fmt: skip
