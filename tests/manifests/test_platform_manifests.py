"""The manifests beside the service: known to Kubernetes, restricted, and granting no more than is used."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import kubernetes.client
import pytest
import yaml

from components.cluster import needs
from pipelines import profile
from pipelines.cli import parser
from pipelines.placement import LABELS
from pipelines.service import inference_service

MANIFESTS = Path(__file__).parents[2] / "manifests"
BUILDS = ("base", "overlays/kind", "overlays/cloud", "overlays/gpu", "overlays/fleet")
VOLUMES = {"name", "emptyDir", "secret", "configMap", "projected"}  # that a restricted pod may have, and ours do
Document = dict[str, Any]


@pytest.fixture(scope="module")
def built() -> dict[str, list[Document]]:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl, which builds overlays, is not installed")
    found = {}
    for name in BUILDS:
        command = ["kubectl", "kustomize", str(MANIFESTS / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        found[name] = list(yaml.safe_load_all(done.stdout))
    return found


def model(kind: str) -> Any:
    """The Kubernetes client's model of a kind."""
    return getattr(kubernetes.client, f"V1{kind}")


def check(value: Any, kind: str, where: str) -> None:
    """Every field is one that the client's model of that type has, and every field that it must have is there."""
    if match := re.fullmatch(r"list\[(.+)\]", kind):
        for index, item in enumerate(value):
            check(item, match[1], f"{where}[{index}]")
    elif match := re.fullmatch(r"dict\((\w+), (.+)\)", kind):
        for key, item in value.items():
            check(item, match[2], f"{where}.{key}")
    elif found := getattr(kubernetes.client, kind, None):
        assert isinstance(value, dict), f"{where}: expected {kind}"
        fields = {name: found.openapi_types[attribute] for attribute, name in found.attribute_map.items()}
        assert set(value) <= set(fields), f"{where}: no field of {kind}: {set(value) - set(fields)}"
        made = {attribute: value.get(name) for attribute, name in found.attribute_map.items()}
        found(**made)  # refuses what must be there and is not
        for name, item in value.items():
            check(item, fields[name], f"{where}.{name}")
    elif kind == "str":
        assert isinstance(value, str), f"{where}: expected a text"  # an unquoted number, above all
    elif kind in ("int", "bool"):
        assert type(value).__name__ == kind, f"{where}: expected {kind}"


@pytest.mark.parametrize("name", BUILDS)
def test_every_document_is_one_of_kubernetes(built: dict[str, list[Document]], name: str):
    for document in built[name]:
        check(document, f"V1{document['kind']}", f"{document['kind']}/{document['metadata']['name']}")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "Service", "spec": {"port": []}},  # no such field
        {"kind": "ConfigMap", "data": {"a": 1}},  # a number
        {"kind": "Deployment", "spec": {"template": {}}},  # no selector
    ],
)
def test_a_wrong_document_is_seen(wrong: Document):
    with pytest.raises((AssertionError, ValueError)):
        check(wrong, f"V1{wrong['kind']}", "")


def pods(documents: list[Document]) -> dict[str, Document]:
    specs = {f"{one['kind']}/{one['metadata']['name']}": one.get("spec", {}) for one in documents}
    return {name: spec["template"]["spec"] for name, spec in specs.items() if "template" in spec}


@pytest.mark.parametrize("name", BUILDS)
def test_every_pod_is_restricted(built: dict[str, list[Document]], name: str):
    found = pods(built[name])
    assert set(found) >= {"Deployment/mlflow", "Job/bucket"}
    for pod in found.values():
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert pod["automountServiceAccountToken"] is False
        security = pod["securityContext"]
        assert security["runAsNonRoot"] and security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert {kind for volume in pod["volumes"] for kind in volume} <= VOLUMES
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }
            assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"]


def of_kind(documents: list[Document], kind: str) -> list[Document]:
    return [one for one in documents if one["kind"] == kind]


def granted(documents: list[Document], name: str) -> set[tuple[str, ...]]:
    return {
        (group, resource, verb, *rule.get("resourceNames", []))
        for role in of_kind(documents, "Role")
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        if role["metadata"]["name"] == name
    }


def asked(wanted: tuple[needs.Need, ...]) -> set[tuple[str, ...]]:
    return {(need.group, "/".join(filter(None, (need.resource, need.subresource))), need.verb) for need in wanted}


def test_the_role_grants_what_the_code_asks_for_and_what_kfp_does_and_no_more(built: dict[str, list[Document]]):
    kfp = {
        ("", "configmaps", "get", "kfp-launcher"),
        ("", "secrets", "get", "store-credentials"),
        ("", "pods", "get"),
        ("argoproj.io", "workflowtaskresults", "create"),
        ("argoproj.io", "workflowtaskresults", "patch"),
    }
    assert granted(built["base"], "unforeseen-pipeline") == asked(needs.STEPS) | kfp
    assert granted(built["overlays/fleet"], "unforeseen-fleet") == asked(needs.WATCH)
    assert len(of_kind(built["overlays/fleet"], "Role")) == 2
    assert not [one for documents in built.values() for one in of_kind(documents, "ClusterRole")]


