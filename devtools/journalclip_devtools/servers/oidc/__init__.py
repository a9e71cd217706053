"""A real OpenID Connect issuer for tests: node-oidc-provider, installed once by npm at a pinned version."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from journalclip_devtools.servers.build import building, run
from journalclip_devtools.servers.process import Server, answers, free_port

_HERE = Path(__file__).parent
_VERSION = "8.8.1"
CLIENT_ID, CLIENT_SECRET, ROLE_CLAIM = "clip.page", "a secret: of signs", "https://example.org/roles"


@dataclass
class RunningIssuer:
    """Where it answers, and who has which roles."""

    server: Server
    address: str
    roles_file: Path

    def roles(self, found: Mapping[str, Sequence[str]]) -> None:
        """From the next token on."""
        self.roles_file.write_text(json.dumps({name: list(each) for name, each in found.items()}))


def start(folder: Path, cache: Path, ours: str) -> RunningIssuer:
    """An issuer that sends browsers back to ``ours``. Raises `PermanentError`."""
    home, port, roles = _installed(cache), free_port(), folder / "roles.json"
    folder.mkdir(parents=True, exist_ok=True)
    roles.write_text("{}")
    address = f"http://127.0.0.1:{port}"
    command = ["node", str(home / "issuer.mjs"), str(port), ours, str(roles)]
    server = Server("issuer", command, folder, lambda: answers(f"{address}/.well-known/openid-configuration"))
    server.start()
    return RunningIssuer(server, address, roles)


def _installed(cache: Path) -> Path:
    home = cache / f"oidc-provider-{_VERSION}"
    with building("issuer", home, cache, missing()) as made:
        if made is not None:
            shutil.copy(_HERE / "package.json", made / "package.json")
            run("issuer", ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(made)], {})
    shutil.copy(_HERE / "issuer.mjs", home / "issuer.mjs")  # beside its modules, where node looks for them
    return home


def missing() -> str | None:
    """None where it can be started; else one sentence that says what is not here."""
    lacking = next((each for each in ("node", "npm") if shutil.which(each) is None), None)
    return f"The issuer was left out: there is no {lacking} on PATH." if lacking else None
