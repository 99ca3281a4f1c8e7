import base64
import hashlib
import hmac

import pytest

from pilothouse.headless.kdf import KdfError, check_enrolment, is_secret, make_secret, prepared, secret_salt

SALT = "$2b$10$abcdefghijklmnopqrstuu"
SECRET = "$2b$10$abcdefghijklmnopqrstuuFg45jv3coxNAIEirPs1LBkim/wHn7gC"


def test_the_vector_of_the_specification() -> None:
    assert prepared("geheim", "sha256-b64") == b"rdsPXngmyFfXN20b2bwzwMVEeQourJYUSoryKxKYyUA="
    assert make_secret("geheim", SALT, "sha256-b64") == SECRET
    salted = hashlib.pbkdf2_hmac("sha256", SECRET.encode(), bytes(range(16)), 4096)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    assert base64.b64encode(stored) == b"hoP5Tan3A70PqsljIceDF1ugNnuZ75nYnQrnL7ssa28="
    server = hmac.digest(salted, b"Server Key", "sha256")
    assert base64.b64encode(server) == b"0GVhtkg1WMooHQAsNra6I50TRX5hnceCOXz3wWQxmMs="


def test_the_same_password_in_two_normal_forms_is_one() -> None:
    assert prepared("é", "none") == prepared("e\N{COMBINING ACUTE ACCENT}", "none")


def test_a_secret_begins_with_its_salt() -> None:
    assert is_secret(SECRET)
    assert secret_salt(SECRET) == SALT
    assert not is_secret(SECRET + "\n")
    assert not is_secret("geheim")


@pytest.mark.parametrize("password", ["a\0b", "x" * 73])
def test_what_bcrypt_would_cut_is_refused(password: str) -> None:
    with pytest.raises(KdfError):
        prepared(password, "none")


@pytest.mark.parametrize(
    ("scheme", "salt", "prep"),
    [
        ("md5", SALT, "none"),
        ("bcrypt", SALT, "rot13"),
        ("bcrypt", "$2b$04$abcdefghijklmnopqrstuu", "none"),
        ("bcrypt", "$2b$17$abcdefghijklmnopqrstuu", "none"),
        ("bcrypt", "$2b$10$short", "none"),
    ],
)
def test_a_false_server_gets_no_cheap_hash(scheme: str, salt: str, prep: str) -> None:
    with pytest.raises(KdfError):
        check_enrolment(scheme, salt, prep)
