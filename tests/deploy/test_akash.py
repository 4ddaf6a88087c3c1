"""The file for Akash, by a schema of our own, after the words of its SDL 2.0."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from gateway.config.table import table

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "deploy" / "akash" / "deploy.yaml"
SIZE = re.compile(r"\d+(?:Mi|Gi)")


def document() -> dict[str, Any]:
    return dict(yaml.safe_load(FILE.read_text()))


def test_every_part_leads_to_the_next() -> None:
    sdl = document()
    assert set(sdl) == {"version", "services", "profiles", "deployment"} and sdl["version"] == "2.0"
    assert set(sdl["profiles"]) == {"compute", "placement"}
    assert set(sdl["deployment"]) == set(sdl["services"])
    for placed in sdl["deployment"].values():
        for placement, how in placed.items():
            assert set(how) == {"profile", "count"} and how["profile"] in sdl["profiles"]["compute"]
            assert how["profile"] in sdl["profiles"]["placement"][placement]["pricing"]


def test_the_service_gets_options_and_no_secret_stands_in_it() -> None:
    service = document()["services"]["router"]
    assert set(service) == {"image", "env", "expose", "params"}
    given = dict(line.split("=", 1) for line in service["env"])
    assert set(given) <= set(table())
    assert {name for name, option in table().items() if option.is_secret and given.get(name)} == set()
    (port,) = service["expose"]
    assert port["port"] == int(table()["ROUTER_PORT"].default_text) and port["to"] == [{"global": True}]
    assert port["http_options"]["max_body_size"] == int(table()["MAX_BODY_BYTES"].default_text)


def test_what_lasts_is_on_the_disk_that_lasts() -> None:
    sdl = document()
    resources = sdl["profiles"]["compute"]["router"]["resources"]
    lasting = {disk["name"] for disk in resources["storage"] if disk.get("attributes", {}).get("persistent")}
    mounted = sdl["services"]["router"]["params"]["storage"]
    assert set(mounted) == lasting
    given = dict(line.split("=", 1) for line in sdl["services"]["router"]["env"])
    assert any(given["DATA_DIR"].startswith(f"{disk['mount']}/") for disk in mounted.values())
    sizes = [resources["memory"]["size"], *(disk["size"] for disk in resources["storage"])]
    assert all(SIZE.fullmatch(size) for size in sizes) and resources["cpu"]["units"] > 0
