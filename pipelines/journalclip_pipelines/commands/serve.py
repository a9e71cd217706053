"""``journalclip serve`` and ``journalclip tokens``: the page and the API, and who may use them."""

from __future__ import annotations

import contextlib
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json
from journalclip_shared.errors import PermanentError

if TYPE_CHECKING:
    from journalclip_inference.settings import InferenceSettings
    from journalclip_pipelines.local.workspace import Workspace

tokens = typer.Typer(help="Tokens that let people and programs in.", no_args_is_help=True)

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    workdir: Workdir = DEFAULT_WORKDIR,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8080,
    anonymous: Annotated[
        bool, typer.Option(help="Let readers on this machine in without a token (loopback addresses only).")
    ] = True,
    on_ray: Annotated[
        bool, typer.Option("--ray", help="As Ray Serve deployments on a cluster of this machine's own.")
    ] = False,
    encoders: Annotated[int, typer.Option(min=1, help="Encoder replicas; only with --ray.")] = 1,
) -> None:
    """Serve the champion of a working folder: the search page, the review queue and the API.

    Reading needs no token on this machine itself; reviewing always does.

    Examples:

        journalclip serve --workdir W

        journalclip serve --workdir W --ray --encoders 2

        journalclip tokens add ada --role reviewer --workdir W
    """
    from journalclip_inference.__main__ import serve as run
    from journalclip_inference.audit import AuditFile
    from journalclip_inference.service import Clients
    from journalclip_inference.settings import InferenceSettings
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_pipelines.operations.catalogue import caught_up
    from journalclip_pipelines.operations.pages import LocalOperations
    from journalclip_pipelines.page_drawing import SandboxedDrawer
    from journalclip_sources.pdf.pages import drawing

    workspace = Workspace.existing(workdir)
    caught_up(workdir).dispose()  # links with ids of older versions are looked up in it
    known = _tokens(workdir)
    settings = InferenceSettings(
        workdir=workdir.resolve(),
        host=host,
        port=port,
        anonymous=anonymous and host in _LOOPBACK,
        tokens=known.resolve(),
        encoder_replicas=encoders,
    )
    if on_ray:
        _on_ray(settings)
        return
    stack = ExitStack()
    clients = Clients(
        workspace.store,
        workspace.bus,
        workspace.cache,
        AuditFile(workdir / "audit"),
        page_drawer=SandboxedDrawer(stack.enter_context(drawing())),
        operations=LocalOperations(workdir),
        **_studies(workspace, stack),
    )
    typer.echo(f"journalclip serves {workdir} on http://{host}:{port}/ (Ctrl-C stops it)", err=True)
    with stack:
        run(settings, clients, workspace.registry("articles"))


def _on_ray(settings: InferenceSettings) -> None:
    from journalclip_inference.ray_server import ray_server

    typer.echo("Ray Serve starts; the first start takes a minute ...", err=True)
    with ray_server(settings) as address:
        typer.echo(f"journalclip serves {settings.workdir} on {address}/ (Ctrl-C stops it)", err=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


def _studies(workspace: Workspace, stack: ExitStack) -> dict[str, Any]:
    """The archive of studies and what reads dropped ones, where this working folder has studies."""
    key = workspace.root / "studies.key"
    if not key.exists():
        return {}
    from journalclip_intake.studies import read_key
    from journalclip_pipelines.studies.reader import SandboxedReader
    from journalclip_sources.studies.cells import normalising, reading

    read, normalise = stack.enter_context(reading()), stack.enter_context(normalising())
    reader = SandboxedReader(read, normalise, read_key(key))
    return {"study_registry": workspace.registry("studies"), "study_reader": reader}


@tokens.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Who will use it.")],
    role: Annotated[str, typer.Option(help="viewer, reviewer, steward or admin.")] = "viewer",
    days: Annotated[float | None, typer.Option(min=0.01, help="How long it holds; default: until revoked.")] = None,
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, once; only its digest is kept.

    Example:

        journalclip tokens add ada --role reviewer --days 90
    """
    from journalclip_inference.auth import ROLES, add_token

    found = next((each for each in ROLES if each == role), None)
    if found is None:
        raise PermanentError("role-unknown", f"there is no role {role!r}", f"Choose one of {', '.join(ROLES)}.")
    token = add_token(_tokens(workdir), name, found, days)
    if as_json:
        print_json({"name": name, "role": role, "token": token})
    else:
        typer.echo(token)
        typer.echo("Keep it: it is not shown again.", err=True)


@tokens.command("list")
def listed(workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """Who has a token, by its id, and until when; tokens themselves are not kept."""
    from journalclip_inference.auth import read_tokens

    path = _tokens(workdir)
    entries = read_tokens(path) if path.exists() else []
    if as_json:
        print_json([
            {"id": entry.token_id, "name": entry.name, "role": entry.role, "expires": entry.expires or None}
            for entry in entries
        ])  # fmt: skip
    else:
        for entry in entries:
            until = f"until {entry.expires}" if entry.expires else ""
            typer.echo(f"{entry.token_id}  {entry.role:<10}{entry.name:<20}{until}")


@tokens.command("revoke")
def revoke(
    token_id: Annotated[str, typer.Argument(help="As `journalclip tokens list` shows it.")],
    workdir: Workdir = DEFAULT_WORKDIR,
) -> None:
    """Take a token back; a running server refuses it from the next request on.

    Example:

        journalclip tokens revoke tok_0a1b2c3d4e5f
    """
    from journalclip_inference.auth import revoke_token

    gone = revoke_token(_tokens(workdir), token_id)
    typer.echo(f"{gone.name} ({gone.role}) has this token no more")


def _tokens(workdir: Path) -> Path:
    return workdir / "tokens.json"
