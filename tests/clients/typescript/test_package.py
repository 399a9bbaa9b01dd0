"""The package of the client library for TypeScript: what is in it, and who can use it."""

import json
import re
import tarfile

import pytest

from tests.clients.typescript.conftest import LIBRARY, Product

USE = """
import { type Access, Client, type Event, type Replica, verify } from "scim-on-functions-client";

const client = new Client("https://id.example.com", `scimkey_product_${"p".repeat(43)}`);
const decide: (userName: string) => Promise<Access> = (userName) =>
  client.tenant("acme").access({ userName });
const receive: (body: Uint8Array, headers: Headers) => Promise<Event> = (body, headers) =>
  verify(body, headers, "whsec_c2VjcmV0");
const copy: Replica | undefined = undefined;
console.log(typeof decide, typeof receive, copy);
"""

WRONG = """
import { Client } from "scim-on-functions-client";
new Client("https://id.example.com", "scimkey_x").tenant().access({ userName: "a", email: "b" });
"""


def test_it_holds_the_library_and_nothing_else(product: Product) -> None:
    with tarfile.open(product.archive) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}
    sources = {path.stem for path in (LIBRARY / "src").iterdir()}
    assert {name for name in names if "/" not in name} == {"LICENSE", "README.md", "package.json"}
    assert {name for name in names if name.startswith("src/")} == {f"src/{s}.ts" for s in sources}
    compiled = {f"dist/{s}.{end}" for s in sources for end in ("js", "js.map", "d.ts", "d.ts.map")}
    assert {name for name in names if name.startswith("dist/")} == compiled


def test_it_depends_on_nothing(product: Product) -> None:
    package = json.loads((LIBRARY / "package.json").read_text())
    assert not {"dependencies", "peerDependencies", "optionalDependencies"} & package.keys()
    installed = {path.name for path in (product.folder / "node_modules").iterdir()}
    assert installed - {".package-lock.json"} == {"scim-on-functions-client"}


def test_its_versions_agree() -> None:
    package = json.loads((LIBRARY / "package.json").read_text())
    lock = json.loads((LIBRARY / "package-lock.json").read_text())
    source = (LIBRARY / "src" / "version.ts").read_text()
    readme = (LIBRARY / "README.md").read_text()
    assert f'VERSION = "{package["version"]}"' in source
    assert lock["packages"][""]["version"] == package["version"]
    assert set(re.findall(r"client-([\d.]+)\.tgz", readme)) == {package["version"]}


def test_the_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (LIBRARY / "package-lock.json").read_text()


def test_a_module_uses_it_with_types(product: Product) -> None:
    (product.folder / "use.mts").write_text(USE)
    product.compile("use.mts")
    assert product.run("node", "use.mjs") == "function function undefined\n"


def test_a_commonjs_module_uses_it_by_import(product: Product) -> None:
    script = 'import("scim-on-functions-client").then(({ Feed }) => console.log(Feed.name));'
    (product.folder / "use.cjs").write_text(script)
    assert product.run("node", "use.cjs") == "Feed\n"


def test_a_commonjs_module_requires_it_where_node_can(product: Product) -> None:
    script = """
        const has = process.features.require_module;
        console.log(has ? require("scim-on-functions-client").Feed.name : "Feed");
    """
    (product.folder / "require.cjs").write_text(script)
    assert product.run("node", "--no-warnings", "require.cjs") == "Feed\n"


def test_a_question_that_cannot_be_asked_does_not_compile(product: Product) -> None:
    (product.folder / "wrong.mts").write_text(WRONG)
    with pytest.raises(AssertionError, match="TS2345"):
        product.compile("wrong.mts")
