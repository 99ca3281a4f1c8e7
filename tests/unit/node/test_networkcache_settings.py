"""Section ``networkcache`` as a value (node spec, section 3.3)."""

from pilothouse.node.networkcache.settings import Files, Place, beginning, settings


def test_addresses_lists_and_files() -> None:
    found = settings(
        {
            "download-binary-cache-url": "http://cache/",
            "download-binary-dir-url": "http://dir",
            "upload-binary-cache-url": "http://up",
            "shadir-ca-file": "/ca",
            "shacache-cert-file": "/cert",
            "shacache-key-file": "/key",
            "download-from-binary-cache-force-url-list": "\n  http://a/\n\n http://b/ \n",
            "binary-cache-url-blacklist": "older",
            "upload-to-binary-cache-url-blacklist": "/\nhttp://c/",
        }
    )
    files = {"cache_files": Files(None, "/cert", "/key"), "index_files": Files("/ca")}
    assert found.download == Place(cache="http://cache", index="http://dir", **files)
    assert (found.download.is_whole, found.download.is_half) == (True, False)
    assert (found.upload.is_whole, found.upload.is_half) == (False, True)
    assert found.forced == ("http://a/", "http://b/")
    assert found.never_downloaded == ("older",)
    assert found.never_uploaded == ("/", "http://c/")
    assert found.certificates == ()


def test_the_newer_name_of_the_list_wins() -> None:
    names = ("download-from-binary-cache-url-blacklist", "binary-cache-url-blacklist")
    assert settings(dict(zip(names, ("newer", "older"), strict=True))).never_downloaded == ("newer",)
    nothing = settings({})
    assert not nothing.download.is_whole
    assert not nothing.download.is_half


def test_a_list_holds_beginnings() -> None:
    assert beginning("http://a/b", ("http://c", "http://a/")) == "http://a/"
    assert beginning("http://a/b", ("a/b",)) is None
