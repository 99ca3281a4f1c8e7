"""Envelopes: what is sealed opens again, and nothing else does."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.jobs.secret import Secret
from pilothouse.secrets.envelope import PREFIX, derive_key, open_envelope, read_key_file, seal
from pilothouse.secrets.legacy import SecretError
from pilothouse.secrets.vault import Vault

KEY = bytes(range(32))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_sealed_opens_again(text: str) -> None:
    assert open_envelope(seal(text, KEY), KEY) == text


def test_the_same_text_gives_another_envelope_each_time() -> None:
    assert seal("again", KEY) != seal("again", KEY)


@given(st.integers(min_value=0))
def test_any_altered_bit_is_noticed(position: int) -> None:
    content = bytearray(base64.b64decode(seal("do not touch", KEY).removeprefix(PREFIX)))
    position %= len(content) * 8
    content[position // 8] ^= 1 << position % 8
    with pytest.raises(SecretError, match="altered, or sealed under another key"):
        open_envelope(PREFIX + base64.b64encode(content).decode(), KEY)


def test_another_key_does_not_open() -> None:
    with pytest.raises(SecretError, match="another key"):
        open_envelope(seal("text", KEY), bytes(32))


@pytest.mark.parametrize("text", [PREFIX, PREFIX + "AAAA", PREFIX + "not base64!", "AAAA", ""])
def test_a_cut_envelope_is_refused(text: str) -> None:
    with pytest.raises(SecretError, match="not a whole"):
        open_envelope(text, KEY)


def test_derived_keys_differ_by_password_and_stay_the_same() -> None:
    assert derive_key("one") == derive_key("one") != derive_key("two")
    # Fixed for ever: an envelope written today must open after every upgrade.
    assert derive_key("site key").hex() == "293fd64e807d859494af6fcfdc48de32788c9fcce1cee53739966090fae87c07"
    with pytest.raises(SecretError, match="set password_key"):
        derive_key("")


def test_a_key_file_must_be_private_and_of_the_right_length(tmp_path: Path) -> None:
    path = tmp_path / "site.key"
    path.write_bytes(os.urandom(32))
    path.chmod(0o600)
    assert read_key_file(path) == path.read_bytes()
    path.chmod(0o640)
    with pytest.raises(SecretError, match=r"mode 0640.*chmod 600"):
        read_key_file(path)
    path.chmod(0o600)
    for size, words in ((31, "31 bytes"), (33, "more bytes")):
        path.write_bytes(bytes(size))
        with pytest.raises(SecretError, match=words):
            read_key_file(path)
    with pytest.raises(SecretError, match="No such file"):
        read_key_file(tmp_path / "none")


def test_a_vault_opens_old_and_new_alike() -> None:
    vault = Vault("{ENCRYPTED}d818d1d65e220be5f605c12a")
    assert vault.open(Secret("{RC4}03908cb126a41b5312ec")) == "Peer.pass1"
    assert vault.open(Secret("plain")) == "plain"
    sealed = vault.seal("new one")
    assert sealed.startswith(PREFIX)
    assert vault.open(Secret(sealed)) == "new one"
    assert vault.open_option(sealed) == "new one"
    assert vault.open_option("{RC4}03908cb126a41b5312ec") == "Peer.pass1"
    assert Vault(key=KEY).open(Secret(seal("by file", KEY))) == "by file"


def test_the_cipher_library_is_loaded_only_when_needed() -> None:
    code = "import sys, pilothouse.secrets.vault, pilothouse.secrets.mask; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
