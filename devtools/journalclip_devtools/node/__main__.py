"""``make node``: the chart on the node that ``KUBECONFIG`` names, with images built here; a line a step, then JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from journalclip_devtools.chart.rendered import CHART, LAPTOP, Helm, former
from journalclip_devtools.node.cluster import Cluster
from journalclip_devtools.node.proof import RELEASE, Proof
from journalclip_devtools.servers import build, tools
from journalclip_pipelines.studies.reports import report_of
from journalclip_shared.errors import JournalclipError
from journalclip_synthetic.journals import write_journals
from journalclip_synthetic.studies import draw_study, draw_truth
from journalclip_synthetic.studies.folders import write_study

_NODE, _SLIM = "ci/node-values.yaml", "ci/node-slim-values.yaml"


def run(proof: Proof, folder: Path, asked: argparse.Namespace) -> None:
    """Every step in order. Raises `JournalclipError` at the first that does not hold."""
    write_journals(folder / "journals", asked.articles + 4, 0)
    pdfs = iter(sorted((folder / "journals").glob("*.pdf")))
    if proof.cluster.load and not asked.loaded:
        proof.images()
    with _namespace(proof, asked.keep):
        proof.install()
        proof.watch()
        proof.drop(next(pdfs))
        proof.done("a PDF: from the bucket to its records")
        write_study(draw_study(draw_truth(1, 9, ("FLAIR", "DWI")), 24, 8), folder / "archive", "dicom", report_of)
        proof.study(folder / "archive")
        if not asked.slim:
            proof.champion([next(pdfs) for _ in range(asked.articles)])
        proof.strangers()
        proof.without_kafka()
        proof.drop(next(pdfs))
        proof.done("a PDF after Kafka came back")
        proof.overfull("structuring")
        if proof.cluster.inside:
            proof.frozen("structuring")
        proof.upgrade(asked.former or former(proof.cluster.helm.chart, folder), next(pdfs))
        proof.again(next(pdfs))


@contextmanager
def _namespace(proof: Proof, keep: bool) -> Iterator[None]:
    proof.namespace()
    try:
        yield
    finally:
        if not keep:
            proof.cluster.kubectl("delete", "namespace", proof.cluster.namespace, "stranger", "--ignore-not-found")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--slim", action="store_true", help="Without the parts of the image ray, which holds 7 GB.")
    parser.add_argument("--load", default="", help="Command that loads an image into the node, its name as last word.")
    parser.add_argument("--inside", default="", help="Command that runs a program in the node, for signals.")
    parser.add_argument("--loaded", action="store_true", help="The node has the images.")
    parser.add_argument("--former", type=Path, help="Chart to upgrade from; else this one under another version.")
    parser.add_argument("--set", action="append", default=[], dest="values", help="A value of the chart, KEY=VALUE.")
    parser.add_argument("--articles", type=int, default=12, help="Synthetic articles of the first dataset.")
    parser.add_argument("--workdir", type=Path, help="New folder for journals and the result.")
    parser.add_argument("--keep", action="store_true", help="Leave the release as it is at the end.")
    asked = parser.parse_args()
    folder = asked.workdir or Path(mkdtemp(prefix="journalclip-node-"))
    folder.mkdir(parents=True, exist_ok=True)
    cache = Path(os.environ.get("JOURNALCLIP_TEST_SERVERS_CACHE") or build.default_cache())
    helm = Helm(tools.tool("helm4", cache), CHART.resolve())
    kubeconfig = Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
    files = [helm.chart / name for name in (LAPTOP, _NODE, *([_SLIM] if asked.slim else []))]
    registry = os.environ.get("PREFIX", "journalclip").removesuffix("/journalclip")
    sets = ["studies.enabled=true", f"image.registry={registry}", *asked.values]
    cluster = Cluster(kubeconfig, helm, RELEASE, asked.load, asked.inside)
    proof = Proof(cluster, files, sets, lambda line: print(line, file=sys.stderr, flush=True))
    try:
        run(proof, folder, asked)
    except JournalclipError as error:
        print(f"{error}\nafter: {', '.join(proof.seconds)}; files: {folder}", file=sys.stderr)
        return 1
    print(json.dumps({"seconds": proof.seconds, **proof.seen}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
