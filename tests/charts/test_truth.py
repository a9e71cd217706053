"""The values tell the truth: what a pod is given is read by its code, what asks for a GPU uses it, a file has its
mount, and a null takes a default away."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from journalclip_devtools.chart.rendered import (
    ALL,
    BRANCHES,
    CHART,
    Helm,
    Manifest,
    Pod,
    kinds,
    named,
    pods,
)  # fmt: skip
from journalclip_devtools.chart.schema import defaults

pytestmark = [pytest.mark.charts, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
TEMPLATES = "\n".join(path.read_text() for path in sorted((ROOT / CHART / "templates").rglob("*.*")))
OURS = "JOURNALCLIP_"
SHOWN = ("all-values", "bundled-process", "strimzi-rayjob", "studies", "single-gpu")


@pytest.fixture(scope="module", params=SHOWN)
def manifests(request: pytest.FixtureRequest, helm4: Helm) -> list[Manifest]:
    return helm4.template(*BRANCHES[request.param])


def main(pod: Pod) -> Manifest:
    return pod.spec["containers"][0]  # type: ignore[no-any-return]


def variables(pod: Pod) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in main(pod).get("env", [])}


@cache
def code(package: str) -> str:
    """All that runs in a process of a package, without the settings themselves."""
    folder = ROOT / ("pipelines" if package == "pipelines" else f"services/{package}")
    trees = [folder / f"journalclip_{package}", *(ROOT / "shared").glob("*/journalclip_*")]
    return "\n".join(
        path.read_text() for tree in trees for path in sorted(tree.rglob("*.py")) if path.name != "settings.py"
    )


def package_of(pod: Pod) -> str | None:
    """The package that a pod runs; None for a server that is not ours, or a shell."""
    arguments = main(pod).get("args") or []
    ours = re.match(r"journalclip_([a-z]+)", str(arguments[0])) if arguments else None
    if ours is not None:
        return ours[1]
    return {"ray-head": pod.component.partition("-")[0], "ray-worker": pod.component.partition("-")[0]}.get(
        main(pod)["name"]
    )


_READ_AS = {"kind": "deployed_kind", "mlflow_uri": "registry_uri"}  # by these, in the settings' own module


def test_every_setting_that_a_pod_gets_is_read_by_its_code(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        package = package_of(pod)
        if package is None:
            continue
        for name in variables(pod):
            if name.startswith(OURS):
                field = name.removeprefix(OURS).lower().rpartition("__")[2]
                asked = rf"\b{_READ_AS[field]}\b" if field in _READ_AS else rf"\.{field}\b"
                assert re.search(asked, code(package)), f"{pod.owner}: nobody reads {name}"


def asks_for_a_gpu(container: Manifest) -> bool:
    """GPUs are the only resource with a vendor's name in these branches."""
    return any("/" in name and int(count) > 0 for name, count in container["resources"].get("limits", {}).items())


def uses_a_gpu(pod: Pod) -> bool:
    given = variables(pod)
    if main(pod)["name"] == "vllm":
        return True
    on_ray = float(given.get(f"{OURS}ENCODER_GPUS", "0")) > 0
    return given.get(f"{OURS}DEVICE", "cpu").startswith("cuda") or on_ray


def test_a_pod_that_asks_for_a_gpu_uses_it_and_only_such_a_pod(manifests: list[Manifest]) -> None:
    found = 0
    for pod in pods(manifests):
        if main(pod)["name"] == "ray-head":
            continue  # it has its workers' settings and nothing runs on it
        assert asks_for_a_gpu(main(pod)) == uses_a_gpu(pod), pod.owner
        found += asks_for_a_gpu(main(pod))
    assert found or "studies" in {pod.component.rpartition("-")[2] for pod in pods(manifests)}


def test_every_file_that_a_setting_names_has_a_mount(manifests: list[Manifest]) -> None:
    seen = 0
    for pod in pods(manifests):
        mounted = [mount["mountPath"] for mount in main(pod)["volumeMounts"]]
        for name, value in variables(pod).items():
            if value.startswith("/"):
                seen += 1
                assert any(value == path or value.startswith(f"{path}/") for path in mounted), f"{pod.owner}: {name}"
    assert seen > 20


