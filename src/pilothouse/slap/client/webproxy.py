"""The web proxy that the environment asks for (`http_proxy`, `https_proxy`, `no_proxy`), as other clients heed it."""

import os
from urllib.parse import urlsplit


def proxy_for(scheme: str, place: str) -> str | None:
    """Return ``host:port`` of the proxy for an address, or None when it is reached directly."""
    if not any(name.lower() in {f"{scheme}_proxy", "all_proxy"} for name in os.environ):
        return None
    import urllib.request  # noqa: PLC0415 - costs more than the rest of the client, and is rarely needed

    if urllib.request.proxy_bypass(place):
        return None
    proxies = urllib.request.getproxies_environment()
    found = proxies.get(scheme) or proxies.get("all")
    if not found:
        return None
    return urlsplit(found if "//" in found else f"//{found}").netloc.rpartition("@")[2] or None
