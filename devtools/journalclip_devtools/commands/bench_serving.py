"""``journalclip bench serving``, ``search-cost`` and ``reload``: the server against the bare model, a search against a
bare application, search against exact search, and the champion changed under load."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json

_CLIENTS = [1, 8, 64]
_SEARCHERS = [1, 8, 32]
_VECTORS = [1_000, 100_000, 1_000_000]


def serving(
    clients: Annotated[list[int] | None, typer.Option(help="Numbers of clients; 1, 8 and 64 where left out.")] = None,
    vectors: Annotated[list[int] | None, typer.Option(help="Sizes searched; 1k, 100k and 1M where left out.")] = None,
    seconds: Annotated[float, typer.Option(min=0.5, help="Seconds for each measurement.")] = 20.0,
    model: Annotated[list[str] | None, typer.Option(help="vit-b-32 or tiny; both where left out.")] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Folder in which vectors and indexes stay for the next call (2.6 GB at 1M).")
    ] = None,
    on_ray: Annotated[bool, typer.Option("--ray", help="The server as Ray Serve deployments.")] = False,
    as_json: AsJson = False,
) -> None:
    """Requests a second against the bare model in its largest batch, and search latency with recall, in one run.

    Zero clients (or vectors) leave that half out, so that each part can be measured by a call of its own.

    Examples:

        journalclip bench serving --json

        journalclip bench serving --clients 8 --vectors 1000 --seconds 5 --model tiny

        journalclip bench serving --vectors 0 --model vit-b-32 --ray

        journalclip bench serving --clients 0 --vectors 1000000 --keep bench-vectors
    """
    from journalclip_devtools.benches.serving import SIZES, measure_throughput
    from journalclip_devtools.benches.vectors import measure_search

    wanted = [number for number in clients or _CLIENTS if number]
    rows = [measure_throughput(size, wanted, seconds, on_ray, say) for size in (model or list(SIZES)) if wanted]
    found = [measure_search(size, keep, say) for size in vectors or _VECTORS if size]
    if as_json:
        models = [asdict(row) for row in rows]
        first = models[0] if models else {}
        print_json({**first, "models": models, "search": [asdict(row) for row in found]})
        return
    for row in rows:
        typer.echo(
            f"{row.model} ({row.server}): bare {row.bare_images_s}/s, plain app {row.plain_rps}/s, "
            f"ratio {row.throughput_ratio}"
        )
        for each in row.clients:
            typer.echo(
                f"  {each.n:>3} clients {each.rps:>8}/s  p50 {each.p50_ms} p95 {each.p95_ms} p99 {each.p99_ms} ms"
            )
    for one in found:
        typer.echo(f"{one.vectors:>9} vectors ({one.index}): recall@10 {one.recall_at_10:.4f}, p95 {one.p95_ms} ms")
        for kind in one.kinds:
            typer.echo(f"          {kind.kind}: recall@10 {kind.recall_at_10:.4f}, p95 {kind.p95_ms} ms")


def search_cost(
    workdir: Workdir = DEFAULT_WORKDIR,
    clients: Annotated[list[int] | None, typer.Option(help="Numbers of clients; 1, 8 and 32 where left out.")] = None,
    seconds: Annotated[float, typer.Option(min=0.5, help="Seconds for each measurement.")] = 10.0,
    as_json: AsJson = False,
) -> None:
    """CPU time of a search, by looks and by both legs, beside a bare FastAPI application of the same model.

    Examples:

        journalclip bench search-cost --workdir journalclip-demo --json
    """
    from journalclip_devtools.benches.search_cost import measure_cost

    rows = measure_cost(workdir, clients or _SEARCHERS, seconds, say)
    if as_json:
        print_json([{**asdict(row), "looks_ratio": row.looks_ratio, "best_ratio": row.best_ratio} for row in rows])
        return
    for row in rows:
        typer.echo(
            f"{row.clients:>3} clients: CPU a request {row.bare.cpu_ms} ms bare, {row.looks.cpu_ms} looks "
            f"({row.looks_ratio}), {row.best.cpu_ms} best ({row.best_ratio}); "
            f"p50 {row.bare.p50_ms}, {row.looks.p50_ms}, {row.best.p50_ms} ms"
        )


def reload(
    clients: Annotated[int, typer.Option(min=1, help="Clients that ask without pause.")] = 16,
    seconds: Annotated[float, typer.Option(min=1, help="How long; longer where a change takes longer.")] = 60.0,
    changes: Annotated[int, typer.Option(min=1, help="Promotions and rollbacks, spread over the time.")] = 20,
    on_ray: Annotated[bool, typer.Option("--ray", help="The server as Ray Serve deployments.")] = False,
    as_json: AsJson = False,
) -> None:
    """Change the champion under load: failed requests and mixed answers, which must both be none.

    Examples:

        journalclip bench reload

        journalclip bench reload --ray --json
    """
    from journalclip_devtools.benches.reload import measure_reload

    row = measure_reload(clients, seconds, changes, on_ray, say)
    if as_json:
        print_json(asdict(row))
    else:
        typer.echo(
            f"{row.changes} changes under {row.clients} clients in {row.seconds} s: {row.requests} requests, "
            f"{row.failed} failed, {row.mixed} mixed; p50 {row.p50_ms} ms, p99 {row.p99_ms} ms"
        )
    if row.failed or row.mixed:
        raise typer.Exit(1)


def say(line: str) -> None:
    """What is under way, to standard error."""
    typer.echo(f"bench: {line}", err=True)


def fusion(
    pairs: Annotated[int, typer.Option(min=100, help="Pairs in the collection.")] = 1500,
    queries: Annotated[int, typer.Option(min=10, help="Queries asked of each model.")] = 240,
    seed: Annotated[int, typer.Option(help="Another seed is another collection.")] = 0,
    as_json: AsJson = False,
) -> None:
    """P@10 of words, of looks and of both, under simulated models from blind to perfect.

    Examples:

        journalclip bench fusion --json
    """
    from journalclip_devtools.benches.fusion import measure_fusion

    rows = measure_fusion(pairs, queries, seed)
    if as_json:
        print_json([{**asdict(row), "margin": round(row.margin, 4)} for row in rows])
        return
    for row in rows:
        legs = f"words {row.words:.3f}, looks {row.looks:.3f}, both {row.best:.3f}"
        typer.echo(f"model {row.beta:.2f}: {legs} ({row.margin:+.3f})")


def hybrid(
    folder: Annotated[Path, typer.Option(help="Where the collection is made, and kept for the next call.")],
    pairs: Annotated[
        int, typer.Option(min=1_000, help="Pairs in the collection; a million take some 10 GB.")
    ] = 1_000_000,
    rounds: Annotated[int, typer.Option(min=1, help="Runs; percentiles are the median of theirs.")] = 5,
    queries: Annotated[int, typer.Option(min=10, help="Queries a run.")] = 100,
    as_json: AsJson = False,
) -> None:
    """A search by words and looks at size, filtered and not, its recall, and how soon what comes and goes is seen.

    Examples:

        journalclip bench hybrid --folder bench-hybrid

        journalclip bench hybrid --folder bench-small --pairs 20000 --json
    """
    from journalclip_devtools.benches.hybrid import measure_hybrid

    row = measure_hybrid(pairs, folder, rounds, queries, say)
    if as_json:
        print_json(asdict(row))
        return
    for name, found in (("unfiltered", row.plain), ("filtered", row.filtered)):
        typer.echo(
            f"{row.pairs:,} pairs, {name}: p50 {found.p50_ms}, p95 {found.p95_ms} ms; "
            f"of CPU {found.p50_cpu_ms}, {found.p95_cpu_ms} ms"
        )
    typer.echo(
        f"dense leg: recall@10 {row.recall_at_10} ({row.probes} probes); opened in {row.open_s} s, "
        f"an article seen after {row.append_s} s, its withdrawal after {row.withdrawal_s} s; {row.peak_gib} GiB"
    )


def study_search(
    studies: Annotated[int, typer.Option(min=60, help="Phantoms in the archive.")] = 160,
    seed: Annotated[int, typer.Option(help="Another seed is another archive.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Do words find studies? P@10 over queries with truth from phantoms' own facts; vectors are noise.

    Examples:

        journalclip bench study-search --studies 400 --json
    """
    from journalclip_devtools.benches.study_search import measure_study_search
    from journalclip_devtools.doubles.studies import archive

    with tempfile.TemporaryDirectory(prefix="journalclip-bench-") as folder:
        found = measure_study_search(archive(studies, Path(folder), seed))
    if as_json:
        print_json(asdict(found))
        return
    for name, value in asdict(found).items():
        typer.echo(f"{name:>13}  {value}")
