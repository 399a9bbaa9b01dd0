"""Stands for the Azure CLI on PATH: a small Azure in a file, and a record of every call.

    AZ_WORLD=<folder> az group exists --name rg-scim --output tsv

It takes the commands and options that azure-cli 2.91 takes and that the scripts use, refuses others
as az does, applies `--query` by the library that az uses and prints as `--output` says; so a query
that is wrong gives here what it gives there. Its Azure is `world.json` of the folder, in the shape
that `empty_world` makes; the calls are lines of `calls.jsonl`. What `faults` of the world asks for
happens instead of a call, or after it.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import time
from pathlib import Path
from typing import Any

GLOBAL = {"--only-show-errors", "--output", "--query", "--subscription"}
FLAGS = {"--only-show-errors", "--yes", "--created"}
OPTIONS: dict[str, set[str]] = {
    "version": set(),
    "login": set(),
    "account show": set(),
    "ad signed-in-user show": set(),
    "group exists": {"--name"},
    "group show": {"--name"},
    "group create": {"--name", "--location"},
    "group delete": {"--name", "--yes"},
    "deployment group create": {"--resource-group", "--name", "--template-file", "--parameters"},
    "deployment group what-if": {"--resource-group", "--name", "--template-file", "--parameters"},
    "deployment group wait": {
        *("--resource-group", "--name", "--created", "--interval", "--timeout"),
    },
    "account get-access-token": set(),
    "functionapp show": {"--resource-group", "--name"},
    "functionapp update-strategy config set": {"--resource-group", "--name", "--type"},
    "keyvault show": {"--name"},
    "keyvault list-deleted": {"--resource-type"},
    "keyvault recover": {"--name"},
    "keyvault secret list-versions": {"--vault-name", "--name"},
    "keyvault secret set": {"--vault-name", "--name", "--file", "--encoding", "--expires"},
    "keyvault secret download": {"--vault-name", "--name", "--version", "--encoding", "--file"},
    "keyvault secret show": {"--vault-name", "--name", "--version"},
    "lock list": {"--resource-group"},
    "resource list": {"--resource-group"},
}
"""The options of each command besides those of all; every one of them is needed."""

VAULT, APP, ACCOUNT = "kv-scim-test", "func-scim-test", "stscimtest"
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
USER = "deployer@contoso.test"
USER_ID = "22222222-3333-4444-5555-666666666666"
NOT_LOGGED_IN = "Please run 'az login' to setup account."

World = dict[str, Any]


class AzError(Exception):
    """What az says and exits with."""

    def __init__(self, said: str, code: int = 1) -> None:
        super().__init__(said)
        self.code = code


def empty_world(tenant_url: str) -> World:
    """A subscription with nothing in it; a deployment into it gives this Tenant URL."""
    return {
        "tenant_url": tenant_url,
        "version": "2.91.0",
        "logged_in": True,
        "user": {"name": USER, "type": "user"},
        "groups": {},
        "deployments": [],
        "without_output": "",
        "secrets": {},
        "deployment_site": "",
        "access_token": "",
        "locks": [],
        "deleted_vaults": [],
        "faults": [],
    }


REGION = "westeurope"


def id_of(kind: str, name: str, group: str = "rg-scim") -> str:
    return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/{kind}/{name}"


def deployed(world: World, options: dict[str, str]) -> Any:
    group(world, options["--resource-group"])
    if world["deleted_vaults"]:
        raise AzError(
            '{"status":"Failed","error":{"code":"DeploymentFailed","details":[{"code":'
            '"ConflictError",\r\n"message":"A vault with the same name already exists in deleted'
            ' state. You need to either recover or purge existing key vault."}]}}'
        )
    world["deployments"].append(options["--name"])
    values = {
        "functionAppName": APP,
        "functionAppHostName": f"{APP}.azurewebsites.net",
        "tenantUrl": world["tenant_url"],
        "keyVaultName": VAULT,
        "identityStorageAccountName": ACCOUNT,
        "nextCommand": "infra/deploy.sh",
    }
    values.pop(world["without_output"], None)
    outputs = {name: {"type": "String", "value": value} for name, value in values.items()}
    return {"properties": {"provisioningState": "Succeeded", "outputs": outputs}}


def function_app(world: World, options: dict[str, str]) -> Any:
    if not world["deployments"] or options["--name"] != APP:
        raise AzError(f"The function app '{options['--name']}' was not found")
    hosts = {"Standard": f"{APP}.azurewebsites.net", "Repository": world["deployment_site"]}
    states = [{"hostType": kind, "name": name} for kind, name in hosts.items()]
    # As az shows an app of Flex Consumption: what Azure Resource Manager answers.
    return {"name": APP, "properties": {"hostNameSslStates": states}}


def secret_versions(world: World, name: str) -> list[dict[str, Any]]:
    versions: list[dict[str, Any]] = world["secrets"].setdefault(name, [])
    return versions


def bundle(name: str, version: dict[str, Any], **more: Any) -> dict[str, Any]:
    attributes = {key: version.get(key) for key in ("created", "enabled", "expires", "notBefore")}
    identifier = f"https://{VAULT}.vault.azure.net/secrets/{name}/{version['version']}"
    return {"attributes": attributes, "id": identifier, "name": name, "tags": None, **more}


def listed(world: World, options: dict[str, str]) -> Any:
    versions = secret_versions(world, options["--name"])
    # The real vault lists versions in the order of their ids, which is no order.
    return [
        bundle(options["--name"], version)
        for version in sorted(versions, key=lambda each: str(each["version"]))
    ]


def set_secret(world: World, options: dict[str, str]) -> Any:
    versions = secret_versions(world, options["--name"])
    now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    version = {
        "version": os.urandom(16).hex(),
        "value": Path(options["--file"]).read_text(options["--encoding"]),
        "created": now,
        "enabled": True,
        "expires": options["--expires"].replace("Z", "+00:00"),
    }
    versions.append(version)
    return bundle(options["--name"], version, value=version["value"])


def version_of(world: World, options: dict[str, str]) -> dict[str, Any]:
    for version in secret_versions(world, options["--name"]):
        if version["version"] == options["--version"]:
            return version
    raise AzError("(SecretNotFound) A secret with (name/id) was not found in this key vault.")


def download(world: World, options: dict[str, str]) -> Any:
    target = Path(options["--file"])
    if target.exists():
        raise AzError(f"File '{target}' already exists. Use --overwrite to overwrite it.")
    target.write_text(version_of(world, options)["value"], options["--encoding"])
    return None


def show_secret(world: World, options: dict[str, str]) -> Any:
    version = version_of(world, options)
    return bundle(options["--name"], version, value=version["value"])


def group(world: World, name: str) -> dict[str, str]:
    if name not in world["groups"]:
        raise AzError(f"(ResourceGroupNotFound) Resource group '{name}' could not be found.", 3)
    return {"name": name, "location": world["groups"][name]}


def create_group(world: World, options: dict[str, str]) -> Any:
    world["groups"][options["--name"]] = options["--location"]
    return group(world, options["--name"])


def delete_group(world: World, options: dict[str, str]) -> Any:
    group(world, options["--name"])
    if world["locks"]:
        raise AzError("(ScopeLocked) The scope cannot perform delete operation.")
    del world["groups"][options["--name"]]
    if world["deployments"]:
        world["deleted_vaults"].append(VAULT)
    world["deployments"] = []


def deleted_vaults(world: World, options: dict[str, str]) -> Any:
    return [
        {
            "name": name,
            "properties": {
                "location": REGION,
                "vaultId": id_of("Microsoft.KeyVault/vaults", name),
            },
        }
        for name in world["deleted_vaults"]
    ]


def recover(world: World, options: dict[str, str]) -> Any:
    group(world, "rg-scim")  # a vault comes back into the group that it was in
    world["deleted_vaults"].remove(options["--name"])
    return {"name": options["--name"]}


def resources(world: World, options: dict[str, str]) -> Any:
    group(world, options["--resource-group"])
    kinds = {
        ACCOUNT: "Microsoft.Storage/storageAccounts",
        VAULT: "Microsoft.KeyVault/vaults",
        APP: "Microsoft.Web/sites",
    }
    return [{"name": n, "type": k} for n, k in kinds.items()] if world["deployments"] else []


ANSWERS: dict[str, Any] = {
    "version": lambda world, _options: {"azure-cli": world["version"], "extensions": {}},
    "login": lambda _world, _options: [{"isDefault": True}],
    "account show": lambda world, options: {
        "name": "Contoso Dev",
        "id": options.get("--subscription", SUBSCRIPTION),
        "user": world["user"],
    },
    "ad signed-in-user show": lambda _world, _options: {"id": USER_ID},
    "group exists": lambda world, options: options["--name"] in world["groups"],
    "group show": lambda world, options: group(world, options["--name"]),
    "group create": create_group,
    "group delete": delete_group,
    "deployment group create": deployed,
    "deployment group what-if": lambda _world, _options: "+ Microsoft.Web/sites/" + APP,
    "deployment group wait": lambda _world, _options: None,
    "account get-access-token": lambda world, _options: {"accessToken": world["access_token"]},
    "functionapp show": function_app,
    "functionapp update-strategy config set": function_app,
    "keyvault show": lambda _world, options: {
        "id": id_of("Microsoft.KeyVault/vaults", options["--name"])
    },
    "keyvault list-deleted": deleted_vaults,
    "keyvault recover": recover,
    "keyvault secret list-versions": listed,
    "keyvault secret set": set_secret,
    "keyvault secret download": download,
    "keyvault secret show": show_secret,
    "lock list": lambda world, _options: world["locks"],
    "resource list": resources,
}


def global_options(command: str) -> set[str]:
    """Return the options of all commands, of which those of `az ad` lack one."""
    return GLOBAL - {"--subscription"} if command.startswith("ad ") else GLOBAL


def parsed(arguments: list[str]) -> tuple[str, dict[str, str]]:
    """Split a command line as az does: words, then options with a value each, or flags."""
    words = next((i for i, each in enumerate(arguments) if each.startswith("-")), len(arguments))
    command, rest = " ".join(arguments[:words]), arguments[words:]
    if command not in OPTIONS:
        raise AzError(f"'{command}' is misspelled or not recognized by the system.", 2)
    options: dict[str, str] = {}
    while rest:
        option = rest.pop(0)
        if option not in OPTIONS[command] | global_options(command):
            raise AzError(f"unrecognized arguments: {option}", 2)
        if option not in FLAGS and not rest:
            raise AzError(f"argument {option}: expected one argument", 2)
        options[option] = "" if option in FLAGS else rest.pop(0)
    missing = OPTIONS[command] - options.keys() - GLOBAL
    if missing:
        raise AzError(f"the following arguments are required: {', '.join(sorted(missing))}", 2)
    return command, options


def printed(result: Any, options: dict[str, str]) -> str:
    """Return what az prints of a result: by default the whole of it, secrets included."""
    if "--query" in options:
        # Imported here because each call is a process of its own.
        import jmespath  # noqa: PLC0415 - see above

        result = jmespath.search(options["--query"], result)
    match options.get("--output", "json"):
        case "none":
            return ""
        case "json":
            return "" if result is None else json.dumps(result, indent=2) + "\n"
        case "tsv":
            rows = result if isinstance(result, list) else [] if result is None else [result]
            return "".join(f"{tsv_row(row)}\n" for row in rows)
    raise AzError("argument --output: invalid choice", 2)


def tsv_row(row: Any) -> str:
    if isinstance(row, bool):
        return str(row).lower()
    return "\t".join(map(str, row)) if isinstance(row, list) else str(row)


def folder() -> Path:
    return Path(os.environ["AZ_WORLD"])


def record(arguments: list[str], options: dict[str, str]) -> None:
    """Write the call down, what a parameter file can read, and how a secret's file is protected."""
    environ = {name: value for name, value in os.environ.items() if name.startswith("SCIM_")}
    call: dict[str, Any] = {"argv": arguments, "environ": environ}
    if "--file" in options:
        parent = Path(options["--file"]).parent
        call["folder_mode"] = stat.S_IMODE(parent.stat().st_mode)
        if Path(options["--file"]).exists():
            call["file_mode"] = stat.S_IMODE(Path(options["--file"]).stat().st_mode)
    with (folder() / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps(call) + "\n")


def pending_fault(world: World, command: str) -> dict[str, Any]:
    """Take the next fault of a command off the list."""
    for fault in world["faults"]:
        if fault["command"] == command:
            fault["times"] -= 1
            world["faults"] = [each for each in world["faults"] if each["times"] > 0]
            return dict(fault)
    return {}


def answer(arguments: list[str]) -> str:
    command, options = parsed(arguments)
    record(arguments, options)
    path = folder() / "world.json"
    world = json.loads(path.read_text())
    if command == "login":
        world["logged_in"] = True
    if not world["logged_in"] and command != "version":
        raise AzError(NOT_LOGGED_IN)
    fault = pending_fault(world, command)
    try:
        result = ANSWERS[command](world, options) if not fault or fault["after"] else None
    finally:
        path.write_text(json.dumps(world))
    if fault.get("hang"):
        # Whatever comes kills at once; Python's own handler could run just before the pause.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        (folder() / "hangs").touch()
        signal.pause()
    if fault:
        raise AzError(fault["said"])
    return printed(result, options)


if __name__ == "__main__":
    try:
        sys.stdout.write(answer(sys.argv[1:]))
    except AzError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        sys.exit(error.code)
