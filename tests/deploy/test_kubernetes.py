"""The Kubernetes files: taken by the schemas of Kubernetes, as they stand and as kustomize puts them together."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from gateway.config.table import table
from tests.e2e.installs import NOT_TO_BE_HAD

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "k8s"
KUBECTL = shutil.which("kubectl")
NAME = "link-assistant-router"
Resource = dict[str, Any]


def kustomization(name: str) -> Resource:
    return dict(yaml.safe_load((FOLDER / name / "kustomization.yaml").read_text()))


def resources(folder: str = "base") -> dict[str, Resource]:
    """Return the resources of a folder as its files have them, by kind."""
    named = [FOLDER / folder / name for name in kustomization(folder)["resources"]]
    files = [path for path in named if path.suffix == ".yaml"]
    found = [document for path in files for document in yaml.safe_load_all(path.read_text())]
    assert len({document["kind"] for document in found}) == len(found)
    return {document["kind"]: document for document in found}


def built(folder: str) -> dict[str, Resource]:
    done = subprocess.run(
        [str(KUBECTL), "kustomize", str(FOLDER / folder)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {document["kind"]: document for document in yaml.safe_load_all(done.stdout)}


def pods(deployment: Resource) -> Resource:
    return dict(deployment["spec"]["template"]["spec"])


@pytest.mark.parametrize("folder", ["base", "one"])
def test_every_file_is_named_and_valid(folder: str) -> None:
    files = {path.name for path in (FOLDER / folder).glob("*.yaml")} - {"kustomization.yaml"}
    named = kustomization(folder)
    patches = {patch["path"] for patch in named.get("patches", []) if "path" in patch}
    assert files == {name for name in named["resources"] if name.endswith(".yaml")} | patches
    for resource in resources(folder).values():
        kubernetes_validate.validate(resource, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.skipif(KUBECTL is None, reason=f"{NOT_TO_BE_HAD}: kubectl with kustomize; Debian's is too old")
@pytest.mark.parametrize("folder", ["base", "one"])
def test_what_kustomize_makes_is_valid(folder: str) -> None:
    made = built(folder)
    for resource in made.values():
        kubernetes_validate.validate(resource, kubernetes_validate.latest_version(), strict=True)
    container = pods(made["Deployment"])["containers"][0]
    assert container["envFrom"][0]["configMapRef"]["name"] == made["ConfigMap"]["metadata"]["name"]
    if folder == "one":
        assert made["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
        assert made["Deployment"]["spec"]["replicas"] == 1
        assert not {"HorizontalPodAutoscaler", "PodDisruptionBudget"} & set(made)
        volumes = {volume["name"]: volume for volume in pods(made["Deployment"])["volumes"]}
        claim = made["PersistentVolumeClaim"]["metadata"]["name"]
        assert volumes["data"] == {"name": "data", "persistentVolumeClaim": {"claimName": claim}}


def test_a_refused_resource_would_be_noticed() -> None:
    wrong = resources()["Deployment"]
    wrong["spec"]["replica"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_pods_drain_are_probed_and_may_do_little() -> None:
    deployment = resources()["Deployment"]
    spec = pods(deployment)
    (container,) = spec["containers"]
    given = dict(line.split("=", 1) for line in kustomization("base")["configMapGenerator"][0]["literals"])
    assert set(given) <= set(table())
    drain = float(table()["DRAIN_SECONDS"].default_text) + float(given["DRAIN_DELAY_SECONDS"])
    assert spec["terminationGracePeriodSeconds"] > drain
    assert deployment["spec"]["replicas"] > 1
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    probes = [container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")]
    assert probes == ["/health", "/health/ready", "/health"]
    assert spec["securityContext"]["runAsNonRoot"] and not spec["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert any(given["DATA_DIR"].startswith(f"{mount}/") for mount in mounts)


def test_all_of_them_mean_the_same_pods_and_no_secret_is_among_them() -> None:
    found = resources()
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for kind, path in (
        ("Deployment", ("spec", "selector", "matchLabels")),
        ("Service", ("spec", "selector")),
        ("PodDisruptionBudget", ("spec", "selector", "matchLabels")),
        ("NetworkPolicy", ("spec", "podSelector", "matchLabels")),
    ):
        here: Any = found[kind]
        for name in path:
            here = here[name]
        assert here == labels, kind
    assert found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == NAME
    backend = found["Ingress"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == found["Service"]["metadata"]["name"]
    assert "Secret" not in found
    assert {"secretRef": {"name": NAME}} in pods(found["Deployment"])["containers"][0]["envFrom"]
