"""The tools that a chart is proven with, built once by Go at pinned versions: Helm 3 and 4, kubeconform, promtool,
actionlint, KWOK, skaffold, and a Kubernetes control plane with its kubectl.

Each lies in the servers' cache and is built as they are (see `build`). What has a plain `go install` uses it; the
control plane, skaffold and promtool replace modules, which only a main module may do: each has a small module beside
this file.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from journalclip_devtools.servers.build import building, default_cache, run

KUBERNETES = "1.36.3"
_GO = Path(__file__).parent / "go"
_STRIPPED = "-s -w"


@dataclass(frozen=True)
class Tool:
    """How one tool is built: from a published module, or in a folder of `go`."""

    version: str
    module: str = ""
    flags: str = _STRIPPED
    names: tuple[str, ...] = ()  # further names that the program goes by
    tags: str = ""

    def command(self, name: str, into: Path) -> list[str]:
        common = ["-trimpath", "-ldflags", self.flags, *(["-tags", self.tags] if self.tags else [])]
        if self.module:
            return ["go", "install", *common, f"{self.module}@{self.version}"]
        target = ["-o", str(into / name)]
        return ["go", "build", "-C", str(_GO / name), *common, *target, *_PACKAGES.get(name, ["."])]


_PACKAGES = {
    "skaffold": ["github.com/GoogleContainerTools/skaffold/v2/cmd/skaffold"],
    "promtool": ["github.com/prometheus/prometheus/cmd/promtool"],
}
_MINOR = KUBERNETES.split(".")[1]


def _stamped(package: str, **values: str) -> str:
    return " ".join([_STRIPPED, *(f"-X {package}.{name}={value}" for name, value in values.items())])


def _kubernetes() -> str:
    # Its parts refuse to talk to one another without a version, which otherwise comes from its own build scripts.
    stamp = {
        "gitVersion": f"v{KUBERNETES}", "gitMajor": "1", "gitMinor": _MINOR, "gitCommit": "0" * 40,
        "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
    }  # fmt: skip
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return " ".join(_stamped(each, **stamp) for each in packages)


TOOLS = {
    "actionlint": Tool("v1.7.7", "github.com/rhysd/actionlint/cmd/actionlint"),
    # Without the clients of every cloud, of which one alone takes more than 3 GB to compile: rules need none.
    "promtool": Tool("v0.313.3", tags="remove_all_sd"),
    "kubeconform": Tool("v0.7.0", "github.com/yannh/kubeconform/cmd/kubeconform"),
    "helm4": Tool("v4.2.4", "helm.sh/helm/v4/cmd/helm"),
    # Helm 3 takes the version that it assumes of a cluster from its linker alone, and else assumes 1.20.
    "helm3": Tool(
        "v3.21.4",
        "helm.sh/helm/v3/cmd/helm",
        _stamped("helm.sh/helm/v3/pkg/chartutil", k8sVersionMajor="1", k8sVersionMinor=_MINOR),
    ),
    "kwok": Tool("v0.8.0", "sigs.k8s.io/kwok/cmd/kwok"),
    "kube": Tool(
        f"v{KUBERNETES}",
        flags=_kubernetes(),
        names=("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"),
    ),
    "skaffold": Tool(
        "v2.24.0",
        flags=_stamped("github.com/GoogleContainerTools/skaffold/v2/pkg/skaffold/version", version="v2.24.0"),
    ),
}
RENDERING = ("kubeconform", "helm4", "helm3")  # a few minutes; the control plane and skaffold take ten more


def folder(name: str, cache: Path) -> Path:
    """Where a tool lies once it is built."""
    return cache / f"{name}-{TOOLS[name].version}"


def missing(name: str, cache: Path) -> str | None:
    """None where the tool is there or can be built; else one sentence that says what is not."""
    if not folder(name, cache).is_dir() and shutil.which("go") is None:
        return f"{name} was left out: there is no Go (go) on PATH to build it with."
    return None


def tool(name: str, cache: Path) -> Path:
    """The executable, built if need be. Raises `PermanentError`."""
    target, wanted = folder(name, cache), TOOLS[name]
    with building(name, target, cache, missing(name, cache)) as into:
        if into is not None:
            run(name, wanted.command(name, into), {"GOBIN": str(into), "CGO_ENABLED": "0", "GOFLAGS": ""})
            (built,) = into.iterdir()
            built.rename(into / name)
            for other in wanted.names:
                (into / other).symlink_to(name)
    return target / name


def main(names: list[str]) -> int:
    """Build the named tools, or those that render a chart; 1 where anything is missing."""
    cache = default_cache()
    said = [each for each in (missing(name, cache) for name in names or RENDERING) if each is not None]
    for sentence in said:
        print(sentence)
    for name in names or RENDERING:
        if missing(name, cache) is None:
            print(f"{name} {TOOLS[name].version}: {tool(name, cache)}", flush=True)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