def test_every_file_of_the_credentials_is_named_by_a_setting(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        sources = [each["projected"]["sources"] for each in pod.spec["volumes"] if each["name"] == "credentials"]
        paths = [item["path"] for source in sources for each in source for item in each["secret"]["items"]]
        named_by = [*variables(pod).values(), *map(str, main(pod).get("args") or [])]
        for path in paths:
            assert any(
                f"/etc/journalclip/{path}".startswith(value) for value in named_by if value.startswith("/etc")
            ), f"{pod.owner}: nobody is told of {path}"


_OPEN = {"podSecurityContext", "securityContext", "dashboardLabels"}  # the user's own keys


def names(tree: dict[str, Any]) -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, dict) and value and name not in _OPEN:
            yield from names(value)
        else:
            yield name


# Passed on as they are: what is in them is Kubernetes' or the services' own.
_PASSED = {"cpu", "memory", "recipe"}


def test_every_value_is_named_by_a_template() -> None:
    for name in set(names(defaults())) - _PASSED:
        assert re.search(rf'[."]{re.escape(name)}\b', TEMPLATES), f"no template reads {name}"


def test_every_pod_takes_what_is_laid_over_all_of_them_and_over_its_part(helm4: Helm) -> None:
    given = yaml.safe_load((ROOT / CHART / ALL).read_text())
    found = list(pods(helm4.template(*BRANCHES["all-values"])))
    assert len(found) > 20
    for pod in found:
        main_container = main(pod)
        assert given["podLabels"].items() <= pod.metadata["labels"].items(), pod.owner
        assert given["podAnnotations"].items() <= pod.metadata["annotations"].items(), pod.owner
        assert {"EXTRA", "HOST", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"} <= set(variables(pod)), pod.owner
        assert {"more"} <= {
            each["configMapRef"]["name"] for each in main_container["envFrom"] if "configMapRef" in each
        }
        mounts = {mount["name"] for mount in main_container["volumeMounts"]}
        assert {"of-all", "trust"} <= mounts, pod.owner
        assert pod.spec["securityContext"]["fsGroup"] == 10003, pod.owner
        assert main_container["securityContext"]["runAsGroup"] == 10003, pod.owner
        assert {"pool": "here"}.items() <= pod.spec["nodeSelector"].items() or "pool" in pod.spec["nodeSelector"], (
            pod.owner
        )
        assert given["tolerations"][0] in pod.spec["tolerations"], pod.owner
        assert pod.spec["affinity"] == given["affinity"], pod.owner
        assert (pod.spec["priorityClassName"], pod.spec["schedulerName"]) == ("important", "other"), pod.owner
        assert pod.spec["runtimeClassName"] == "sandboxed", pod.owner
        assert pod.spec["topologySpreadConstraints"] == given["topologySpreadConstraints"], pod.owner
        assert len({each["name"] for each in main_container["env"]}) == len(main_container["env"]), pod.owner


def emptied(tree: Any) -> Any:
    """Null for each default map and list that holds anything, at the highest place that may be empty."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if name in {"resources", "podSecurityContext", "securityContext", "dashboardLabels", "externalCidrs"} and value:
            found[name] = None
        elif isinstance(value, dict) and value and (inner := emptied(value)):
            found[name] = inner
    return found


def test_a_null_empties_a_default_map_and_a_null_key_goes(helm4: Helm, tmp_path: Path) -> None:
    everything = emptied(defaults())
    everything.setdefault("monitoring", {})["dashboard"] = True
    path = tmp_path / "null.yaml"
    path.write_text(json.dumps(everything))
    rendered = [each for each in yaml.safe_load_all(helm4.run(*_render(helm4), "--values", str(path))) if each]
    found = list(pods(rendered))
    assert len(found) > 10
    for pod in found:
        assert "securityContext" not in pod.spec, pod.owner
        assert main(pod)["resources"] == {"requests": {}, "limits": {}}, pod.owner
    assert "grafana_dashboard" not in named(rendered, "ConfigMap", "dashboard")["metadata"]["labels"]
    path.write_text(
        "extraction: {resources: {limits: {memory: null}, requests: {cpu: 2}}}\npodSecurityContext: {runAsUser: null}\n"
    )
    rendered = [each for each in yaml.safe_load_all(helm4.run(*_render(helm4), "--values", str(path))) if each]
    (extraction,) = (pod for pod in pods(rendered) if pod.component == "extraction")
    assert main(extraction)["resources"] == {"requests": {"cpu": 2, "memory": "768Mi"}, "limits": {}}
    assert all("runAsUser" not in pod.spec["securityContext"] for pod in pods(rendered))
    assert all(pod.spec["securityContext"]["runAsGroup"] == 10001 for pod in pods(rendered))


def _render(helm: Helm) -> tuple[str, ...]:
    return ("template", "r", str(helm.chart), "--namespace", "clip")


def test_two_renders_are_the_same_and_no_secret_is_in_them(helm4: Helm) -> None:
    files = (
        "--set",
        "llm.mode=bundled,llm.model=m,llm.bundled.modelClaim=c,llm.bundled.modelPath=p,studies.enabled=true",
    )
    first, second = (helm4.run(*_render(helm4), *files) for _ in range(2))
    assert first == second
    assert kinds([each for each in yaml.safe_load_all(first) if each], "Secret") == []


def test_every_secret_that_a_pod_reads_is_made_or_brought(helm4: Helm) -> None:
    rendered = helm4.template(*BRANCHES["studies"])
    (job,) = (each for each in kinds(rendered, "Job") if "-secrets-" in each["metadata"]["name"])
    arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
    wanted = json.loads(arguments[arguments.index("--wanted") + 1])
    made = {each["name"]: set(each["keys"]) for each in wanted}
    for each in wanted:  # `tokens:KEY` leaves the token itself under another key
        made[each["name"]] |= {
            key["make"].partition(":")[2] for key in each["keys"].values() if "tokens:" in key["make"]
        }
    (role,) = (each for each in kinds(rendered, "Role") if each["metadata"]["name"].endswith("secrets"))
    assert set(role["rules"][1]["resourceNames"]) == set(made)
    for pod in pods(rendered):
        for name, key in secrets_of(pod):
            assert key in made[name], f"{pod.owner} reads {key} of {name}"


def secrets_of(pod: Pod) -> Iterator[tuple[str, str]]:
    for each in main(pod).get("env", []):
        if reference := each.get("valueFrom", {}).get("secretKeyRef"):
            yield reference["name"], reference["key"]
    for volume in pod.spec["volumes"]:
        for source in volume.get("projected", {}).get("sources", []):
            yield from ((source["secret"]["name"], item["key"]) for item in source["secret"]["items"])


def test_every_part_whose_code_reads_the_catalogue_is_told_where_it_is(helm4: Helm) -> None:
    """By the code: whoever opens the catalogue gets the database's address, by a secret, and the way to it."""
    rendered = helm4.template((ALL,), ("inference.mode=deployment", "inference.ray.replicas=1"))
    asks = [pod for pod in pods([*rendered, *helm4.template((ALL,))]) if opens_the_catalogue(pod)]
    assert {pod.component for pod in asks} >= {"catalogue", "inference", "intake", "toolbox", "smoke"}
    for pod in asks:
        (given,) = (each for each in main(pod)["env"] if each["name"] == f"{OURS}CATALOGUE_URL")
        assert given["valueFrom"]["secretKeyRef"] == {"name": "catalogue-database", "key": "address"}, pod.owner
        (policy,) = (
            each for each in kinds(rendered, "NetworkPolicy")
            if each["metadata"]["labels"]["app.kubernetes.io/component"] == pod.component
        )  # fmt: skip
        ports = [port["port"] for rule in policy["spec"]["egress"] for port in rule.get("ports", [])]
        assert 5434 in ports, pod.owner


def opens_the_catalogue(pod: Pod) -> bool:
    """Its own package does, and this part of it: of inference serving alone answers for ids of other versions."""
    if pod.component in {"toolbox", "smoke"}:
        return True
    package = package_of(pod)
    if package is None or package == "pipelines" or pod.component.partition("-")[0] in {"index", "segments"}:
        return False
    folder = ROOT / "services" / package / f"journalclip_{package}"
    return any(re.search(r"\b(?:open_engine|existing)\(", path.read_text()) for path in folder.rglob("*.py"))


def test_the_toolbox_has_what_commands_need(helm4: Helm) -> None:
    """The image with every client, the admin's logins, a work folder to write to, promotion's gates and keys."""
    (toolbox,) = (pod for pod in pods(helm4.template()) if pod.component == "toolbox")
    given = variables(toolbox)
    assert "/ray:" in main(toolbox)["image"]
    assert main(toolbox)["command"] == ["sleep", "infinity"]
    assert (given[f"{OURS}BUS"], given[f"{OURS}ARTIFACTS"]) == ("kafka", "s3")
    assert given[f"{OURS}KAFKA__USERNAME"] == "admin"
    assert given[f"{OURS}MLFLOW_URI"].startswith("http://r-journalclip-mlflow")
    assert (given[f"{OURS}LOCK"], given[f"{OURS}VERIFY_KEY_FILE"]) == ("registry", "/etc/journalclip/signing/verify")
    assert ("r-journalclip-object-store", "admin-secret-key") in set(secrets_of(toolbox))
    assert main(toolbox)["securityContext"]["readOnlyRootFilesystem"] is True
    mounts = {each["mountPath"]: each["name"] for each in main(toolbox)["volumeMounts"]}
    assert {each["name"]: each for each in toolbox.spec["volumes"]}[mounts[given[f"{OURS}WORKDIR"]]]["emptyDir"] == {}
    assert not [pod for pod in pods(helm4.template((), ["toolbox.enabled=false"])) if pod.component == "toolbox"]


def test_helm_test_asks_the_server_that_serves_with_a_token_that_is_there(helm4: Helm) -> None:
    for mode, port in (("deployment", 80), ("rayService", 8000)):
        rendered = helm4.template((), [f"inference.mode={mode}"])
        (test,) = kinds(rendered, "Pod")
        (pod,) = (each for each in pods([test]))
        arguments = main(pod)["args"]
        assert arguments[:2] == ["journalclip_pipelines", "smoke"]
        assert arguments[arguments.index("--url") + 1].endswith(f":{port}")
        assert ("r-journalclip-tokens", "admin-token") in set(secrets_of(pod))
        assert pod.spec["restartPolicy"] == "Never"
    own = ["inference.tokens.existingSecret=ours"]
    assert kinds(helm4.template((), own), "Pod") == []
    (named_token,) = kinds(helm4.template((), [*own, "smoke.token.name=mine"]), "Pod")
    assert ("mine", "admin-token") in set(secrets_of(next(iter(pods([named_token])))))
    assert kinds(helm4.template((), ["smoke.enabled=false"]), "Pod") == []


LLM = "llm.mode=bundled,llm.model=m,llm.bundled.modelPath=s"


def test_the_language_model_comes_from_a_claim_a_job_or_an_image(helm4: Helm) -> None:
    def parts(more: str) -> tuple[Pod, list[Pod]]:
        found = list(pods(helm4.template((), [f"{LLM},{more}"])))
        (server,) = (pod for pod in found if main(pod)["name"] == "vllm")
        return server, [pod for pod in found if main(pod)["name"] == "fetch"]

    def volume(pod: Pod) -> Manifest:
        (found,) = (each for each in pod.spec["volumes"] if each["name"] == "models")
        return found  # type: ignore[no-any-return]

    server, jobs = parts("llm.bundled.modelClaim=mine")
    assert (volume(server)["persistentVolumeClaim"]["claimName"], jobs) == ("mine", [])
    server, (job,) = parts("llm.bundled.fetch.source=hub:org/structurer@v1")
    assert volume(server)["persistentVolumeClaim"]["claimName"] == volume(job)["persistentVolumeClaim"]["claimName"]
    assert main(job)["args"][:4] == ["journalclip_pipelines", "fetch-model", "hub:org/structurer@v1", "/models/s"]
    assert [each["name"] for each in server.spec["initContainers"]] == ["model", "driver"]
    assert variables(job)["HF_HUB_OFFLINE"] == "0"
    server, jobs = parts("llm.bundled.modelImage=org/structurer:1")
    assert (volume(server)["image"]["reference"], jobs) == ("org/structurer:1", [])


def test_the_language_model_follows_the_queues_that_wait_for_it(helm4: Helm) -> None:
    sets = f"{LLM},llm.bundled.modelClaim=c,llm.bundled.autoscaling.kind=keda,studies.enabled=true"
    rendered = helm4.template((), [sets])
    (scaled,) = kinds(rendered, "ScaledObject")
    assert [each["metadata"]["topic"] for each in scaled["spec"]["triggers"]] == [
        "figures.extracted.v1", "volumes.extracted.v1",
    ]  # fmt: skip
    asked = {each["authenticationRef"]["name"] for each in scaled["spec"]["triggers"]}
    assert asked == {each["metadata"]["name"] for each in kinds(rendered, "TriggerAuthentication")}
    assert "replicas" not in named(rendered, "Deployment", "-llm")["spec"]
