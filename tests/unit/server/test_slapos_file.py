"""The configuration file of the proxy, as it is documented and as it is shipped."""

from pathlib import Path

import pytest

from pilothouse.errors import SettingsError
from pilothouse.server import slapos_file

TEXT = """\
[slapos]
computer_id = local_computer
port =
[slapproxy]
host = 127.0.0.1
port = 5000
computer_id = ignored
software_product_list =
  kvm http://sr.example/kvm.cfg
  web http://sr.example/web.cfg
shacache-content-directory = /srv/content
shacache_metadata_directory = /srv/metadata
[multimaster/https://other.example:8080/]
key = /k
cert = /c
software_release_list =
  http://sr.example/a.cfg

  http://sr.example/b.cfg
[multimaster/http://partition.example/]
computer = COMP-1
partition = slappart3
[networkcache]
download-cache-url = http://%no-interpolation
"""


@pytest.fixture
def file(tmp_path: Path) -> slapos_file.SlaposFile:
    path = tmp_path / "slapos.cfg"
    path.write_text(TEXT, "utf-8")
    return slapos_file.read(path)


def test_both_sections_count_and_the_first_value_that_is_not_empty_wins(file: slapos_file.SlaposFile) -> None:
    assert (file.get("computer_id"), file.get("port"), file.get("nothing")) == ("local_computer", "5000", "")


def test_dashes_and_underscores_mean_the_same(file: slapos_file.SlaposFile) -> None:
    cache = slapos_file.profile(file, login=False).cache
    assert (cache.content, cache.metadata) == (Path("/srv/content"), Path("/srv/metadata"))


def test_products_and_the_default_computer(file: slapos_file.SlaposFile) -> None:
    found = slapos_file.profile(file, login=False)
    assert found.products == {"kvm": "http://sr.example/kvm.cfg", "web": "http://sr.example/web.cfg"}
    assert (found.policy.default_computer, found.policy.lenient) == ("local_computer", True)
    assert slapos_file.profile(file, login=True).policy.default_computer == ""


def test_other_masters(file: slapos_file.SlaposFile) -> None:
    first, second = file.masters
    assert (first.url, first.key, first.certificate) == ("https://other.example:8080/", "/k", "/c")
    assert first.software == ("http://sr.example/a.cfg", "http://sr.example/b.cfg")
    assert (second.computer, second.partition, second.software) == ("COMP-1", "slappart3", ())


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.cfg: cannot be read"):
        slapos_file.read(tmp_path / "nowhere.cfg")
    (tmp_path / "bad.cfg").write_text("no section")
    with pytest.raises(SettingsError, match=r"bad\.cfg: is no configuration file"):
        slapos_file.read(tmp_path / "bad.cfg")
    (tmp_path / "product.cfg").write_text("[slapproxy]\nsoftware_product_list = kvm\n")
    with pytest.raises(SettingsError, match="'kvm' names no release"):
        slapos_file.profile_of(tmp_path / "product.cfg", login=False)
