"""``journalclip structuring`` and ``journalclip bench structuring``: pseudo reports, tuning, how right records are."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from journalclip_pipelines.commands.options import AsJson
from journalclip_pipelines.commands.structuring_read import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journalclip_structuring.lm.scratch import Progress
    from journalclip_structuring.pseudo.corpus import PseudoReport
    from journalclip_structuring.pseudo.paraphrase import Paraphrases
    from journalclip_structuring.pseudo.phase_one import PhaseOne

structuring = typer.Typer(
    help="Captions and reports to records: read them, and tune the models that do.", no_args_is_help=True
)
structuring.command()(read)


@structuring.command()
def pseudo(
    file: Annotated[Path, typer.Argument(help="JSON lines to write.")],
    count: Annotated[int, typer.Option(min=1, help="How many reports.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed 1 is the evaluation's; training never uses it.")] = 1,
    split: Annotated[str, typer.Option(help="`train` or `held_out`: which sentence templates.")] = "train",
    language: Annotated[Literal["en", "zh"], typer.Option(help="Language of the reports.")] = "en",
    paraphrase: Annotated[
        bool,
        typer.Option(
            "--paraphrase",
            help="Have the endpoint of the settings say each in other words; keep those that read alike.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write pseudo reports with their truth, and say how much of the vocabularies they cover.

    Examples: `journalclip structuring pseudo held-out.jsonl --split held_out`;
    `journalclip structuring pseudo said.jsonl --seed 7 --paraphrase` (SeLIP's first phase in a language model's words)
    """
    from journalclip_structuring.benching import write_reports
    from journalclip_structuring.pseudo.corpus import coverage, pseudo_reports

    reports = list(pseudo_reports(seed, count, _split(split), language=language))
    asked = _in_other_words(reports) if paraphrase else None
    reports = list(asked.kept) if asked else reports
    write_reports(file, reports)
    found = asdict(coverage(reports)) if reports else {"reports": 0}
    if asked:
        found |= {"asked": len(asked.kept) + sum(asked.dropped.values()), "dropped": asked.dropped}
    typer.echo(json.dumps(found) if as_json else "\n".join(f"{name}: {value}" for name, value in found.items()))


def _in_other_words(reports: Sequence[PseudoReport]) -> Paraphrases:
    """Raises `BadSetting`, and what `check_world` raises: nothing is written then."""
    from journalclip_structuring.build import endpoint_of
    from journalclip_structuring.pseudo.paraphrase import paraphrased
    from journalclip_structuring.settings import StructuringSettings

    return paraphrased(reports, endpoint_of(StructuringSettings()).ask)


@structuring.command()
def finetune(
    folder: Annotated[Path, typer.Argument(help="Folder of checkpoints and of the model; a second call goes on.")],
    base: Annotated[
        Path | None, typer.Option(help="Checkpoint to tune with LoRA; none: a small model from nothing.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps; default: the recipe's.")] = None,
    reports: Annotated[
        Path | None, typer.Option(help="Further reports with their truth, such as `pseudo --paraphrase` wrote.")
    ] = None,
    paraphrase: Annotated[
        int,
        typer.Option(
            min=0,
            help="Have the endpoint of the settings say so many template reports in other words, and train on those"
            " that read back alike, too.",
        ),
    ] = 0,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 2,
    workers: Annotated[
        int, typer.Option(min=0, help="With --base: worker processes of the Ray cluster; 0: here, without Ray.")
    ] = 0,
    gpu: Annotated[bool, typer.Option(help="Each worker has a GPU.")] = False,
    storage: Annotated[str, typer.Option(help="Folder that all workers see; default: in the folder.")] = "",
    register: Annotated[str, typer.Option(help="Tracking server to register the model with; empty: do not.")] = "",
    alias: Annotated[str, typer.Option(help="Alias that the registered version gets.")] = "candidate",
    as_json: AsJson = False,
) -> None:
    """Tune a causal LM on (pseudo report -> JSON), resumable.

    Examples: `journalclip structuring finetune lm` (from nothing, half an hour on two cores);
    `journalclip structuring finetune lm --paraphrase 2000` (the first phase in a language model's words as well);
    `journalclip structuring finetune lm --base Qwen3-0.6B --register sqlite:///mlflow.db --alias champion`;
    `journalclip structuring finetune lm --base /models/Qwen3-4B --workers 4 --gpu --storage /shared/tuning` (on Ray)
    """
    if workers and base is None:
        raise typer.BadParameter("a small model from nothing is trained here; name a --base", param_hint="--workers")
    more, said = _further_reports(folder, reports, paraphrase)
    if base is None:
        from journalclip_structuring.lm.scratch import ScratchConfig, train_from_scratch

        config = ScratchConfig(threads=threads)
        train_from_scratch(folder, config if steps is None else replace(config, steps=steps), _show, more)
    else:
        from journalclip_structuring.benching import write_reports
        from journalclip_structuring.lm.lora import LoraSettings, tune

        mixed = folder.absolute() / "further-reports.jsonl"
        if more:
            folder.mkdir(parents=True, exist_ok=True)
            write_reports(mixed, more)
        settings = LoraSettings(max_steps=steps or -1, more=str(mixed) if more else "")
        if workers:
            from journalclip_structuring.lm.ray_lora import RayWorkers, tune_on_ray

            tune_on_ray(base, folder, settings, RayWorkers(workers, gpu=gpu, storage=storage))
        else:
            tune(base, folder, settings)
    done: dict[str, Any] = {"model": str(folder / "model"), "version": "", "alias": ""}
    if register:
        from journalclip_structuring.lm.registry import StructurerRegistry

        done |= {"version": StructurerRegistry(register).register(folder / "model", alias=alias), "alias": alias}
    if said is not None:
        done |= {"phase_one": asdict(said) | {"share": round(said.share, 3)}}
    typer.echo(json.dumps(done) if as_json else _tuned(done, said))


