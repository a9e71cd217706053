"""A fault proxy in front of S3 or Kafka: latency, resets, truncation and outages at the network's own level."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from journalclip_devtools.servers import build
from journalclip_devtools.servers.process import Server, answers, free_port


@dataclass
class Proxy:
    """One proxied address, and the faults (toxics) put on it."""

    control: str
    name: str
    listen: str

    def add(self, kind: str, toxicity: float = 1.0, stream: str = "downstream", **attributes: int) -> None:
        """A toxic of that kind: ``latency`` (latency, jitter: ms), ``reset_peer`` (timeout), ``limit_data`` (bytes)."""
        body = {"name": kind, "type": kind, "stream": stream, "toxicity": toxicity, "attributes": attributes}
        _call(f"{self.control}/proxies/{self.name}/toxics", body)

    def enable(self, enabled: bool) -> None:
        """Down (connections are refused) or up again."""
        _call(f"{self.control}/proxies/{self.name}", {"enabled": enabled})

    def heal(self) -> None:
        """Up, and without any fault."""
        _call(f"{self.control}/reset", {})


def start(folder: Path, cache: Path, name: str, upstream: str) -> tuple[Server, Proxy]:
    """Start a proxy of ``upstream`` (host:port). Raises `PermanentError`."""
    executable, port = build.binary("toxiproxy", cache), free_port()
    control = f"http://127.0.0.1:{port}"
    command = [str(executable), "-host", "127.0.0.1", "-port", str(port)]
    server = Server("toxiproxy", command, folder, lambda: answers(f"{control}/version"))
    server.start()
    listen = f"127.0.0.1:{free_port()}"
    _call(f"{control}/proxies", {"name": name, "listen": listen, "upstream": upstream, "enabled": True})
    return server, Proxy(control, name, listen)


def _call(url: str, body: dict[str, object]) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - a loopback address made here
        answer.read()
