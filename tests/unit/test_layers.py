"""Imports point one way: the rules of docs/architecture.md ("The parts"), held over the source."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from dataclasses import dataclass
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.deployed import FUNCTIONS, MODULES, PACKAGES, TIMERS

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
APP = (*MODULES, *PACKAGES)
PROGRAM = (*PACKAGES, "local", "tools", "benchmarks")
OUTSIDE = {"scim_on_functions": "clients/python/src", "product": "examples/product"}
"""Packages of their own, with the folders that they lie in: what a product installs, and one."""
SDKS = (
    "azure.core",
    "azure.data",
    "azure.identity",
    "azure.keyvault",
    "aiohttp",
    "opentelemetry",
    "jwt",
    "cryptography",
)

CORE = "shared.scim"
ERRORS, CLOCK, NOTICES = "shared.errors", "shared.clock", "shared.notices"
TABLES = "shared.tables"
SDK_OF_TABLES, REST_OF_TABLES = f"{TABLES}.sdk", f"{TABLES}.rest.client"
KEY_VAULT, VAULT_TOKENS = "shared.auth.key_vault", "shared.auth.vault"
TIMED, QUEUED = f"{TIMERS}.timers", f"{TIMERS}.queues"
ROUTES, LOADING = "shared.web.routes", "shared.web.loading"
HOST_LOG = "shared.web.host_log"
PACKAGE_CHECK = "shared.web.package_check"
TELEMETRY = "shared.telemetry"
SIGNATURES, KEYS_OF_ADMIN = "shared.oauth.signatures", "tools.admin.signing"
WEBHOOKS = "shared.webhooks"
QUEUE_NAMES, QUEUE_CLIENT = "shared.queues.names", "shared.queues.client"
SENDS_WEBHOOKS = tuple(
    f"{WEBHOOKS}.{each}"
    for each in ("sender", "sources", "work", "dispatch_run", "dispatcher", "webhooks_on")
)
OPEN_TELEMETRY = f"{TELEMETRY}.open_telemetry"
OF_THE_CORE = (f"{CORE}.folding", f"{CORE}.members", f"{CORE}.schema.Document")
"""What the store needs of the protocol: how values are compared, and what a document is."""
CONFIGURED = (
    "shared.settings",
    "shared.tenants",
    "shared.api_keys",
    "shared.clients",
    "shared.signing_secrets",
    "shared.identity",
)
PORTAL_CODES = "shared.portal_codes"
TRACE_SEALS = "shared.trace_seals"

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "function_app": (
        *(f"{package}.routes" for package in FUNCTIONS),
        TIMED,
        QUEUED,
        ROUTES,
        LOADING,
        HOST_LOG,
    ),
    "endpoints": (*FUNCTIONS, TIMERS, "shared.web"),
    "scim_users": ("scim_users", "shared"),
    "scim_groups": ("scim_groups", "shared"),
    "scim_protocol": ("scim_protocol", "scim_users", "scim_groups", "shared"),
    "health": ("health", "shared"),
    "vendor_api": ("vendor_api", "scim_protocol.root", "shared"),
    "portal": ("portal", "scim_users", "shared"),
    "token_endpoint": ("token_endpoint", "shared"),
    TIMERS: (TIMERS, "shared"),
    "shared.web": (
        "shared.web",
        "shared.auth",
        "shared.oauth",
        "shared.store",
        TABLES,
        WEBHOOKS,
        "shared.schema_files",
        TELEMETRY,
        CORE,
        ERRORS,
        CLOCK,
        NOTICES,
        "shared.tenant_settings",
        TRACE_SEALS,
        *CONFIGURED,
    ),
    "shared.guard": (),
    "shared.roles": (f"{CORE}.folding", "shared.validation"),
    "shared.tenant_settings": ("shared.roles", "shared.validation", ERRORS),
    "shared.validation": (ERRORS,),
    "shared.webhook_endpoints": (
        "shared.tenants",
        "shared.validation",
        "shared.webhooks.addresses",
        ERRORS,
    ),
    "shared.schema_files": ("shared.settings", CORE),
    TELEMETRY: (TELEMETRY, "shared.settings"),
    "shared.auth": ("shared.auth", ERRORS, CLOCK, NOTICES, *CONFIGURED),
    "shared.oauth": (
        "shared.oauth",
        "shared.auth.cached",
        "shared.auth.tokens",
        ERRORS,
        CLOCK,
        NOTICES,
        *CONFIGURED,
    ),
    "shared.store": (
        "shared.store",
        TABLES,
        "shared.guard",
        "shared.tenant_settings",
        "shared.tenants",
        "shared.roles",
        ERRORS,
        CLOCK,
        *OF_THE_CORE,
    ),
    "shared.queues": ("shared.queues", TABLES),
    WEBHOOKS: (
        WEBHOOKS,
        "shared.queues",
        "shared.events",
        "shared.store",
        TABLES,
        "shared.auth.webhook_secrets",
        ERRORS,
        CLOCK,
        NOTICES,
        *CONFIGURED,
    ),
    "shared.events": ("shared.events", "shared.store", TABLES, CLOCK),
    "shared.explain": (
        "shared.explain",
        "shared.store",
        TABLES,
        "shared.auth.tenant_tokens",
        ERRORS,
        f"{CORE}.folding",
    ),
    TABLES: (TABLES, ERRORS),
    CORE: (CORE, ERRORS),
    ERRORS: (),
    CLOCK: (),
    NOTICES: (CLOCK,),
    "shared.settings": ("shared.tenants", "shared.api_keys", "shared.clients"),
    "shared.identity": ("shared.settings",),
    "shared.tenants": (),
    "shared.api_keys": ("shared.tenants",),
    PORTAL_CODES: ("shared.tenants",),
    TRACE_SEALS: (),
    "shared.clients": ("shared.tenants",),
    "shared.signing_secrets": (),
    "shared": (),
    "local": ("local", "shared.settings", "shared.schema_files", QUEUE_NAMES),
    "benchmarks": ("benchmarks", "local", "shared"),
    "benchmarks.session_end": ("benchmarks.figures", "local.example"),
    "benchmarks.cost": ("benchmarks.cost", "tools.command_line"),
    "benchmarks.cost.measure": (
        "benchmarks.cost",
        "benchmarks.client",
        "benchmarks.instance",
        "tools.provision",
        "shared.store.layout",
        TABLES,
        "shared.tenants",
        "local.azurite",
    ),
    "tools": (),
    "tools.command_line": (),
    "tools.provision": ("tools.provision", "tools.command_line"),
    "tools.demo": ("tools.provision", "tools.command_line"),
    "local.example": ("tools.provision", "tools.command_line", "local"),
    "tools.adopt": ("tools.adopt", "tools.provision", "tools.command_line"),
    "tools.reconcile": ("tools.reconcile", "tools.provision", "tools.command_line"),
    "tools.admin": (
        "tools.admin",
        "tools.command_line",
        "shared.auth.rotation",
        "shared.auth.tenant_tokens",
        "shared.auth.versions",
        "shared.oauth",
        "shared.store",
        "shared.tenant_settings",
        "shared.webhook_endpoints",
        "shared.webhooks.hints",
        "shared.queues",
        CLOCK,
        "shared.events.event",
        "shared.explain",
        TABLES,
        CORE,
        ERRORS,
        PORTAL_CODES,
        TRACE_SEALS,
        *CONFIGURED,
        "local.run_record",
        "local.settings_file",
        "local.errors",
    ),
}
"""What of ours each part may import; the longest name that fits a module is its part."""

MAY_IMPORT_OF_AZURE: dict[str, tuple[str, ...]] = {
    "function_app": ("azure.functions",),
    "scim_users": ("azure.functions",),
    "scim_groups": ("azure.functions",),
    "scim_protocol": ("azure.functions",),
    "health": ("azure.functions",),
    "vendor_api": ("azure.functions",),
    "portal": ("azure.functions",),
    "token_endpoint": ("azure.functions",),
    TIMERS: ("azure.functions",),
    "shared.web": ("azure.functions",),
    "shared.identity": ("azure.core", "azure.identity"),
    KEY_VAULT: ("azure.core", "azure.keyvault"),
    SDK_OF_TABLES: ("azure.core", "azure.data", "aiohttp"),
    TABLES: ("azure.core",),
    "shared.queues": ("azure.core",),
    "local": ("azure.functions",),
    "local.host_storage": ("azure.core", "azure.identity", "azure.storage"),
    "local.leases": ("azure.core", "azure.storage"),
    "local.queues": ("azure.core", "azure.functions", "azure.storage"),
    "local.timers": ("azure.core", "azure.functions", "azure.storage"),
    "benchmarks": ("azure.functions",),
    "tools.admin.sign_in": ("azure.core",),
    "tools.admin.vault": ("azure.core", "azure.keyvault"),
}
"""What of Azure each part may import; a part that is not named, nothing."""

IO = ("aiohttp", "asyncio", "httpx", "http", "io", "os", "pathlib", "socket", "ssl", "subprocess")
"""What a pure module has no use for."""


@dataclass(frozen=True, slots=True)
class Import:
    """One name that a module imports.

    Attributes:
        name: The module, or what is taken out of it: `shared.errors.NotFound`.
        at_load: Whether it is imported with the module, rather than in a function or for types.
    """

    name: str
    at_load: bool


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(source: str) -> list[Import]:
    """Return what a module imports, wherever in it, under every name that it could mean."""
    found: list[Import] = []

    def visit(node: ast.AST, *, at_load: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, at_load) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found.extend(Import(f"{base}.{alias.name}", at_load) for alias in node.names)
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or is_for_types(node)
        for child in ast.iter_child_nodes(node):
            visit(child, at_load=at_load and not later)

    visit(ast.parse(source), at_load=True)
    return found


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def part_of(module: str, parts: dict[str, tuple[str, ...]]) -> str:
    """Return the part that a module belongs to: the longest name that fits."""
    return max((part for part in parts if is_within(module, part)), key=len)


FILES = {
    module_name(file): file
    for file in sorted(
        [
            *(ROOT / f"{module}.py" for module in MODULES),
            *(file for package in PROGRAM for file in (ROOT / package).rglob("*.py")),
        ]
    )
}
IMPORTS = {module: imports_of(file.read_text("utf-8")) for module, file in FILES.items()}


def is_ours(name: str) -> bool:
    return name.partition(".")[0] in {*MODULES, *PROGRAM}


def test_every_part_is_looked_at() -> None:
    assert {part_of(module, MAY_IMPORT) for module in FILES} == set(MAY_IMPORT)
    assert {"shared.tables.azure_table", "shared.scim.patch", "tools.provision.client"} <= set(
        FILES
    )


def test_imports_are_found_in_functions_and_for_types() -> None:
    source = """
