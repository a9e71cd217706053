"""How a release is made, with stand-ins for builder, registry and signer that write down what they were asked.

What these cannot show is that a registry takes what is pushed; `docs/operations/images.md` says what was tried.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from journalclip_devtools.servers import build, tools

ROOT = Path(__file__).parent.parent
WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
DIGEST = "sha256:" + "a" * 64
BASE = f"debian:bookworm-slim@sha256:{'b' * 64}"
# Each notes its words; `buildah push` writes a digest as the real one does, `mount` shows an image with a bill.
STANDS_IN = r"""#!/bin/bash
echo "$(basename "$0") $*" >> "$CALLS"
case "$(basename "$0") $1" in
  "buildah push") while [ "$1" != --digestfile ]; do shift; done; printf %s "$DIGEST" > "$2" ;;
  "buildah from") echo container ;;
  "buildah mount") echo "$IMAGE_ROOT" ;;
  "skopeo inspect") echo "$SKOPEO" ;;
  "helm package") echo "Successfully packaged chart and saved it to: $4/journalclip-1.2.3.tgz" ;;
  "helm push") echo "Pushed: $3"; echo "Digest: $DIGEST" ;;
esac
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    return tmp_path / "calls"


@pytest.fixture
def run(tmp_path: Path, calls: Path) -> Run:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("buildah", "skopeo", "cosign", "helm"):
        (programs / name).write_text(STANDS_IN)
        (programs / name).chmod(0o755)
    bill = tmp_path / "image" / "opt" / "journalclip"
    bill.mkdir(parents=True)
    (bill / "sbom.cdx.json").write_text('{"bomFormat": "CycloneDX"}')

    def script(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        given = {
            "PATH": f"{programs}:/usr/bin:/bin", "CALLS": str(calls), "DIGEST": DIGEST, "SKOPEO": "",
            "IMAGE_ROOT": str(tmp_path / "image"), "RECORD": str(tmp_path / "record"), **environment,
        }  # fmt: skip
        return subprocess.run(
            [str(ROOT / "devtools" / "images" / name), *arguments],
            env=given,
            capture_output=True,
            text=True,
            check=False,
        )

    return script


def test_a_release_without_the_base_s_digest_is_refused_before_anything_is_built(run: Run, calls: Path) -> None:
    done = run("push.sh", "backbone", REGISTRY="r.example.org/j", BASE_IMAGE="debian:bookworm-slim")
    assert done.returncode == 1
    assert "digest of debian:bookworm-slim is not known" in done.stderr
    assert "buildah" not in calls.read_text()


def test_the_base_s_digest_is_asked_of_the_registry_or_given(run: Run) -> None:
    assert run("base.sh", "debian:bookworm-slim", SKOPEO=DIGEST).stdout.strip() == f"debian:bookworm-slim@{DIGEST}"
    assert run("base.sh", BASE).stdout.strip() == BASE
    assert run("base.sh", SKOPEO=DIGEST).stdout.startswith("debian:")  # the Dockerfile's own


def test_what_is_pushed_is_recorded_with_its_digest_its_base_and_its_bill(
    run: Run, calls: Path, tmp_path: Path
) -> None:
    done = run("push.sh", "backbone", "parser", REGISTRY="r.example.org/j", BASE_IMAGE=BASE, TAG="1.2.3")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "record" / "images.jsonl").read_text().splitlines()]
    assert [(row["name"], row["digest"], row["base"], row["signed"]) for row in rows] == [
        ("backbone", DIGEST, BASE, False), ("parser", DIGEST, BASE, False),
    ]  # fmt: skip
    assert rows[0]["image"] == "r.example.org/j/journalclip/backbone:1.2.3"
    assert json.loads((tmp_path / "record" / "backbone.cdx.json").read_text())["bomFormat"] == "CycloneDX"
    asked = calls.read_text()
    assert f"--build-arg BASE_IMAGE={BASE}" in asked
    assert "cosign" not in asked


def test_a_key_signs_digests_and_attests_bills(run: Run, calls: Path) -> None:
    done = run("push.sh", "backbone", REGISTRY="r.example.org/j", BASE_IMAGE=BASE, TAG="1.2.3", COSIGN_KEY="k.key")
    assert done.returncode == 0, done.stderr
    signing = [line for line in calls.read_text().splitlines() if line.startswith("cosign")]
    assert [line.split()[1] for line in signing] == ["sign", "attest"]
    assert all(line.endswith(f"r.example.org/j/journalclip/backbone@{DIGEST}") for line in signing)
    assert all("--key k.key" in line for line in signing)
    calls.unlink()
    run("push.sh", "backbone", REGISTRY="r.example.org/j", BASE_IMAGE=BASE, TAG="1.2.3", COSIGN_KEY="keyless")
    assert "--key" not in calls.read_text()


def test_a_registry_that_tells_no_digest_ends_the_push(run: Run) -> None:
    done = run("push.sh", "backbone", REGISTRY="r.example.org/j", BASE_IMAGE=BASE, DIGEST="")
    assert done.returncode == 1
    assert "without a digest" in done.stderr


def test_the_chart_is_packed_pushed_and_signed_by_its_digest(run: Run, calls: Path, tmp_path: Path) -> None:
    done = run("push_chart.sh", REGISTRY="r.example.org/charts", VERSION="1.2.3", COSIGN_KEY="k.key")
    assert done.returncode == 0, done.stderr
    asked = calls.read_text()
    assert "--version 1.2.3 --app-version 1.2.3" in asked
    assert f"cosign sign --yes --key k.key r.example.org/charts/journalclip@{DIGEST}" in asked
    assert (tmp_path / "record" / "chart.digest").read_text().strip() == DIGEST


@pytest.mark.parametrize("name", ["push.sh", "push_chart.sh"])
def test_nobody_pushes_without_a_registry(run: Run, name: str) -> None:
    done = run(name)
    assert done.returncode == 2
    assert "REGISTRY is not set" in done.stderr


def test_the_workflow_makes_every_image_on_the_base_that_it_recorded() -> None:
    found = yaml.safe_load(WORKFLOW.read_text())
    images = found["jobs"]["images"]
    listed = (ROOT / "devtools" / "images" / "push.sh").read_text().split("names=(backbone")[1].split(")")[0]
    assert set(images["strategy"]["matrix"]["name"]) == {"backbone", *listed.split()}
    (push,) = (step for step in images["steps"] if "images-push" in step.get("run", ""))
    assert push["env"]["BASE_IMAGE"] == "${{ needs.base.outputs.image }}"
    assert images["needs"] == "base"
    assert "devtools/images/base.sh" in str(found["jobs"]["base"]["steps"])


def test_actionlint_finds_nothing_in_the_workflow() -> None:
    cache = Path(os.environ.get("JOURNALCLIP_TEST_SERVERS_CACHE") or build.default_cache())
    program = tools.folder("actionlint", cache) / "actionlint"
    if not program.exists():
        pytest.skip("actionlint is not built: `make charts` builds it where there is Go")
    done = subprocess.run([str(program), str(WORKFLOW)], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""
