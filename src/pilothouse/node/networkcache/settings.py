"""What section ``networkcache`` of ``slapos.cfg`` says of binary releases (node spec, section 3.3). Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from pilothouse.slap.cache_entries import certificates_of


class Files(msgspec.Struct, frozen=True):
    """How one of the two servers is believed, and how the node shows itself there: paths, None where not said."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where contents (``cache``) and their entries (``index``) are, without a slash at the end; empty: nowhere."""

    cache: str
    index: str
    cache_files: Files = Files()
    index_files: Files = Files()

    @property
    def is_whole(self) -> bool:
        """Whether both are said."""
        return bool(self.cache and self.index)

    @property
    def is_half(self) -> bool:
        """Whether only one of them is."""
        return bool(self.cache) != bool(self.index)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """``forced``, ``never_downloaded`` and ``never_uploaded`` are beginnings of URLs of releases."""

    download: Place
    upload: Place
    certificates: tuple[str, ...] = ()
    key_file: str | None = None
    forced: tuple[str, ...] = ()
    never_downloaded: tuple[str, ...] = ()
    never_uploaded: tuple[str, ...] = ()


def settings(values: Mapping[str, str]) -> Settings:
    """Return what the keys of the section say."""
    never = values.get("download-from-binary-cache-url-blacklist") or values.get("binary-cache-url-blacklist", "")
    return Settings(
        download=_place(values, "download"),
        upload=_place(values, "upload"),
        certificates=certificates_of(values.get("signature-certificate-list", "")),
        key_file=values.get("signature-private-key-file"),
        forced=_lines(values.get("download-from-binary-cache-force-url-list", "")),
        never_downloaded=_lines(never),
        never_uploaded=_lines(values.get("upload-to-binary-cache-url-blacklist", "")),
    )


def beginning(url: str, prefixes: Sequence[str]) -> str | None:
    """Return the first of the prefixes that a URL begins with."""
    return next((prefix for prefix in prefixes if url.startswith(prefix)), None)


def _place(values: Mapping[str, str], way: str) -> Place:
    return Place(
        cache=values.get(f"{way}-binary-cache-url", "").rstrip("/"),
        index=values.get(f"{way}-binary-dir-url", "").rstrip("/"),
        cache_files=_files(values, "shacache"),
        index_files=_files(values, "shadir"),
    )


def _files(values: Mapping[str, str], server: str) -> Files:
    return Files(*(values.get(f"{server}-{kind}-file") for kind in ("ca", "cert", "key")))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
