"""Values that are refused at install, each with a sentence that names the place and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from journalclip_devtools.chart.rendered import MANY_NODES, Helm, HelmRefused

pytestmark = [pytest.mark.charts, pytest.mark.timeout(300)]

# By the schema: a wrong key, type or choice.
SCHEMA = {
    "extraction.replicaz=2": ["/extraction", "replicaz"],
    "extraction.replicas=many": ["/extraction/replicas", "integer"],
    "extraction.replicas=-1": ["/extraction/replicas", "minimum"],
    "kafka.mode=embedded": ["/kafka/mode", "'bundled', 'strimzi', 'external'"],
    "kafka.external.security=TLS": ["/kafka/external/security", "SASL_SSL"],
    "kafka.topicPrefix=a b": ["/kafka/topicPrefix", "pattern"],
    "objectStore.bucketPrefix=Upper": ["/objectStore/bucketPrefix", "pattern"],
    "training.mode=ray": ["/training/mode", "'process', 'rayJob', 'rayCluster'"],
    "training.settings.recipe=best": ["/training/settings/recipe", "cns_clip_vit_b32"],
    "training.settings.recpie=demo": ["/training/settings", "recpie"],
    "extraction.settings.limits.cpu_s=fast": ["/extraction/settings/limits/cpu_s", "integer"],
    "extraction.settings.bus=sqlite": ["/extraction/settings", "bus"],  # the chart decides it
    "inference.settings.anonymous=true": ["/inference/settings", "anonymous"],  # nobody reads without a token
    "settings.kafka.servers=elsewhere": ["/settings/kafka", "servers"],  # kafka.external.servers says it
    "structuring.settings.endpoint_key=secret": ["/structuring/settings", "endpoint_key"],  # no secret is a value
    "gpu.resource=gpu": ["/gpu/resource", "pattern"],
    "image.pullPolicy=Sometimes": ["/image/pullPolicy", "IfNotPresent"],
    "inference.autoscaling.kind=keda": ["/inference/autoscaling/kind", "hpa"],
    "mlflow.external.uri=mlflow:5000": ["/mlflow/external/uri", "pattern"],
    "monitoring.serviceMonitor=please": ["/monitoring/serviceMonitor", "boolean"],
    "llm.local.model=reader": ["/llm/local/model", "pattern"],
    "kafka.bundled.heap=2GB": ["/kafka/bundled/heap", "pattern"],
}
# By the chart: what depends on two values at once.
CHECKS = {
    "kafka.mode=external": ["kafka.external.servers", "kafka.external.existingSecret"],
    "objectStore.mode=external": ["objectStore.external.endpoint", "objectStore.external.existingSecret"],
    "mlflow.mode=external": ["mlflow.external.uri"],
    "llm.mode=external": ["llm.model", "llm.external.url"],
    "llm.mode=bundled,llm.model=m": ["llm.bundled.modelClaim", "llm.bundled.fetch.source", "llm.bundled.modelImage"],
    "llm.mode=bundled,llm.model=m,llm.bundled.modelPath=p,llm.bundled.modelImage=a/b:1,llm.bundled.modelClaim=c": [
        "holds the model itself"
    ],
    "llm.mode=local": ["llm.local.model", "models:/NAME@ALIAS"],
    "llm.mode=local,llm.local.model=/srv/models/reader": ["set models.existingClaim"],
    "extraction.autoscaling.kind=hpa,extraction.autoscaling.minReplicas=0": ["only keda can scale to zero"],
    "structuring.autoscaling.minReplicas=5,structuring.autoscaling.maxReplicas=2": ["maxReplicas is less"],
    "promotion.replicas=2": ["promotion.replicas is 2", "one replica"],
    "freezing.replicas=3": ["freezing.replicas is 3"],
    "studies.enabled=true,studies.promotion.replicas=2": ["studies.promotion.replicas is 2"],
    "studies.enabled=true,studies.intake.receiver.enabled=true": ["studies.intake.receiver.callers", "AE titles"],
    "inference.podDisruptionBudget.minAvailable=1": ["minAvailable is 1 of 1", "never be drained"],
    "inference.mode=rayService,inference.autoscaling.kind=hpa": ["inference.ray.replicas: {min, max}"],
    "inference.mode=rayService,inference.service.type=NodePort": ["the operator makes the Service"],
    "inference.oidc.clientId=clip": ["set inference.oidc.issuer"],
    "training.settings.compile=true": ["no C compiler"],
    "extraction.qualityModel.path=q.json": ["extraction.qualityModel.existingClaim"],
    "secrets.enabled=false": ["nobody brings r-journalclip-kafka", "existingSecret"],
    "fullnameOverride=2026-clip": ["begins with a letter", "set fullnameOverride"],
    "extraCA.configMap=a,extraCA.secret=b": ["set one of them"],
    "training.mode=rayJob,training.ray.queue=q,training.ray.keepHead=true": ["keepHead", "suspends"],
    "kafka.mode=external,kafka.external.servers=k:1,kafka.external.saslMechanism=GSSAPI": ["Kerberos", "OAUTHBEARER"],
    "kafka.mode=external,kafka.external.saslMechanism=OAUTHBEARER": ["kafka.external.oauth.tokenUrl"],
    "ingress.enabled=true,ingress.host=a.org,ingress.path=/clip": ["a host of its own"],
    "training.replicas=2": ["use rayJob"],
    "training.mode=rayJob,training.gpus=1": ["training.ray.worker.gpus"],
    "training.mode=rayCluster,training.ray.workers=9": ["asks for 9 pods", "wait for ever"],
    "training.mode=rayJob,training.ray.gpusPerWorker=2": ["no pod has more than worker.gpus, 1"],
    "inference.mode=rayService,inference.ray.gpusPerReplica=2": ["no pod has more than worker.gpus, 1"],
    "inference.mode=rayService,inference.gpus=1": ["inference.ray.worker.gpus"],
    "training.settings.recipe=cns_clip_vit_b32": ["openai/clip-vit-base-patch32", "models.hub", "models.existingClaim"],
    "training.settings.recipe=cns_clip_vit_b32,training.settings.recipe_set={model.base=/srv/models/clip}": [
        "training starts from /srv/models/clip", "models.existingClaim",
    ],
    "ingress.enabled=true": ["ingress.host"],
    "gateway.enabled=true,gateway.host=a.org": ["gateway.parentName"],
}  # fmt: skip


def refusal(helm: Helm, sets: str, files: tuple[str, ...] = ()) -> str:
    with pytest.raises(HelmRefused) as caught:
        helm.template(files, [sets])
    return str(caught.value)


@pytest.mark.parametrize("sets", SCHEMA)
def test_the_schema_refuses_a_wrong_value_and_names_its_place(helm: Helm, sets: str) -> None:
    said = refusal(helm, sets)
    assert "values don't meet the specifications of the schema" in said
    for words in SCHEMA[sets]:
        # Helm 3 writes places with dots and Helm 4 with slashes.
        assert words in said or words.strip("/").replace("/", ".") in said, said


@pytest.mark.parametrize("sets", CHECKS)
def test_the_chart_refuses_what_does_not_go_together(helm: Helm, sets: str) -> None:
    said = refusal(helm, sets)
    assert "These values do not work together:" in said
    for words in CHECKS[sets]:
        assert words in said, said


def test_a_part_of_a_gpu_is_for_one_worker(helm: Helm) -> None:
    half = "training.ray.gpusPerWorker=0.5"
    arguments = ("template", "r", str(helm.chart), "--set", "training.mode=rayJob", "--set-json", half)
    assert "RayJob" in helm.run(*arguments)
    with pytest.raises(HelmRefused, match="MIG slices"):
        helm.run(*arguments, "--set", "training.ray.workers=2")
    with pytest.raises(HelmRefused, match="gpusPerWorker"):  # `--set` makes a text of a fraction
        helm.run(*arguments, "--set", half)


def test_all_that_is_wrong_is_said_at_once(helm4: Helm) -> None:
    said = refusal(helm4, "kafka.mode=external,objectStore.mode=external,mlflow.mode=external,ingress.enabled=true")
    assert said.count("\n  - ") == 6


def test_a_cluster_that_is_too_old_is_refused(helm4: Helm) -> None:
    with pytest.raises(HelmRefused, match=r"1\.29"):
        helm4.run("template", "r", str(helm4.chart), "--kube-version", "1.28.0")


def test_a_profile_with_a_slip_is_refused(helm4: Helm, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text((helm4.chart / MANY_NODES).read_text().replace("gpusPerWorker", "gpuPerWorker"))
    with pytest.raises(HelmRefused, match="gpuPerWorker"):
        helm4.run("template", "r", str(helm4.chart), "--values", str(values))
