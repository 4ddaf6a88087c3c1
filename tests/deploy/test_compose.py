"""The compose files, by the schema of compose and rules of ours: all is declared, nothing open, nobody becomes more."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from gateway.config.table import table
from tests.e2e import installs

ROOT = Path(__file__).resolve().parents[2]
FILES = [ROOT / "deploy" / name for name in ("docker-compose.yml", "docker-compose.one.yml")]
EACH = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
TOP = {"services", "configs", "secrets", "networks", "volumes", "x-hardened"}
SERVICE = {
    "build", "image", "init", "restart", "ports", "environment", "secrets", "configs", "volumes", "read_only",
    "tmpfs", "cap_drop", "security_opt", "mem_limit", "stop_grace_period", "networks", "depends_on", "healthcheck",
    "user", "command",
}  # fmt: skip
OWN_HEALTH = "router"  # its image has a HEALTHCHECK


def composed(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text()))


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(json.loads(installs.compose_schema().read_text()))


@pytest.mark.timeout(900)  # fetched first
@EACH
def test_the_schema_of_compose_takes_it(path: Path, schema: jsonschema.Draft7Validator) -> None:
    document = composed(path)
    assert [found.message for found in schema.iter_errors(document)] == []
    document["services"]["router"]["read_onyl"] = True
    assert not schema.is_valid(document)  # it looks


@EACH
def test_only_known_words_are_used(path: Path) -> None:
    document = composed(path)
    assert set(document) <= TOP
    for name, service in document["services"].items():
        assert set(service) <= SERVICE, name
        assert ("build" in service) or re.search(r":[\w.]*\d[\w.-]*$", service["image"]), f"{name}: a version"


@EACH
def test_every_name_is_declared_and_every_declared_one_is_used(path: Path) -> None:
    document = composed(path)
    used: dict[str, set[str]] = {"secrets": set(), "configs": set(), "volumes": set(), "networks": set()}
    for service in document["services"].values():
        used["secrets"] |= set(service.get("secrets", []))
        used["networks"] |= set(service.get("networks", []))
        used["configs"] |= {config["source"] for config in service.get("configs", [])}
        used["volumes"] |= {
            volume.split(":")[0] for volume in service.get("volumes", []) if volume[0] not in "./"
        }
        for name, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert name == OWN_HEALTH or "healthcheck" in document["services"][name]
        for key, value in service.get("environment", {}).items():
            assert isinstance(value, str), key
            if key.upper().endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"], key
    for kind, names in used.items():
        assert names == set(document.get(kind, {})), kind


@EACH
def test_nothing_is_open_to_the_world_and_nobody_can_become_more(path: Path) -> None:
    for name, service in composed(path)["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


@EACH
def test_the_router_gets_options_and_has_time_to_drain(path: Path) -> None:
    router = composed(path)["services"]["router"]
    options = {name.removesuffix("_FILE") for name in router["environment"]}
    assert options <= set(table())
    minutes = re.fullmatch(r"(\d+)m", router["stop_grace_period"])
    assert minutes is not None and int(minutes[1]) * 60 > float(table()["DRAIN_SECONDS"].default_text)


def test_what_it_mounts_is_there_or_belongs_to_what_comes() -> None:
    later = {"./prometheus", "./grafana"}  # rules and dashboards; an empty folder is none of them
    for service in composed(FILES[0])["services"].values():
        for volume in service.get("volumes", []):
            place = volume.split(":")[0]
            assert not place.startswith(".") or place in later or (ROOT / "deploy" / place).is_file(), place


def test_its_inner_configurations_are_yaml_and_meet_each_other() -> None:
    document = composed(FILES[0])
    configs = {name: yaml.safe_load(config["content"]) for name, config in document["configs"].items()}
    (job,) = configs["prometheus"]["scrape_configs"]
    target = job["static_configs"][0]["targets"][0]
    assert target.split(":")[0] in document["services"]
    secret = job["authorization"]["credentials_file"].removeprefix("/run/secrets/")
    assert secret in document["services"]["prometheus"]["secrets"]
    (source,) = configs["datasource"]["datasources"]
    assert source["url"] == "http://prometheus:9090" and source["type"] == "prometheus"
    (provider,) = configs["dashboards"]["providers"]
    assert f"./grafana:{provider['options']['path']}:ro" in document["services"]["grafana"]["volumes"]


def _has_compose() -> bool:
    if shutil.which("docker") is None:
        return False
    asked = ["docker", "compose", "version"]
    return subprocess.run(asked, capture_output=True, timeout=240, check=False).returncode == 0


@pytest.mark.skipif(not _has_compose(), reason=f"{installs.NOT_TO_BE_HAD}: docker compose")
@EACH
def test_compose_itself_takes_it(path: Path) -> None:
    asked = ["docker", "compose", "-f", str(path), "config", "--quiet"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
