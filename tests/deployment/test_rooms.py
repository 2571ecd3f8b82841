"""The lists that name the top-level packages agree with the folders that there are."""

import re
import tomllib

from robotsim_project.environment import BASE_DIR

PACKAGES = {path.parent.name for path in BASE_DIR.glob("[!.]*/__init__.py")}
CODE = PACKAGES - {"tests"}
NOT_IN_IMAGES = {"launcher", "tests"}
CONFIG = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())


def test_type_checks_cover_all_packages() -> None:
    (line,) = re.findall(r"^ROOMS := (.+)$", (BASE_DIR / "Makefile").read_text(), re.M)
    assert set(line.split()) == CODE
    hooks = (BASE_DIR / ".pre-commit-config.yaml").read_text()
    assert f"          {line}\n" in hooks


def test_images_hold_what_runs_in_production() -> None:
    allowed = re.findall(r"^!(\w+)$", (BASE_DIR / ".dockerignore").read_text(), re.M)
    assert set(allowed) - {"locale"} == PACKAGES - NOT_IN_IMAGES


def test_import_contracts_cover_all_packages() -> None:
    linter = CONFIG["tool"]["importlinter"]
    contracts = {contract["name"]: contract for contract in linter["contracts"]}
    assert set(linter["root_packages"]) == CODE
    assert set(contracts["No cycles"]["ancestors"]) == CODE
    layers = " | ".join(contracts["Apps point downwards"]["layers"])
    assert set(layers.split(" | ")) == CODE - {"agent", "rosbag2"}


def test_pytest_finds_the_tests_of_all_packages() -> None:
    folders = {path.parent.parent.name for path in BASE_DIR.glob("[!.]*/tests/__init__.py")}
    paths = CONFIG["tool"]["pytest"]["ini_options"]["testpaths"]
    assert set(paths) == folders | {"tests"}