import os.path
if TYPE_CHECKING:
    from shared.web import requests
def late():
    from . import here
    import azure.data.tables as tables
"""
    assert imports_of(source) == [
        Import("os.path", at_load=True),
        Import("shared.web.requests", at_load=False),
        Import("..here", at_load=False),
        Import("azure.data.tables", at_load=False),
    ]


def broken(rule: Callable[[str, Import], bool]) -> list[str]:
    """Return every import that a rule forbids."""
    return [
        f"{module} imports {each.name}"
        for module, imports in IMPORTS.items()
        for each in imports
        if rule(module, each)
    ]


def test_a_part_imports_what_lies_below_it() -> None:
    def is_above(module: str, each: Import) -> bool:
        allowed = MAY_IMPORT[part_of(module, MAY_IMPORT)]
        return is_ours(each.name) and not any(is_within(each.name, part) for part in allowed)

    assert broken(is_above) == []


def test_what_a_product_installs_imports_nothing_of_the_service() -> None:
    allowed = {"scim_on_functions": {"scim_on_functions"}, "product": {*OUTSIDE}}
    for package, folder in OUTSIDE.items():
        files = sorted((ROOT / folder / package).rglob("*.py"))
        assert files
        imported = {each.name for file in files for each in imports_of(file.read_text("utf-8"))}
        ours = {name for name in imported if is_ours(name) or name.partition(".")[0] in OUTSIDE}
        assert {name.partition(".")[0] for name in ours} <= allowed[package]
        assert not {name for name in imported if name.startswith(".")}


def test_the_client_library_needs_one_library() -> None:
    files = (ROOT / OUTSIDE["scim_on_functions"]).rglob("*.py")
    names = {each.name for file in files for each in imports_of(file.read_text("utf-8"))}
    packages = {name.partition(".")[0] for name in names}
    assert packages - sys.stdlib_module_names == {"httpx", "scim_on_functions"}


def test_an_import_is_absolute() -> None:
    # The worker puts the root of the app on the path, and nothing else.
    assert broken(lambda _, each: each.name.startswith(".")) == []


def test_of_azure_a_part_imports_what_it_is_there_for() -> None:
    def is_foreign(module: str, each: Import) -> bool:
        fitting = [part for part in MAY_IMPORT_OF_AZURE if is_within(module, part)]
        allowed = MAY_IMPORT_OF_AZURE[max(fitting, key=len)] if fitting else ()
        is_allowed = any(is_within(each.name, package) for package in allowed)
        return is_within(each.name, "azure") and not is_allowed

    assert broken(is_foreign) == []


def test_the_core_is_pure() -> None:
    def is_impure(module: str, each: Import) -> bool:
        return is_within(module, CORE) and any(is_within(each.name, package) for package in IO)

    assert broken(is_impure) == []


def test_one_module_talks_to_table_storage() -> None:
    users = {
        module
        for module, imports in IMPORTS.items()
        if any(is_within(each.name, "azure.data") for each in imports)
    }
    assert users == {SDK_OF_TABLES}


def test_one_module_knows_opentelemetry() -> None:
    users = {
        module
        for module, imports in IMPORTS.items()
        if any(is_within(each.name, "opentelemetry") for each in imports)
    }
    assert users == {OPEN_TELEMETRY}


def test_one_module_checks_signatures_one_draws_keys_and_one_seals() -> None:
    users = {
        module
        for module, imports in IMPORTS.items()
        if any(is_within(each.name, sdk) for each in imports for sdk in ("jwt", "cryptography"))
    }
    assert users == {SIGNATURES, KEYS_OF_ADMIN, TRACE_SEALS}


def loads() -> dict[str, set[str]]:
    """Return what of ours each module loads with itself, the packages that it lies in among it."""
    found: dict[str, set[str]] = defaultdict(set)
    for module, imports in IMPORTS.items():
        for each in imports:
            names = (each.name, each.name.rpartition(".")[0])
            target = next((name for name in names if name in FILES), module)
            if each.at_load and target != module:
                found[module].add(target)
    return found


def loaded_with(module: str) -> set[str]:
    """Return the modules of ours that are loaded with one, itself among them."""
    reached, ahead, loading = set[str](), [module], loads()
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            package = name.rpartition(".")[0]
            ahead += [*loading[name], *([package] if package else [])]
    return reached


def test_indexing_loads_routes_and_nothing_else() -> None:
    packages = {*PACKAGES, "shared.web", "shared.queues"}
    routes = {f"{package}.routes" for package in FUNCTIONS}
    loaded = {"function_app", ROUTES, LOADING, PACKAGE_CHECK, HOST_LOG, NOTICES, CLOCK}
    loaded.add(QUEUE_NAMES)
    loaded |= {TIMED, QUEUED} | routes | packages
    assert loaded_with("function_app") == loaded


def test_one_module_is_imported_by_name() -> None:
    deployed = [FILES[module] for module in FILES if module.partition(".")[0] in APP]
    calls = [
        ast.unparse(node)
        for file in deployed
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module")
    ]
    assert calls == ["import_module('endpoints')"]


def test_an_sdk_is_imported_where_the_settings_ask_for_it() -> None:
    late = (
        SDK_OF_TABLES,
        REST_OF_TABLES,
        KEY_VAULT,
        VAULT_TOKENS,
        OPEN_TELEMETRY,
        SIGNATURES,
        KEYS_OF_ADMIN,
        QUEUE_CLIENT,
        *SENDS_WEBHOOKS,
        TRACE_SEALS,
    )

    def is_early(module: str, each: Import) -> bool:
        # Settings choose among these modules; what is not deployed is free to.
        undeployed = is_within(module, "local") or is_within(module, "benchmarks")
        is_free = module in late or undeployed
        heavy = () if is_free else (*SDKS, *late)
        return each.at_load and any(is_within(each.name, package) for package in heavy)

    assert broken(is_early) == []


def test_no_module_is_loaded_by_what_it_loads() -> None:
    TopologicalSorter(loads()).prepare()  # raises CycleError with the cycle


def test_no_top_level_name_hides_a_library() -> None:
    libraries = sys.stdlib_module_names | packages_distributions().keys()
    assert not {*MODULES, *PROGRAM, *OUTSIDE, "tests"} & libraries
