"""The library scramp without what its import drags in: three quarters of it serve no login without TLS.

scramp reads its own version by ``importlib.metadata``, and loads a parser of certificates that only a channel binding
needs. While it is imported, stand-ins take their places in ``sys.modules``; one for certificates asks the real parser
once it is used. A release that wants more of them than this is imported as it is.
"""

import importlib
import sys
from types import ModuleType
from typing import Any, Final

_LIBRARY: Final = "scramp"


class _Later:
    """Stands for something in a module that is imported once an attribute of it is asked for."""

    def __init__(self, module: str, name: str = "") -> None:
        self._module = module
        self._name = name

    def __getattr__(self, name: str) -> Any:
        found = importlib.import_module(self._module)
        return getattr(getattr(found, self._name) if self._name else found, name)


def load_scramp() -> ModuleType:
    """Return scramp. Raises ImportError when it is not installed."""
    if _LIBRARY in sys.modules:
        return sys.modules[_LIBRARY]
    absent = {name: module for name, module in _stand_ins().items() if name not in sys.modules}
    sys.modules.update(absent)
    try:
        found = importlib.import_module(_LIBRARY)
        del found.__version__  # it is not the real one
    except Exception:  # noqa: BLE001 - whatever another release does at its import, the plain one is the way back
        for name in [name for name in sys.modules if name == _LIBRARY or name.startswith(f"{_LIBRARY}.")]:
            del sys.modules[name]
    else:
        return found
    finally:
        for name in absent:
            sys.modules.pop(name, None)
    return importlib.import_module(_LIBRARY)


def _stand_ins() -> dict[str, ModuleType]:
    metadata, package, pem, x509 = (
        ModuleType(name) for name in ("importlib.metadata", "asn1crypto", "asn1crypto.pem", "asn1crypto.x509")
    )
    metadata.version = lambda _name: ""  # type: ignore[attr-defined]
    package.pem = _Later(pem.__name__)  # type: ignore[attr-defined]
    x509.Certificate = _Later(x509.__name__, "Certificate")  # type: ignore[attr-defined]
    return {module.__name__: module for module in (metadata, package, pem, x509)}
