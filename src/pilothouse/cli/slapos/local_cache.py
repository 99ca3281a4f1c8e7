"""The network cache of a machine with a master of its own (node spec 22.6): what the files say, and its key."""

from pathlib import Path
from typing import Final

_CACHE: Final = "http://shacache.nxdcdn.com"
_DIRECTORY: Final = "http://shadir.nxdcdn.com"
_KEY_BITS: Final = 2048


def node_values(master_url: str) -> dict[str, str | None]:
    """Return what section ``networkcache`` of the node's file says: all four addresses are the master's."""
    cache, directory = f"{master_url}/shacache/cache", f"{master_url}/shacache/dir"
    return {
        "download-binary-cache-url": cache,
        "download-binary-dir-url": directory,
        "download-cache-url": cache,
        "download-dir-url": directory,
    }


def proxy_lines(instance_root: Path) -> str:
    """Make the folders and the signing key below ``instance_root``; return the lines of the master's file."""
    place = instance_root / "shacache"
    for name in ("content", "metadata"):
        (place / name).mkdir(parents=True, exist_ok=True)
    key = place / "signing.key"
    if not key.exists():
        _make_key(key)
    named = {
        "shacache_content_directory": str(place / "content"),
        "shacache_metadata_directory": str(place / "metadata"),
        "shacache_signing_key_path": str(key),
        "shacache_upstream_cache_url": _CACHE,
        "shacache_upstream_dir_url": _DIRECTORY,
    }
    return "".join(f"{name} = {value.replace('%', '%%')}\n" for name, value in named.items())


def _make_key(path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    from pilothouse.files import write_atomic

    content = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_atomic(path, content, mode=0o600, durable=True)
