"""Opening a connection, and logging in (spec sections 9.1 and 9.2)."""

from pilothouse.headless import limits
from pilothouse.headless.messages.part import AuthType, Name, Part, Purpose


class Hello(Part, frozen=True):
    """c: what the client speaks; ``versions`` is a list of words."""

    versions: str
    client: str = ""
    product: str = ""
    platform: str = ""
    locale: str = ""


class Greet(Part, frozen=True):
    """s: the version picked, the service's id, and the ways to log in on this listener."""

    version: str
    service: str
    name: str
    auth: str
    mechs: str
    features: str
    max_frame: int
    time: str


# login


class Kdf(Part, frozen=True):
    """How the secret follows from the password; ``salt`` is the 29-character bcrypt prefix."""

    scheme: str
    salt: str
    prep: str


class Login(Part, frozen=True):
    """c: who wants in, and by which mechanism."""

    type_: AuthType
    mech: str
    user: Name = ""
    cred: Name = ""
    os_user: Name = ""
    os_host: Name = ""
    purpose: Purpose = "run"
    scram: str | None = None


class Challenge(Part, frozen=True):
    """s: the server's first SCRAM message."""

    kdf: Kdf
    scram: str


class Response(Part, frozen=True):
    """c: the client's final SCRAM message."""

    scram: str


class Welcome(Part, frozen=True):
    """s: logged in; ``idle`` is in seconds, ``scram`` the server's proof."""

    user: str
    os_account: str
    rights: str = ""
    idle: int = int(limits.IDLE_TIME)
    last_login: str | None = None
    scram: str | None = None


class Refused(Part, frozen=True):
    """s: the login or the start is refused, nothing was done; ``job`` counts from 1, ``retry_after`` is in seconds."""

    code: int
    name: str
    text: str = ""
    retry_after: int | None = None
    job: int | None = None
    holder: str | None = None
