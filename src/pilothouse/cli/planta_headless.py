"""``planta_headless.py``: the drop-in for crontabs written for the PLANTA headless client (spec section 4)."""

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING, Final

from pilothouse.headless.client.command_line import Call, make_parser, read_call
from pilothouse.headless.client.settings import ClientSettings, load_settings
from pilothouse.headless.client.stop import ClientError, ParameterError, SignalStop
from pilothouse.headless.codes import ReturnCode

if TYPE_CHECKING:
    from pilothouse.headless.client.login import Identity, Proof
    from pilothouse.headless.client.report import Report
    from pilothouse.headless.client.secret_file import NewSecret

_STDERR: Final = 2
_LEAVING: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the return code, 0 to 4."""
    _fill_closed_streams()
    parser = make_parser()
    try:
        call = read_call(parser, list(sys.argv[1:] if arguments is None else arguments))
        return _run(call, load_settings(os.environ, sys.argv[0]))
    except ParameterError as error:
        parser.error(str(error))
    except SignalStop:
        return ReturnCode.CONNECTION


def _fill_closed_streams() -> None:
    """Open what a scheduler has closed, so that no socket becomes stdout and no message a traceback."""
    if None not in {sys.stdin, sys.stdout, sys.stderr}:
        return
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(descriptor)
    sys.stdout = sys.stdout or open(1, "w", closefd=False, encoding="utf-8")  # noqa: SIM115 - no path
    sys.stderr = sys.stderr or open(_STDERR, "w", closefd=False, encoding="utf-8")  # noqa: SIM115 - no path


def _run(call: Call, settings: ClientSettings) -> int:
    from pilothouse.headless.client.report import Report

    report = Report(call.level, sys.stdout, settings.log_file)
    listed = ", ".join(f"{job.kind} {job.value[:60]}" for job in call.jobs if job.kind != "py-code")
    try:
        _obey_signals()
        code = _call(call, settings, report)
    except ClientError as error:
        report.info(str(error))
        report.log(f"{call.service} {call.user}: {error}")
        if isinstance(error, ParameterError):
            raise
        code = error.return_code
    except Exception:  # noqa: BLE001 - whatever it is, the return code stays within the documented ones
        import traceback

        report.info("the client itself failed; the log_file has the details")
        report.log(traceback.format_exc())
        code = ReturnCode.CONNECTION
    report.log(f"{call.service} {call.user} {listed or f'{len(call.jobs)} jobs'}: exit {int(code)}")
    return int(code)


def _call(call: Call, settings: ClientSettings, report: "Report") -> int:
    from pilothouse.headless.client.batch import Batch
    from pilothouse.headless.client.dial import dial
    from pilothouse.headless.client.link import Link
    from pilothouse.headless.client.login import Proof, identity_of, log_in

    identity = identity_of(call)
    if os.name == "nt" and call.secret is not None:
        from pilothouse.headless.client.account import os_user
        from pilothouse.headless.client.windows_access import check_access

        check_access(call.secret, os_user(), report.info)
    proof, new = _proof(call, identity, settings)

    def connect() -> Link:
        nonlocal proof, new
        link = dial(call, settings, report)
        try:
            secret = log_in(link, call, identity, proof, settings)
            if new and secret:
                new.keep(secret)
        except BaseException:
            link.close()
            raise
        # from here on the file is there, and a further login needs no password
        proof, new = Proof(secret), None
        report.info(f"logged in as {call.user or identity.name} ({call.auth})")
        return link

    try:
        return Batch(call, settings, report, connect).run()
    finally:
        if new:
            new.discard()


def _proof(call: Call, identity: "Identity", settings: ClientSettings) -> "tuple[Proof, NewSecret | None]":
    from pilothouse.headless.client.login import Proof

    if call.secret is None:
        return Proof(), None
    from pilothouse.headless.client.secret_file import NewSecret, check_owner, load_secret

    secret = load_secret(call.secret)
    if secret is not None:
        check_owner(call.secret, secret, identity.name)
        return Proof(secret), None
    from pilothouse.headless.client.prompt import ask_password

    new = NewSecret(call.secret)
    try:
        return Proof(password=ask_password(identity.name, call.secret, from_stdin=settings.password_stdin)), new
    except BaseException:
        new.discard()
        raise


def _obey_signals() -> None:
    for name in _LEAVING:
        number = getattr(signal, name, None)
        # what was ignored on purpose, by nohup for one, stays ignored
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)


def _leave(number: int, _frame: FrameType | None) -> None:
    for name in _LEAVING:
        if (other := getattr(signal, name, None)) is not None:
            signal.signal(other, signal.SIG_IGN)
    raise SignalStop(signal.Signals(number).name)


if __name__ == "__main__":
    sys.exit(main())
