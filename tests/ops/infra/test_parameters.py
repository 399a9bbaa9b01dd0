"""The parameters: few, described, bounded, so that wrong values are refused at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.ops.infra.bicep import (
    INFRA,
    PARAMETER_FILES,
    ROOT,
    Declaration,
    Expression,
    assigned,
    of_kind,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAIN = INFRA / "main.bicep"
PARAMETERS = of_kind(MAIN, "parameter")
BOUNDS = {"string": ("allowed", "maxLength"), "int": ("allowed", "maxValue")}
SAMPLES = [(file, name) for file in PARAMETER_FILES for name in assigned(file)]


def type_of(parameter: Declaration) -> str:
    return parameter.text.partition("=")[0].split()[2]


def is_required(parameter: Declaration) -> bool:
    return "=" not in parameter.text


def refusals(parameter: Declaration, value: Any) -> list[str]:
    """Return the bounds of a parameter that a literal breaks, as Azure checks them."""
    python = {"string": str, "int": int, "bool": bool}.get(type_of(parameter), dict)
    if type(value) is not python:
        return [f"is no {type_of(parameter)}"]
    size: Any = len(value) if isinstance(value, str) else value
    checks: dict[str, Callable[[Any], bool]] = {
        "allowed": lambda allowed: value in allowed,
        "minLength": lambda least: size >= least,
        "maxLength": lambda most: size <= most,
        "minValue": lambda least: size >= least,
        "maxValue": lambda most: size <= most,
    }
    bounds = {name: each for name, each in parameter.decorators.items() if name in checks}
    return [name for name, (limit,) in bounds.items() if not checks[name](limit)]


def test_there_are_few_enough_to_know_them_all() -> None:
    assert len(PARAMETERS) <= 28


@pytest.mark.parametrize("name", PARAMETERS)
def test_each_is_described(name: str) -> None:
    (description,) = PARAMETERS[name].decorators["description"]
    assert len(description) > 20 or name == "instanceMemoryMB"
    assert description.endswith(".")


@pytest.mark.parametrize("name", PARAMETERS)
def test_each_is_bounded(name: str) -> None:
    # A bool has two values; the type of the settings has bounds of its own (test_app_settings.py).
    wanted = BOUNDS.get(type_of(PARAMETERS[name]), ("description",))
    assert set(wanted) & PARAMETERS[name].decorators.keys()
    if "maxValue" in PARAMETERS[name].decorators:
        assert "minValue" in PARAMETERS[name].decorators


@pytest.mark.parametrize("name", PARAMETERS)
def test_each_default_is_within_its_bounds(name: str) -> None:
    value = PARAMETERS[name].body
    if not isinstance(value, Expression):
        assert refusals(PARAMETERS[name], value) == []


def test_what_must_be_given_is_what_nobody_could_guess() -> None:
    assert {name for name, each in PARAMETERS.items() if is_required(each)} == {
        "name",
        "alertEmail",
    }


def test_there_is_a_sample_for_trying_out_and_one_for_customers() -> None:
    assert {file.name for file in PARAMETER_FILES} == {"dev.bicepparam", "prod.bicepparam"}


@pytest.mark.parametrize("file", PARAMETER_FILES, ids=lambda file: file.name)
def test_a_sample_gives_what_is_required_and_nothing_unknown(file: Path) -> None:
    given = assigned(file).keys()
    assert given <= PARAMETERS.keys()
    assert {name for name, each in PARAMETERS.items() if is_required(each)} <= given
    assert "\nusing 'main.bicep'\n" in file.read_text("utf-8")


@pytest.mark.parametrize(("file", "name"), SAMPLES, ids=[f"{f.stem}-{n}" for f, n in SAMPLES])
def test_a_sample_keeps_to_the_bounds(file: Path, name: str) -> None:
    value = assigned(file)[name]
    if isinstance(value, Expression):
        assert value.text.startswith("readEnvironmentVariable('SCIM_")
    else:
        assert refusals(PARAMETERS[name], value) == []


def test_what_cannot_be_changed_later_is_left_as_it_is_by_default() -> None:
    """Azure refuses another retention of a vault, and a second encryption of an account."""
    for name in ("vaultRetentionDays", "infrastructureEncryption"):
        assert "annot be changed once" in PARAMETERS[name].decorators["description"][0]
    assert PARAMETERS["vaultRetentionDays"].body == 90
    assert PARAMETERS["infrastructureEncryption"].body is True


def test_for_trying_out_a_vault_is_not_kept_for_long() -> None:
    retained = {file.stem: assigned(file)["vaultRetentionDays"] for file in PARAMETER_FILES}
    assert retained == {"dev": 7, "prod": 90}


def test_addresses_that_are_none_are_refused_before_anything_is_deployed() -> None:
    # Functions of main are evaluated first; a module would be too late.
    variables = of_kind(MAIN, "variable")
    cut = {"appPrefix", "endpointPrefix", "operatorsSubnetPrefix"}
    assert all("cidrSubnet(privateNetwork, " in variables[name].body.text for name in cut)
    assert "parseCidr(operatorsPrefix)" in variables["operatorsAddresses"].body.text


@pytest.mark.parametrize(
    ("name", "value", "broken"),
    [
        ("maximumInstanceCount", 39, ["minValue"]),
        ("maximumInstanceCount", 1001, ["maxValue"]),
        ("instanceMemoryMB", 1024, ["allowed"]),
        ("storageRedundancy", "Premium_LRS", ["allowed"]),
        ("name", "s", ["minLength"]),
        ("name", "s" * 21, ["maxLength"]),
        ("alertEmail", "", ["minLength"]),
        ("lockIdentities", "true", ["is no bool"]),
        ("vaultRetentionDays", 6, ["minValue"]),
        ("vaultRetentionDays", 91, ["maxValue"]),
        ("tableRoleScope", "group", ["allowed"]),
        ("storageLogs", "reads", ["allowed"]),
        ("logDailyCapGB", -1, ["minValue"]),
        ("operatorsPrefix", "10.1.0.0/24, 10.2.0.0/24", ["maxLength"]),
        ("zoneRedundant", "yes", ["is no bool"]),
    ],
)
def test_a_wrong_value_is_refused(name: str, value: object, broken: list[str]) -> None:
    assert refusals(PARAMETERS[name], value) == broken


def default_in_words(parameter: Declaration) -> str:
    value = parameter.body
    if is_required(parameter):
        return "required"
    if isinstance(value, Expression):
        return f"`{value.text}`"
    if value == "":
        return "empty"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def bounds_in_words(parameter: Declaration) -> str:
    bounds = parameter.decorators
    if "allowed" in bounds:
        return ", ".join(f"`{each}`" for each in bounds["allowed"][0])
    if "maxValue" in bounds:
        return f"{bounds['minValue'][0]} to {bounds['maxValue'][0]}"
    if "maxLength" in bounds:
        return f"{bounds.get('minLength', [0])[0]} to {bounds['maxLength'][0]} characters"
    return "`true`, `false`" if type_of(parameter) == "bool" else "see below"


def test_the_documentation_describes_every_parameter_as_the_template_does() -> None:
    text = (ROOT / "docs" / "infrastructure.md").read_text("utf-8")
    section = text.partition("\n## Parameters\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{name}` | {default_in_words(each)} | {bounds_in_words(each)} |"
        f" {each.decorators['description'][0]} |"
        for name, each in PARAMETERS.items()
    ]
