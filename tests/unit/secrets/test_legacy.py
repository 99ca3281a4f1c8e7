"""The documented vectors and the faults people meet."""

import pytest

from pilothouse.jobs.secret import Secret
from pilothouse.secrets.legacy import (
    MASTER_KEY,
    PREFIXES,
    STOCK_PASSWORD_KEY,
    SecretError,
    open_option,
    open_password_key,
    open_secret,
)

VECTORS = [
    ("Key", "Plaintext", "bbf316e8d940af0ad3"),
    ("peerpasskey1", "Peer.pass1", "03908cb126a41b5312ec"),
    ("peerpasskey1", "serverpass1", "20909bb56da60a4112aee2"),
    ("peerpasskey1", "nopass", "3d9a99a27ba7"),
    (MASTER_KEY, "peerpasskey1", "d818d1d65e220be5f605c12a"),
    (STOCK_PASSWORD_KEY, "Secr3t!", "be46f1ebdb9a84"),
    (STOCK_PASSWORD_KEY, "a", "8c"),
    (STOCK_PASSWORD_KEY, "", ""),
    (STOCK_PASSWORD_KEY, "p@ss wörd", "9d63e1eac89953c6c1"),
    (MASTER_KEY, STOCK_PASSWORD_KEY, "da4ef9f547320eefd901fd749508b65cf9cf0696aa877a5eca854178bf92f6de"),
]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(("key", "text", "digits"), VECTORS)
def test_documented_vectors_open_under_each_prefix(prefix: str, key: str, text: str, digits: str) -> None:
    assert open_secret(Secret(prefix + digits), key) == text


def test_utf8_is_tried_before_latin1() -> None:
    # The last vector gives away the master key's stream, which is enough to seal another text here.
    stream = bytes(a ^ b for a, b in zip(bytes.fromhex(VECTORS[-1][2]), VECTORS[-1][1].encode(), strict=True))
    text = "日本語 für alle".encode()
    sealed = bytes(a ^ b for a, b in zip(stream, text, strict=False)).hex()
    assert open_secret(Secret("{RC4}" + sealed), MASTER_KEY) == "日本語 für alle"


@pytest.mark.parametrize("plain", ["", "Secr3t!", "{rc4}8c", "{RC4", "x{RC4}8c", "rc4:8c"])
def test_a_text_without_prefix_is_plain(plain: str) -> None:
    assert open_secret(Secret(plain), STOCK_PASSWORD_KEY) == plain


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{RC4}8c9x", "character 4"),
        ("RC4:8c 8c", "character 3"),
        ("{ENCRYPTED}8c9", "3 hexadecimal digits, an odd number"),
    ],
)
def test_a_broken_cipher_text_is_named_but_not_shown(text: str, complaint: str) -> None:
    with pytest.raises(SecretError) as caught:
        open_secret(Secret(text), STOCK_PASSWORD_KEY)
    assert complaint in str(caught.value)
    assert text not in str(caught.value)
    assert "8c9" not in str(caught.value)


def test_without_a_key_the_error_says_what_to_set() -> None:
    with pytest.raises(SecretError, match="set password_key"):
        open_secret(Secret("{RC4}8c"), "")


@pytest.mark.parametrize(
    ("value", "opened"),
    [
        ("{RC4}be46f1ebdb9a84", "Secr3t!"),
        ("{RC4}9d63e1eac89953c6c1", "p@ss wörd"),
        ("{RC4}", ""),
        ("{RC4}BE46F1EBDB9A84", "{RC4}BE46F1EBDB9A84"),
        ("{RC4}is a cipher", "{RC4}is a cipher"),
        ("{RC4}8c8", "{RC4}8c8"),
        ("{ENCRYPTED}8c", "{ENCRYPTED}8c"),
        ("RC4:8c", "RC4:8c"),
        ("plain", "plain"),
    ],
)
def test_a_job_option_is_opened_only_when_it_is_a_genuine_rc4_text(value: str, opened: str) -> None:
    assert open_option(value, STOCK_PASSWORD_KEY) == opened


def test_the_password_key_is_plain_or_sealed_under_the_master_key_or_the_stock_one() -> None:
    assert open_password_key("mine") == "mine"
    assert open_password_key("{ENCRYPTED}d818d1d65e220be5f605c12a") == "peerpasskey1"
    assert open_password_key("") == STOCK_PASSWORD_KEY
