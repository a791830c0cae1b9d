"""A real S3 server (SeaweedFS) on loopback that a test may kill and start again on the same data."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from minio import Minio
from ports import Ports

ACCESS_KEY, SECRET_KEY = "test-access-key", "test-secret-key"
PART = 5 * 1024 * 1024  # bytes, the smallest that S3 allows
PORTS = ("master", "volume", "filer", "s3", "admin")


class S3Server:
    """`start`, `kill` and `start` again keep ports and data."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.claimed = Ports(2 * len(PORTS))
        self.ports = dict(zip(PORTS, self.claimed.numbers[: len(PORTS)], strict=True))
        self.grpc_ports = dict(zip(PORTS, self.claimed.numbers[len(PORTS) :], strict=True))
        self.endpoint = f"http://127.0.0.1:{self.ports['s3']}"
        self.process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        identity = {
            "name": "tests",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        (directory / "s3.json").write_text(json.dumps({"identities": [identity]}))

    def client(self) -> Minio:
        return Minio(self.endpoint.removeprefix("http://"), ACCESS_KEY, SECRET_KEY, secure=False)

    def start(self) -> None:
        """Returns when the server answers a signed request."""
        with (self.directory / "server.log").open("ab") as log:
            self.process = subprocess.Popen(self._command(), stdout=log, stderr=log, env=self._environment())
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.ports["s3"]), timeout=1):
                    self.client().list_buckets()
                    return
            except Exception:  # whatever a server that is coming up answers
                time.sleep(0.1)
        self.kill()
        raise TimeoutError((self.directory / "server.log").read_text()[-2000:])

    def kill(self) -> None:
        """SIGKILL: no clean end, as when a machine goes away."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def end(self) -> None:
        """For good: others may have its ports."""
        self.kill()
        self.claimed.release()

    def _command(self) -> list[str]:
        weed = str(Path(sys.executable).with_name("weed"))
        command = [weed, "mini", f"-dir={self.directory}", f"-s3.config={self.directory / 's3.json'}"]
        command += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-admin.ui=false"]
        command += ["-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
        command += [
            f"-filer.localSocket={self.directory / 'filer.sock'}",
            f"-s3.localSocket={self.directory / 's3.sock'}",
        ]
        command += [f"-{name}.port={port}" for name, port in self.ports.items()]
        return command + [f"-{name}.port.grpc={port}" for name, port in self.grpc_ports.items()]

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.directory), "GOMEMLIMIT": "200MiB", "GOMAXPROCS": "2"}
