"""Every profile, and every branch of every template, under Helm 3 and Helm 4: what holds for all objects."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from journalclip_devtools.chart.rendered import BRANCHES, Helm, Manifest, Pod, kinds, pods, ray_jobs, violations
from journalclip_devtools.servers import schemas
from journalclip_shared.settings import KindSettings

pytestmark = [pytest.mark.charts, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", params=BRANCHES)
def manifests(request: pytest.FixtureRequest, helm4: Helm) -> list[Manifest]:
    """By Helm 4; `test_both_versions_of_helm_render_the_same` makes what holds for these hold for Helm 3's."""
    return helm4.template(*BRANCHES[request.param])


def test_names_are_unique_and_labels_say_whose_they_are(manifests: list[Manifest]) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in manifests]
    assert len(set(names)) == len(names)
    for each in manifests:
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "r", names
        assert labels["app.kubernetes.io/part-of"] == "journalclip"
        assert each["metadata"]["namespace"] == "clip", each["metadata"]["name"]
        assert len(each["metadata"]["name"]) <= 63


def test_every_claim_is_taken_by_a_pod_that_runs(manifests: list[Manifest]) -> None:
    """Most classes bind a claim with its first pod, and `helm install --wait` waits for every claim."""
    stopped = {
        f"{each['kind']}/{each['metadata']['name']}"
        for each in manifests
        if each["kind"] in {"Deployment", "StatefulSet"} and each["spec"].get("replicas", 1) == 0
    }
    taken = {
        volume["persistentVolumeClaim"].get("claimName")
        for pod in pods(manifests)
        if pod.owner not in stopped
        for volume in pod.spec.get("volumes", ())
        if "persistentVolumeClaim" in volume
    }
    assert {each["metadata"]["name"] for each in kinds(manifests, "PersistentVolumeClaim")} <= taken


def test_no_hook_but_the_test_and_no_custom_resource_definition(manifests: list[Manifest]) -> None:
    assert not kinds(manifests, "CustomResourceDefinition")
    for each in manifests:
        hook = (each["metadata"].get("annotations") or {}).get("helm.sh/hook")
        assert hook == ("test" if each["kind"] == "Pod" else None), each["metadata"]["name"]


def test_nothing_reaches_beyond_the_namespace(manifests: list[Manifest]) -> None:
    assert not {each["kind"] for each in manifests} & {
        "ClusterRole",
        "ClusterRoleBinding",
        "Namespace",
        "PriorityClass",
    }


def test_every_pod_is_restricted(manifests: list[Manifest]) -> None:
    found = list(pods(manifests))
    assert len(found) >= 9
    assert {pod.owner: violations(pod) for pod in found if violations(pod)} == {}