def _further_reports(folder: Path, file: Path | None, paraphrase: int) -> tuple[list[PseudoReport], PhaseOne | None]:
    """What training reads beside its templates. Raises `BadBenchFile`, `BadSetting`, and what `check_world` raises."""
    from journalclip_structuring.benching import read_reports

    more = read_reports(file) if file else []
    if not paraphrase:
        return more, None
    from journalclip_structuring.build import endpoint_of
    from journalclip_structuring.pseudo.phase_one import phase_one
    from journalclip_structuring.settings import StructuringSettings

    kept, said = phase_one(folder, paraphrase, lambda: endpoint_of(StructuringSettings()).ask)
    return [*more, *kept], said


def _tuned(done: dict[str, Any], said: PhaseOne | None) -> str:
    line = f"model: {done['model']} {done['version']} {done['alias']}".rstrip()
    if said is None:
        return line
    dropped = ", ".join(f"{reason} {count}" for reason, count in said.dropped.items()) or "none"
    return f"{line}\nparaphrases: {said.kept} of {said.asked} kept ({said.share:.0%}), dropped: {dropped}"


def bench_structuring(
    file: Annotated[Path, typer.Argument(help="Reports as JSON lines, or hand labels of captions as JSON.")],
    structurer: Annotated[
        list[str] | None, typer.Option(help="`rules`, `endpoint` (as the settings say), or a model folder; repeatable.")
    ] = None,
    corpus: Annotated[Path | None, typer.Option(help="Folder with gold.json, for caption labels.")] = None,
    as_json: AsJson = False,
) -> None:
    """Field precision, recall and F1, negation, exact match and speed of one structurer or several, side by side.

    Example: `journalclip bench structuring held-out.jsonl --structurer rules --structurer lm/model --json`
    """
    from journalclip_structuring.benching import read_cases, run_bench
    from journalclip_structuring.build import structurer_named

    cases = read_cases(file, corpus)
    results = [run_bench(cases, structurer_named(name)) for name in structurer or ["rules"]]
    # The first one's figures stand at the top level, so that a bench of one needs no unpacking.
    typer.echo(json.dumps({**results[0], "structurers": results}) if as_json else _table(results))


def _table(results: list[dict[str, Any]]) -> str:
    rows = [
        f"{'structurer':<36} {'JSON':>6} {'schema':>6} {'F1':>6} {'95 %':>13} {'negation':>8} {'exact':>6} {'rec/s':>7}"
    ]
    for each in results:
        low, high = each["field_f1_interval"]
        shares = f"{each['json_valid']:6.3f} {each['schema_valid']:6.3f} {each['field_f1']:6.3f} {low:7.3f}-{high:5.3f}"
        rest = f"{each['negation_accuracy']:8.3f} {each['exact_match']:6.3f} {each['records_per_s']:7.1f}"
        rows.append(f"{each['structurer'][:36]:<36} {shares} {rest}")
    return "\n".join(rows)


def _show(progress: Progress) -> None:
    left = progress.seconds / progress.step * (progress.steps - progress.step)
    used = f"{progress.core_seconds / 60:.1f} core-min used"
    line = f"step {progress.step}/{progress.steps}  loss {progress.loss:.4f}  {used}  about {left / 60:.0f} min left"
    typer.echo(line, err=True, nl=not sys.stderr.isatty())
    if sys.stderr.isatty():
        typer.echo("\r", err=True, nl=False)


def _split(name: str) -> Literal["train", "held_out"]:
    if name == "train":
        return "train"
    if name == "held_out":
        return "held_out"
    raise typer.BadParameter("train or held_out", param_hint="--split")
