"""The master's address as it may be written in a configuration (spec 1.1)."""

from urllib.parse import urljoin, urlsplit, urlunsplit


def base_url(text: str) -> str:
    """Return the URL with a slash at its end, and brackets around a bare IPv6 address."""
    url = with_brackets(text)
    return url if url.endswith("/") else f"{url}/"


def method_url(base: str, method: str) -> str:
    """Return where a method is called; a path in the base stays."""
    return urljoin(base, method)


def with_brackets(url: str) -> str:
    """Put an IPv6 address in brackets; its last piece is a port if the whole is no address."""
    scheme, place, path, query, fragment = urlsplit(url)
    if place.count(":") < 2 or "[" in place:  # noqa: PLR2004 - one colon only sets a port apart
        return url
    user, at, host = place.rpartition("@")
    if _is_ipv6(host):
        host = f"[{host}]"
    else:
        address, _, port = host.rpartition(":")
        if not _is_ipv6(address):
            return url
        host = f"[{address}]:{port}"
    return urlunsplit((scheme, f"{user}{at}{host}", path, query, fragment))


def _is_ipv6(text: str) -> bool:
    import socket  # noqa: PLC0415 - a name or an IPv4 address never comes here

    try:
        socket.inet_pton(socket.AF_INET6, text.partition("%")[0])
    except OSError:
        return False
    return True
