"""A host that is reached as from elsewhere: over TCP with a password, TLS with certificates, and ssh with keys.

Everything is on loopback and made anew: certificate authority, passwords, keys, and an sshd of its own.
Started by root, libvirtd runs as ``nobody``, and so does what the sshd starts.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from live_guests import (
    PROGRAMS,
    SYSTEM_PATH,
    Daemon,
    LiveHost,
    free_port,
    require,
    serving,
    short_directory,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "remote-hosts.md"

REMOTE_PROGRAMS = (*PROGRAMS, "openssl", "saslpasswd2", "sshd", "ssh", "ssh-keygen", "virt-ssh-helper")

USER = "collector"
PASSWORD = "correct-horse-7"  # noqa: S105 - of a server that is made here

# Over TCP a mechanism has to encrypt, which of those with a password only DIGEST-MD5 does; TLS encrypts already.
SASL_CONF = "mech_list: {mechanism}\nsasldb_path: {database}\n"

SETTINGS = """\
auth_tcp = "sasl"
tls_port = "{tls_port}"
auth_tls = "{auth_tls}"
ca_file = "{pki}/cacert.pem"
cert_file = "{pki}/servercert.pem"
key_file = "{pki}/serverkey.pem"
crl_file = ""
"""

SSHD_CONF = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {directory}/host
AuthorizedKeysFile {directory}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
LogLevel VERBOSE
"""

SSH_CONF = """\
UserKnownHostsFile {known_hosts}
GlobalKnownHostsFile /dev/null
HostKeyAlias the-host
IdentitiesOnly yes
"""

# ssh asks on a screen whatever it can: a collector that lets it has a question left behind.
SSH = """\
#!/bin/sh
export DISPLAY=:0 SSH_ASKPASS={directory}/ask SSH_ASKPASS_REQUIRE=force
exec ssh -F {configuration} "$@"
"""

ASK = """\
#!/bin/sh
echo "$@" >> {directory}/asked
exec sleep 60
"""

AS_USER = """\
#!/bin/sh
export XDG_RUNTIME_DIR={runtime}
[ $# -gt 0 ] || set -- sh -c "$SSH_ORIGINAL_COMMAND"
exec {as_nobody} "$@"
"""


@dataclass(frozen=True)
class Pki:
    """A certificate authority with a certificate for a server and one for a client."""

    directory: Path

    def make(self) -> Pki:
        """Make all keys and certificates, as the documentation says."""
        self.directory.mkdir()
        (script,) = re.findall(
            r"^```sh\n(new=\"openssl .*?)^```", DOCUMENTATION.read_text("utf-8"), re.MULTILINE | re.DOTALL
        )
        _run("sh", "-euc", script.replace("kvm-03.example.net", "localhost"), cwd=self.directory)
        return self

    def client_files(self, directory: Path, *also_trusted: Pki) -> Path:
        """Lay out what ``pkipath`` points to."""
        directory.mkdir()
        trusted = [pki.directory / "cacert.pem" for pki in (self, *also_trusted)]
        (directory / "cacert.pem").write_bytes(b"".join(file.read_bytes() for file in trusted))
        for name in ("clientcert.pem", "clientkey.pem"):
            shutil.copy(self.directory / name, directory)
        return directory