def test_one_account_has_rights_and_the_profiles_name_accounts_that_exist(built: dict[str, list[Document]]):
    (binding,) = of_kind(built["base"], "RoleBinding")
    assert [subject["name"] for subject in binding["subjects"]] == ["unforeseen-pipeline"]
    accounts = {one["metadata"]["name"] for one in of_kind(built["base"], "ServiceAccount")}
    for path in (MANIFESTS / "profiles").glob("*.yaml"):
        places = profile.read(path)
        assert {places.kfp.service_account, places.serving.service_account} <= accounts


def test_secrets_are_named_and_have_no_value(built: dict[str, list[Document]]):
    templates = {
        one["metadata"]["name"]: one["stringData"]
        for one in yaml.safe_load_all((MANIFESTS / "secrets" / "templates.yaml").read_text())
    }
    assert {value for data in templates.values() for value in data.values()} == {""}
    assert set(templates["store-credentials"]) == set(profile.STORE_KEYS)
    assert set(templates["mlflow-credentials"]) == set(profile.TRACKING_KEYS)
    for documents in built.values():
        assert of_kind(documents, "Secret") == []
        text = yaml.safe_dump_all(documents)
        assert set(re.findall(r"secretName: ([\w-]+)", text)) <= set(templates)
        for one in re.findall(r"secretKeyRef:\n\s+key: (\S+)\n\s+name: (\S+)", text):
            assert one[0] in templates[one[1]]


@pytest.mark.parametrize("name", BUILDS)
def test_nothing_speaks_that_is_not_named(built: dict[str, list[Document]], name: str):
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind(built[name], "NetworkPolicy")}
    assert policies["deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for spec in policies.values():  # an empty rule would open everything
        assert all(rule for rule in [*spec.get("ingress", []), *spec.get("egress", [])])
        assert all("ports" in rule for rule in spec.get("egress", []) if "to" not in rule)


def test_policies_and_budget_choose_the_pods_that_are_meant(built: dict[str, list[Document]]):
    labels = inference_service("lobby", profile.Profile())["metadata"]["labels"]
    (budget,) = of_kind(built["base"], "PodDisruptionBudget")
    assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind(built["base"], "NetworkPolicy")}
    assert policies["predictor"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert not budget["spec"]["selector"]["matchLabels"].items() <= LABELS.items()  # a step is no service


def test_the_profile_of_kind_goes_with_its_overlay(built: dict[str, list[Document]]):
    places = profile.read(MANIFESTS / "profiles" / "kind.yaml")
    maps = {one["metadata"]["name"]: one["data"] for one in of_kind(built["overlays/kind"], "ConfigMap")}
    store = places.store
    assert maps["places"] == {"BUCKET": store.bucket, "ENDPOINT": store.endpoint, "REGION": store.region}
    launcher = yaml.safe_load(maps["kfp-launcher"]["providers"])["s3"]["default"]
    assert (launcher["endpoint"], launcher["region"]) == (store.endpoint, store.region)
    assert launcher["credentials"]["secretRef"]["secretName"] == store.secret
    assert maps["kfp-launcher"]["defaultPipelineRoot"] == f"s3://{store.bucket}/pipelines"
    services = {one["metadata"]["name"]: one["spec"]["ports"] for one in of_kind(built["overlays/kind"], "Service")}
    for address in (store.endpoint, places.tracking_uri):
        match = re.fullmatch(r"http://(\w+)\.unforeseen:(\d+)", address)
        assert match and [port["port"] for port in services[match[1]]] == [int(match[2])]


def test_the_fleet_watches_with_the_profile_of_its_overlay(built: dict[str, list[Document]]):
    inside = profile.read(MANIFESTS / "overlays" / "fleet" / "profile.yaml")
    outside = profile.read(MANIFESTS / "profiles" / "kind.yaml")
    assert inside == replace(outside, kfp=replace(outside.kfp, endpoint=""))
    (pod,) = [pod for name, pod in pods(built["overlays/fleet"]).items() if name == "Deployment/fleet"]
    (container,) = pod["containers"]
    wanted = parser().parse_args(container["args"])
    (made,) = [one for one in of_kind(built["overlays/fleet"], "ConfigMap") if one["metadata"]["name"][:6] == "fleet-"]
    assert (wanted.command, wanted.source, wanted.out) == ("watch", "$(SOURCE)", None)
    assert made["data"]["SOURCE"].startswith(f"s3://{inside.store.bucket}/")
    mounts = {mount["name"]: Path(mount["mountPath"]) for mount in container["volumeMounts"]}
    assert wanted.profile == mounts["places"] / "profile.yaml"
    assert str(mounts["token"]) == "/var/run/secrets/kubeflow/pipelines"  # where kfp's client reads it
    (policy,) = [one for one in of_kind(built["overlays/fleet"], "NetworkPolicy") if one["metadata"]["name"] == "fleet"]
    labels = {"app.kubernetes.io/name": "fleet"}
    assert policy["spec"]["podSelector"]["matchLabels"] == labels


def test_images_have_a_version_and_come_from_one_list(built: dict[str, list[Document]]):
    for documents in built.values():
        images = {one["image"] for pod in pods(documents).values() for one in pod["containers"]}
        assert all(re.search(r"(:[0-9][\w.]*|@sha256:[0-9a-f]{64})$", image) for image in images), images
