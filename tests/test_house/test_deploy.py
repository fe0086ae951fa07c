"""The samples in deploy/ are right by their own tools, agree with each other, and name nothing that is not there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from exports.management.commands.watch import STOP_SECONDS
from tests.environment import ROOT
from tests.test_house.test_settings import names_read

DEPLOY = ROOT / "deploy"
BASE = DEPLOY / "kubernetes/base"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
# What a unit says of its own; all else in [Service] is the same in every unit.
OWN = {"ExecStart", "KillMode", "TimeoutStopSec", "OOMPolicy"}
PROCESSES = {
    "web": "gunicorn ladokflow.wsgi",
    "worker": "manage.py watch --queue common",
    "export-worker": "manage.py watch --queue exports",
    "sweeper": "manage.py sweep --loop",
}


@cache
def documents(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_text()))


def manifests(*kinds: str) -> dict[str, Any]:
    """The resources of these kinds, by name, as they stand in their files: what all pods have is in pod.yaml."""
    [kustomization] = documents(BASE / "kustomization.yaml")
    found = [each for name in kustomization["resources"] for each in documents(BASE / name)]
    return {each["metadata"]["name"].removeprefix("ladokflow-"): each for each in found if each["kind"] in kinds}


def containers(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    pod = manifest["spec"]["template"]["spec"]
    return [*pod.get("containers", ()), *pod.get("initContainers", ())]


def service_lines(unit: Path) -> list[tuple[str, str]]:
    body = unit.read_text().partition("[Service]\n")[2].partition("\n[")[0]
    lines = [line for line in body.splitlines() if line and not line.startswith("#")]
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("hadolint", ["deploy/Dockerfile"]),
        ("check-jsonschema", ["--builtin-schema", "vendor.compose-spec", "deploy/compose.yml"]),
    ],
)
def test_the_tool_for_it_finds_nothing_wrong(tool: str, arguments: list[str]) -> None:
    ran = subprocess.run(
        [Path(sys.executable).with_name(tool), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_unit_is_hardened_in_the_same_way() -> None:
    common = {tuple(line for line in service_lines(unit) if line[0] not in OWN) for unit in UNITS}
    assert len(UNITS) == len(PROCESSES)
    assert len(common) == 1
    assert {
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("CapabilityBoundingSet", ""),
        ("UMask", "0077"),
        ("SystemCallFilter", "@system-service"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
    } <= {*common.pop()}


def test_every_way_of_deploying_runs_the_same_processes() -> None:
    services = documents(DEPLOY / "compose.yml")[0]["services"]
    deployments = manifests("Deployment")
    assert deployments.keys() == PROCESSES.keys()
    for name, process in PROCESSES.items():
        assert process in services[name]["command"]
        assert process in " ".join(containers(deployments[name])[0]["args"])
        assert process in (DEPLOY / f"systemd/ladokflow-{name}.service").read_text()


def test_whose_word_is_taken_for_where_somebody_comes_from_is_named_wherever_there_is_a_proxy() -> None:
    """And each proxy says who has come to it, whatever that one says."""
    compose = documents(DEPLOY / "compose.yml")[0]
    [network] = compose["networks"]["default"]["ipam"]["config"]
    assert compose["services"]["web"]["environment"]["TRUSTED_PROXIES"] == network["gateway"]
    config = (BASE / "config.env").read_text()
    assert "BEHIND_PROXY=true" in config
    assert "TRUSTED_PROXIES=" in config
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in (DEPLOY / "nginx.conf").read_text()
    [route] = documents(DEPLOY / "kubernetes/openshift/route.yaml")
    assert route["metadata"]["annotations"]["haproxy.router.openshift.io/set-forwarded-headers"] == "replace"


@pytest.mark.parametrize("name", ["worker", "export-worker"])
def test_workers_have_time_to_end_what_they_do(name: str) -> None:
    unit = dict(service_lines(DEPLOY / f"systemd/ladokflow-{name}.service"))
    service = documents(DEPLOY / "compose.yml")[0]["services"][name]
    pod = manifests("Deployment")[name]["spec"]["template"]["spec"]
    assert unit["KillMode"] == "mixed"
    assert service["init"] is False
    seconds = int(unit["TimeoutStopSec"])
    assert seconds > STOP_SECONDS
    assert f"{seconds}s" == service["stop_grace_period"]
    assert seconds == pod["terminationGracePeriodSeconds"]


def test_every_container_of_the_compose_file_is_read_only_and_may_do_nothing() -> None:
    services = documents(DEPLOY / "compose.yml")[0]["services"]
    assert {*PROCESSES, "prepare", "database", "redis"} == services.keys()
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_every_pod_gets_the_restricted_profile_and_no_user_id() -> None:
    """The patches meet a container by its name: one with another name would go without what they add."""
    for manifest in manifests("Deployment", "Job").values():
        assert [container["name"] for container in containers(manifest)] == ["app"]
    [every], [waits] = documents(BASE / "pod.yaml"), documents(BASE / "migrated-first.yaml")
    pod = every["spec"]["template"]["spec"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert [container["name"] for container in containers(every)] == ["app"]
    for container in containers(every) + containers(waits):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert not [path.name for path in DEPLOY.rglob("*.yaml") if re.search("runAsUser|fsGroup", path.read_text())]


def test_every_manifest_is_used() -> None:
    [kustomization] = documents(BASE / "kustomization.yaml")
    used = {*kustomization["resources"], *(patch["path"] for patch in kustomization["patches"])}
    assert used == {path.name for path in BASE.glob("*.yaml")} - {"kustomization.yaml", "secret.example.yaml"}


def given() -> Iterator[tuple[str, str]]:
    """The settings that compose file and manifests give, with their values."""
    yield from documents(DEPLOY / "compose.yml")[0]["services"]["web"]["environment"].items()
    lines = (BASE / "config.env").read_text().splitlines()
    yield from (tuple(line.split("=", 1)) for line in lines if not line.startswith("#"))


def test_every_setting_that_is_given_is_read_and_every_secret_is_a_file_that_is_there() -> None:
    names = dict(given())
    assert {name.removesuffix("_FILE") for name in names} - {*names_read()} == set()
    [secret] = documents(BASE / "secret.example.yaml")
    files = {value for _, value in given() if value.startswith("/run/secrets/ladokflow/")}
    assert files == {f"/run/secrets/ladokflow/{name}" for name in secret["stringData"]}
    assert {*secret["stringData"].values()} == {""}
