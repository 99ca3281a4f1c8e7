"""Who may read the secret file on Windows, where mode bits carry no meaning (spec section 5.3).

Access lists are handled as text (SDDL). What is decided is pure; the rest asks the security API of Windows.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from pilothouse.headless.client.stop import ParameterError

_ENTRY: Final = re.compile(r"\(([A-Z]*);([A-Z]*);([^();]*);[^();]*;[^();]*;([^();]*)[;)]")
_LIST: Final = re.compile(r"D:([A-Z_]*)((?:\([^()]*(?:\([^()]*\)[^()]*)*\))*)")
_ALLOWS: Final = frozenset({"A", "XA", "OA"})
_READS: Final = frozenset({"FA", "FR", "GA", "GR"})
_READ_BITS: Final = 0x1 | 0x8000_0000 | 0x1000_0000
_MACHINE: Final = frozenset({"SY", "S-1-5-18", "BA", "S-1-5-32-544", "OW", "S-1-3-4", "CO", "S-1-3-0"})
_NAMES: Final = {
    "WD": "Everyone",
    "S-1-1-0": "Everyone",
    "BU": "Users",
    "S-1-5-32-545": "Users",
    "AU": "Authenticated Users",
    "S-1-5-11": "Authenticated Users",
}
_FILE: Final = 1
_OWNER_AND_LIST: Final = 1 | 4
_PROTECTED_LIST: Final = 4 | 0x8000_0000
_REVISION: Final = 1
_QUERY: Final = 8
_TOKEN_USER: Final = 1


def readers(sddl: str) -> list[str]:
    """Return who may read a file with this access list, as the list has them; pure. Without one it is everyone."""
    found = _LIST.search(sddl)
    if found is None or found[1] == "NO_ACCESS_CONTROL":
        return ["WD"]
    return [
        who
        for kind, flags, rights, who in _ENTRY.findall(found[2])
        if kind in _ALLOWS and "IO" not in _pairs(flags) and _grants_reading(rights)
    ]


def strangers(sddl: str, user: str) -> list[str]:
    """Return who may read it besides ``user`` (a SID), the system and its administrators; pure."""
    return [_NAMES.get(who, who) for who in readers(sddl) if who != user and who not in _MACHINE]


def protection(user: str) -> str:
    """Return the access list of a new file: inherits nothing, and only ``user`` may read; pure."""
    return f"D:P(A;;FR;;;{user})"


def check_access(path: str, account: str, said: Callable[[str], None]) -> None:
    """Raise ParameterError when others may read the file; a list that cannot be read is told to ``said``."""
    try:
        found = strangers(_list_of(path), _own_sid())
    except FileNotFoundError:
        return  # it is the first use
    except OSError as error:
        said(f"the access list of secret file {path} cannot be read by the account {account}: {error}")
        return
    if found:
        raise ParameterError(
            f"secret file {path}: {', '.join(found)} may read it, and only the account {account} may; "
            f'run: icacls "{path}" /inheritance:r /grant:r "{account}:(R)"'
        )


def protect(path: str) -> None:
    """Let only this account read a file. Raises OSError."""
    from ctypes import byref, c_void_p

    security, kernel = _library("advapi32"), _library("kernel32")
    descriptor = c_void_p()
    _check(
        security.ConvertStringSecurityDescriptorToSecurityDescriptorW(
            protection(_own_sid()), _REVISION, byref(descriptor), None
        )
    )
    try:
        _check(security.SetFileSecurityW(path, _PROTECTED_LIST, descriptor))
    finally:
        kernel.LocalFree(descriptor)


def _grants_reading(rights: str) -> bool:
    if rights.startswith("0x"):
        return bool(int(rights, 16) & _READ_BITS)
    return any(each in _READS for each in _pairs(rights))


def _pairs(text: str) -> list[str]:
    return [text[at : at + 2] for at in range(0, len(text), 2)]


def _list_of(path: str) -> str:
    from ctypes import byref, c_void_p, c_wchar_p

    security, kernel = _library("advapi32"), _library("kernel32")
    descriptor, text = c_void_p(), c_wchar_p()
    failed = security.GetNamedSecurityInfoW(path, _FILE, _OWNER_AND_LIST, None, None, None, None, byref(descriptor))
    if failed:
        raise OSError(None, "GetNamedSecurityInfo", path, failed)
    try:
        _check(
            security.ConvertSecurityDescriptorToStringSecurityDescriptorW(
                descriptor, _REVISION, _OWNER_AND_LIST, byref(text), None
            )
        )
        return str(text.value)
    finally:
        kernel.LocalFree(text)
        kernel.LocalFree(descriptor)


def _own_sid() -> str:
    from ctypes import byref, c_ulong, c_void_p, c_wchar_p, create_string_buffer

    security, kernel = _library("advapi32"), _library("kernel32")
    kernel.GetCurrentProcess.restype = c_void_p
    token, size, text = c_void_p(), c_ulong(), c_wchar_p()
    _check(security.OpenProcessToken(c_void_p(kernel.GetCurrentProcess()), _QUERY, byref(token)))
    try:
        security.GetTokenInformation(token, _TOKEN_USER, None, 0, byref(size))
        held = create_string_buffer(size.value)
        _check(security.GetTokenInformation(token, _TOKEN_USER, held, size, byref(size)))
    finally:
        kernel.CloseHandle(token)
    _check(security.ConvertSidToStringSidW(c_void_p.from_buffer(held), byref(text)))
    try:
        return str(text.value)
    finally:
        kernel.LocalFree(text)


def _library(name: str) -> Any:
    import ctypes

    return ctypes.WinDLL(name, use_last_error=True)  # type: ignore[attr-defined]


def _check(done: int) -> None:
    if not done:
        import ctypes

        raise ctypes.WinError(ctypes.get_last_error())  # type: ignore[attr-defined]
