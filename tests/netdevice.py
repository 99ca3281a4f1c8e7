"""A network device for tests: an SSH server with a command line of its own, pages, slowness and nothing else."""

import asyncio
from pathlib import Path

import asyncssh

PASSWORD = "d3v!ce"
SECRET = "en@ble me"


class Device:
    """Answers on loopback; ``typed`` holds every line it got."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.typed: list[str] = []
        self.pages = 0
        self.port = 0
        self.known_hosts = folder / "known_hosts"
        self._acceptor: asyncssh.SSHAcceptor | None = None

    async def start(self) -> "Device":
        key = asyncssh.generate_private_key("ssh-ed25519")
        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[key],
            server_factory=_Server,
            process_factory=self._serve,
            line_editor=False,
        )
        self.port = self._acceptor.get_port()
        public = key.export_public_key("openssh").decode()
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {public}", "utf-8")
        return self

    async def stop(self) -> None:
        assert self._acceptor is not None
        self._acceptor.close()
        await self._acceptor.wait_closed()

    async def _serve(self, process: "asyncssh.SSHServerProcess[str]") -> None:
        if process.command is not None or process.get_terminal_type() is None:
            process.exit(1)
            return
        write, name = process.stdout.write, "core-1"
        write("\r\n*** keep out ***\r\n\x1b[1mcore-1>\x1b[0m ")
        prompt = "core-1> "
        while line := await _line(process):
            command = line.strip()
            self.typed.append(command)
            if command == "enable":
                prompt = "core-1# "
            elif command == "super":
                prompt = await _super(process)
            elif command == "configure":
                prompt = "core-1(config)# "
            elif command.startswith("hostname "):
                name = command.split()[1]
                prompt = f"{name}(config)# "
            elif command == "show version":
                write("Pilot OS 7.1\r\nuptime 3 days\r\n")
            elif command in _SHOWS:
                await _SHOWS[command](self, process)
            elif command == "reload":
                process.exit(0)
                return
            elif command:
                write(f"% Invalid input: {command}\r\n")
            write(prompt)

    async def _progress(self, process: "asyncssh.SSHServerProcess[str]") -> None:
        for part in ("copying 10%", "\rcopying 55%", "\rcopying 100%"):
            process.stdout.write(part)
            await asyncio.sleep(0.4)
        process.stdout.write("\r\ndone\r\n")

    async def _hang(self, process: "asyncssh.SSHServerProcess[str]") -> None:
        await asyncio.sleep(60)

    async def _paged(self, process: "asyncssh.SSHServerProcess[str]") -> None:
        for number in range(6):
            process.stdout.write(f"line {number}\r\n")
            if number % 2 and number < 5:
                process.stdout.write("\x1b[7m --More-- \x1b[0m")
                assert await process.stdin.read(1) == " "
                self.pages += 1
                process.stdout.write("\b" * 10 + " " * 10 + "\b" * 10)


_SHOWS = {"show progress": Device._progress, "show config": Device._paged, "hang": Device._hang}


async def _super(process: "asyncssh.SSHServerProcess[str]") -> str:
    """Ask twice for the password of the privileged mode; return the prompt that follows."""
    for _ in range(2):
        process.stdout.write("Password: ")
        if (await _line(process, echo=False)).strip() == SECRET:
            return "core-1# "
    process.stdout.write("% Bad secrets\r\n")
    return "core-1> "


async def _line(process: "asyncssh.SSHServerProcess[str]", *, echo: bool = True) -> str:
    """Read a line, echoing it as devices do."""
    typed = ""
    while letter := await process.stdin.read(1):
        if echo or letter == "\n":
            process.stdout.write("\r\n" if letter == "\n" else letter)
        typed += letter
        if letter == "\n":
            break
    return typed


class _Server(asyncssh.SSHServer):
    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("admin", PASSWORD)