class SshServer:
    """An sshd that lets two keys in: ``client`` to do anything, ``reader`` to reach libvirt for reading only."""

    def __init__(self, directory: Path, runtime: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.log = directory / "sshd.log"
        directory.mkdir()
        for key in ("host", "client", "reader", "stranger"):
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / key))
        as_nobody = "setpriv --reuid=nobody --regid=nogroup --clear-groups" if os.geteuid() == 0 else ""
        as_user = self._script("as-user", AS_USER.format(runtime=runtime, as_nobody=as_nobody))
        # The daemon of an ordinary user has no socket for reading only; that of the system has one.
        commands = {"client": str(as_user), "reader": f"{as_user} virt-ssh-helper -r qemu:///session"}
        keys = [f'restrict,command="{command}" {self._public(key)}' for key, command in commands.items()]
        self._file("authorized_keys", "".join(keys))
        self._file("sshd.conf", SSHD_CONF.format(port=self.port, directory=directory))
        self._script("ask", ASK.format(directory=directory))
        self.ssh = self.client_that_knows("host")

    def client_that_knows(self, *keys: str) -> Path:
        """Return an ssh that knows these keys as those of the host; it is the ``command`` of a URI."""
        name = "-".join(("knows", *keys))
        known = "".join(f"the-host {self._public(key)}" for key in keys)
        known_hosts = self._file(f"{name}.hosts", known)
        configuration = self._file(f"{name}.conf", SSH_CONF.format(known_hosts=known_hosts))
        return self._script(name, SSH.format(directory=self.directory, configuration=configuration))

    def asked(self) -> str:
        """Return what any ssh has asked on a screen."""
        file = self.directory / "asked"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def logins(self) -> int:
        """Return how many have tried to log in."""
        return self.log.read_text(encoding="utf-8").count("Connection from")

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Have it run."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where sshd, built so, locks its children in
        program = shutil.which("sshd", path=SYSTEM_PATH) or "sshd"  # it wants its whole path
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [program, "-D", "-e", "-f", str(self.directory / "sshd.conf")], stderr=log, stdin=subprocess.DEVNULL
            )
        try:
            wait_until(lambda: _accepts(self.port) or process.poll() is not None, "sshd")
            if process.poll() is not None:
                raise RuntimeError(f"sshd ended at once: {self.log.read_text(encoding='utf-8')}")
            yield
        finally:
            process.terminate()
            process.wait()

    def _public(self, key: str) -> str:
        return (self.directory / f"{key}.pub").read_text(encoding="ascii")

    def _file(self, name: str, content: str) -> Path:
        file = self.directory / name
        file.write_text(content, encoding="utf-8")
        return file

    def _script(self, name: str, content: str) -> Path:
        file = self._file(name, content)
        file.chmod(0o755)
        return file


@dataclass(frozen=True)
class RemoteHost:
    """A host and the ways to it; ``files`` holds what clients have."""

    live: LiveHost
    pki: Pki
    tls_port: int
    ssh: SshServer
    files: Path

    @property
    def tcp_uri(self) -> str:
        """The URI that asks for ``USER`` and ``PASSWORD``."""
        return self.live.remote_uri

    def tls_uri(self, pki_path: Path | None = None) -> str:
        """Return the URI for a client with these certificates, or those that the host wants."""
        return f"qemu+tls://localhost:{self.tls_port}/session?pkipath={pki_path or self.files / 'pki'}"

    def ssh_uri(self, key: str = "client", command: Path | None = None, port: int | None = None) -> str:
        """Return the URI for a client with this key and this ssh."""
        user = pwd.getpwuid(os.geteuid()).pw_name
        options = {"keyfile": self.ssh.directory / key, "command": command or self.ssh.ssh}
        return f"qemu+ssh://{user}@127.0.0.1:{port or self.ssh.port}/session?{urlencode(options, safe='/')}"


@contextmanager
def remote_host(auth_tls: str = "none", mechanism: str = "digest-md5") -> Iterator[RemoteHost]:
    """Start a host that is reached by all transports; at the end everything is gone."""
    require(REMOTE_PROGRAMS, "test")
    with short_directory() as directory:
        pki = Pki(directory / "authority").make()
        sasl = _password_files(directory / "sasl", mechanism)
        tls_port = free_port()
        settings = SETTINGS.format(tls_port=tls_port, auth_tls=auth_tls, pki=pki.directory)
        daemon = Daemon(directory, settings, {"SASL_CONF_PATH": str(sasl)})
        with short_directory() as files, serving(directory, daemon) as live:
            files.chmod(0o755)
            pki.client_files(files / "pki")
            server = SshServer(files / "ssh", daemon.socket.parents[1])
            with server.serving():
                yield RemoteHost(live, pki, tls_port, server, files)


def _password_files(directory: Path, mechanism: str) -> Path:
    directory.mkdir()
    database = directory / "sasldb"
    (directory / "libvirt.conf").write_text(SASL_CONF.format(mechanism=mechanism, database=database), encoding="utf-8")
    for realm in {socket.gethostname(), socket.getfqdn()}:
        words = ("-p", "-f", str(database), "-a", "libvirt", "-u", realm, USER)
        _run("saslpasswd2", *words, stdin=PASSWORD)
    return directory


def _accepts(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def _run(program: str, *arguments: str, cwd: Path | None = None, stdin: str = "") -> None:
    done = subprocess.run(
        [program, *arguments],
        cwd=cwd,
        input=stdin,
        env={**os.environ, "PATH": SYSTEM_PATH},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{program} {' '.join(arguments)}: {done.stderr.strip()}")