def test_every_container_is_bounded_read_only_and_pinned(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        for container in pod.containers:
            place = f"{pod.owner} {container['name']}"
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, place
            assert set(container["resources"]["requests"]) >= {"cpu", "memory"}, place
            assert "memory" in container["resources"]["limits"], place
            assert re.search(r"(:[\w.-]+|@sha256:[0-9a-f]{64})$", container["image"]), place
            assert not container["image"].endswith(":latest")


def test_every_server_is_probed(manifests: list[Manifest]) -> None:
    for each in manifests:
        if each["kind"] in {"Deployment", "StatefulSet"}:
            (container,) = each["spec"]["template"]["spec"]["containers"]
            if container.get("command") == ["sleep", "infinity"]:
                continue  # a shell for commands, which serves nothing
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert probe in container, f"{each['metadata']['name']} lacks {probe}"


def test_no_secret_is_in_an_environment_or_a_config_map(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        for container in pod.containers:
            for variable in container.get("env", []):
                if re.search(r"PASSWORD|SECRET|KEY|TOKEN", variable["name"]) and "value" in variable:
                    assert variable["value"].startswith("/"), f"{pod.owner}: {variable['name']} is no path"


def test_a_token_of_the_cluster_is_mounted_only_where_it_is_needed(manifests: list[Manifest]) -> None:
    with_token = {
        pod.owner for pod in pods(manifests) if pod.spec.get("automountServiceAccountToken", True) is not False
    }
    # The launcher makes RayJobs, a job makes secrets; Ray's autoscaler, which the operator puts beside a head, asks
    # for pods.
    known = r"training(-studies)?$|Job/.*-secrets-[0-9a-f]+$|RayService/.*/head$|RayCluster/.*/head$"
    assert all(re.search(known, owner) for owner in with_token), with_token
    assert all(each["automountServiceAccountToken"] is False for each in kinds(manifests, "ServiceAccount"))


def test_every_account_is_declared_and_used(manifests: list[Manifest]) -> None:
    declared = {each["metadata"]["name"] for each in kinds(manifests, "ServiceAccount")}
    used = {pod.spec["serviceAccountName"] for pod in pods(manifests) if "serviceAccountName" in pod.spec}
    assert used <= declared
    assert declared - used <= {name for name in declared if name.endswith(("training-ray", "training-studies-ray"))}


def covers(policy: Manifest, pod: Pod) -> bool:
    wanted = policy["spec"]["podSelector"]["matchLabels"]
    return bool(wanted.items() <= pod.metadata["labels"].items())


def test_every_pod_is_closed_and_then_opened_by_its_own_policy(manifests: list[Manifest]) -> None:
    policies = kinds(manifests, "NetworkPolicy")
    (deny,) = (each for each in policies if each["metadata"]["name"].endswith("default-deny"))
    assert deny["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in deny["spec"]
    assert "egress" not in deny["spec"]
    for pod in pods(manifests):
        assert covers(deny, pod), pod.owner
        own = [each for each in policies if each is not deny and covers(each, pod)]
        assert len(own) == 1, f"{pod.owner} is opened by {[each['metadata']['name'] for each in own]}"


def test_every_selector_selects_exactly_its_own_pods(manifests: list[Manifest]) -> None:
    templates = list(pods(manifests))
    for each in manifests:
        selector: Any = None
        if each["kind"] in {"Deployment", "StatefulSet", "PodDisruptionBudget"}:
            selector = each["spec"]["selector"]["matchLabels"]
        elif each["kind"] == "Service" and not each["metadata"]["name"].endswith("metrics"):
            selector = each["spec"]["selector"]
        if selector is not None:
            found = {pod.component for pod in templates if selector.items() <= pod.metadata["labels"].items()}
            assert found == {selector["app.kubernetes.io/component"]}, each["metadata"]["name"]


def test_a_disruption_budget_never_blocks_a_drain(manifests: list[Manifest]) -> None:
    replicas = {each["metadata"]["name"]: each["spec"].get("replicas", 2) for each in kinds(manifests, "Deployment")}
    for each in kinds(manifests, "PodDisruptionBudget"):
        there = replicas[each["metadata"]["name"]]
        assert each["spec"].get("maxUnavailable", 0) >= 1 or each["spec"]["minAvailable"] < there or there == 0


def test_every_claim_and_made_secret_outlives_the_release(manifests: list[Manifest]) -> None:
    for each in [*kinds(manifests, "PersistentVolumeClaim"), *kinds(manifests, "Secret")]:
        if not each["metadata"]["name"].endswith("-keda"):
            assert each["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep", each["metadata"]["name"]


def test_every_mount_has_its_volume(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        volumes = {volume["name"] for volume in pod.spec.get("volumes", [])}
        mounted = {mount["name"] for each in pod.containers for mount in each.get("volumeMounts", [])}
        assert mounted == volumes, pod.owner


def test_settings_in_the_environment_are_read_back_by_the_service(manifests: list[Manifest]) -> None:
    """No variable of ours is one that no service knows, and each value has the type that the service asks for."""
    served = importlib.util.find_spec("journalclip_inference.ray_app") is not None
    for pod in pods(manifests):
        if pod.owner.startswith("RayService") and not served:
            continue  # its settings come with the application that it imports
        for container in pod.containers:
            given = {
                each["name"]: each.get("value", "x")
                for each in container.get("env", [])
                if each["name"].startswith("JOURNALCLIP_")
            }
            if given:
                read_back(pod, container, given)


def read_back(pod: Pod, container: Manifest, given: dict[str, str]) -> None:
    settings = settings_of(container.get("args", []), pod)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, value)
        made = settings()
    known = {name.upper() for name in (*settings.model_fields, *KindSettings.model_fields)}
    step = pod.component.partition("-")[0] in {
        "extraction",
        "structuring",
        "freezing",
        "training",
        "promotion",
        "index",
        "segments",
    }
    assert ("JOURNALCLIP_KIND" in given) == step, pod.owner
    assert {name.removeprefix("JOURNALCLIP_").partition("__")[0] for name in given} <= known, pod.owner
    if made.bus == "kafka" and made.kafka.security.startswith("SASL"):
        assert str(made.kafka.password_file) == "/etc/journalclip/kafka/password"


def settings_of(arguments: list[str], pod: Pod) -> Any:
    from journalclip_catalogue.settings import CatalogueSettings
    from journalclip_extraction.settings import ExtractionSettings
    from journalclip_freezing.settings import FreezingSettings
    from journalclip_inference.settings import InferenceSettings
    from journalclip_intake.settings import IntakeSettings
    from journalclip_promotion.settings import PromotionSettings
    from journalclip_shared.settings import Settings
    from journalclip_structuring.settings import StructuringSettings
    from journalclip_training.launcher.settings import LauncherSettings
    from journalclip_training.settings import TrainingSettings

    if pod.component == "toolbox":
        return PromotionSettings  # commands about models read these
    module = arguments[0] if arguments else f"journalclip_{pod.component.partition('-')[0]}"
    return {
        "journalclip_catalogue": CatalogueSettings,
        "journalclip_extraction": ExtractionSettings,
        "journalclip_inference": InferenceSettings,
        "journalclip_promotion": PromotionSettings,
        "journalclip_structuring": StructuringSettings,
        "journalclip_freezing": FreezingSettings,
        "journalclip_intake": IntakeSettings,
        "journalclip_training": TrainingSettings,
        "journalclip_training.launcher": LauncherSettings,
    }.get(module, Settings)


def test_both_versions_of_helm_render_the_same(manifests: list[Manifest], request: pytest.FixtureRequest) -> None:
    helm3: Helm = request.getfixturevalue("helm3")
    branch = BRANCHES[request.node.callspec.params["manifests"]]
    assert ordered(helm3.template(*branch)) == ordered(manifests)


def ordered(manifests: list[Manifest]) -> list[str]:
    return sorted(json.dumps(each, sort_keys=True) for each in manifests)


def test_the_ray_job_in_the_config_map_is_one(helm4: Helm) -> None:
    job = ray_jobs(helm4.template(*BRANCHES["multi-node"]))[0]
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert job["spec"]["entrypoint"].endswith(" DATASET")


def test_kubeconform_finds_nothing_wrong(manifests: list[Manifest], strict: tuple[Path, list[Path]]) -> None:
    given = [*manifests, *ray_jobs(manifests)]
    found = conform(given, strict)
    assert found["summary"] == {"valid": len(given), "invalid": 0, "errors": 0, "skipped": 0}, found["resources"]


def test_kubeconform_refuses_a_field_that_is_not_there(helm4: Helm, strict: tuple[Path, list[Path]]) -> None:
    job = ray_jobs(helm4.template(*BRANCHES["multi-node"]))[0]
    job["spec"]["rayClusterSpec"]["headGroupSpec"]["rayStartParam"] = {}
    assert conform([job], strict)["summary"]["invalid"] == 1


def conform(manifests: list[Manifest], strict: tuple[Path, list[Path]]) -> Any:
    program, folders = strict
    places = [item for folder in folders for item in ("-schema-location", f"{folder}/{schemas.PATTERN}")]
    done = subprocess.run(
        [str(program), "-strict", "-summary", "-output", "json", *places, "-"],
        input=yaml.safe_dump_all(manifests), capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("sets", "model"),
    [
        (("llm.local.model=models:/reader@champion",), "models:/reader@champion"),
        (("llm.local.model=/srv/models/reader", "models.existingClaim=c"), "/srv/models/reader"),
    ],
)
def test_a_local_model_runs_in_both_kinds_of_structuring_pods(helm4: Helm, sets: tuple[str, ...], model: str) -> None:
    rendered = helm4.template(*BRANCHES["studies"][:1], ("studies.enabled=true", "llm.mode=local", *sets))
    found = [pod for pod in pods(rendered) if pod.component.startswith("structuring")]
    assert len(found) == 2
    for pod in found:
        (container,) = pod.spec["containers"]
        told = {each["name"]: each.get("value") for each in container["env"]}
        assert (told["JOURNALCLIP_STRUCTURER"], told["JOURNALCLIP_LOCAL_MODEL"]) == ("local", model)
        assert "ray" in container["image"]  # the one with torch and transformers
        assert ("JOURNALCLIP_MLFLOW_URI" in told) == model.startswith("models:/")
        mounted = {each["mountPath"] for each in container["volumeMounts"]}
        assert ("/srv/models" in mounted) == model.startswith("/srv/models")
