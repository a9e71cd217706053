"""The DICOM receiver of the pod that takes studies in: off as it comes, and with it what the command takes."""

from __future__ import annotations

import pytest
from typer.main import get_group

from journalclip_devtools.chart.rendered import Helm, Manifest, kinds
from journalclip_pipelines.commands.studies import studies

pytestmark = [pytest.mark.charts, pytest.mark.timeout(300)]
NAME = "r-journalclip-intake-studies"
_ON = {
    "studies.enabled": "true", "studies.intake.receiver.enabled": "true",
    "studies.intake.receiver.callers": "{PACS,MRI2}",
    "studies.intake.receiver.port": "11113", "studies.intake.receiver.quietS": "90",
    "studies.intake.receiver.tlsSecret": "dicom-tls",
}  # fmt: skip


def rendered(helm: Helm, sets: dict[str, str]) -> list[Manifest]:
    return helm.template(sets=[f"{name}={value}" for name, value in sets.items()])


def of(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [each for each in kinds(manifests, kind) if each["metadata"]["name"] == NAME]


def test_it_is_off_as_it_comes(helm4: Helm) -> None:
    manifests = rendered(helm4, {"studies.enabled": "true"})
    (pod,) = of(manifests, "Deployment")
    assert pod["spec"]["template"]["spec"]["containers"][0]["command"] == ["sleep", "infinity"]
    assert of(manifests, "Service") == []
    assert of(manifests, "NetworkPolicy")[0]["spec"]["ingress"] == []


def test_it_listens_with_the_options_of_the_command(helm4: Helm) -> None:
    manifests = rendered(helm4, _ON)
    spec = of(manifests, "Deployment")[0]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert container["command"][:3] == ["journalclip", "studies", "receive"]
    receive = get_group(studies).commands["receive"]
    taken = receive.make_context("receive", container["command"][3:]).params
    assert taken["callers"] == ["PACS", "MRI2"]
    assert (taken["host"], taken["port"], taken["quiet_s"], taken["max_gib"]) == ("0.0.0.0", 11113, 90.0, 1)
    places = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert {str(taken[name].parent) for name in ("tls_cert", "tls_key", "tls_ca")} == {places["dicom"]}
    assert {"name": "dicom", "secret": {"secretName": "dicom-tls", "defaultMode": 0o440}} in spec["volumes"]
    assert spec["terminationGracePeriodSeconds"] == 300, "what is whole is submitted before the pod goes"


def test_only_its_port_is_open_and_the_service_leads_there(helm4: Helm) -> None:
    manifests = rendered(helm4, {**_ON, "studies.intake.receiver.peers[0].ipBlock.cidr": "192.0.2.0/24"})
    (rule,) = of(manifests, "NetworkPolicy")[0]["spec"]["ingress"]
    assert rule == {
        "from": [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
        "ports": [{"protocol": "TCP", "port": "dicom"}],
    }
    assert of(manifests, "Service")[0]["spec"]["ports"] == [{"name": "dicom", "port": 11113, "targetPort": "dicom"}]
