"""Parses KQL with the language service of Azure Data Explorer, in node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).with_name("kusto.cjs")

TABLES = {
    "AppTraces": {
        "TimeGenerated": "datetime",
        "AppRoleInstance": "string",
        "AppRoleName": "string",
        "ItemCount": "int",
        "Message": "string",
        "OperationId": "string",
        "OperationName": "string",
        "Properties": "dynamic",
        "SeverityLevel": "int",
    },
    "_LogOperation": {
        "TimeGenerated": "datetime",
        "Category": "string",
        "Detail": "string",
        "Level": "string",
        "Operation": "string",
    },
    "StorageTableLogs": {
        "TimeGenerated": "datetime",
        "AccountName": "string",
        "AuthenticationType": "string",
        "CallerIpAddress": "string",
        "DurationMs": "real",
        "OperationName": "string",
        "RequesterObjectId": "string",
        "ServerLatencyMs": "real",
        "StatusCode": "string",
        "StatusText": "string",
    },
}
"""Tables of the workspace and their columns, as the reference of Azure Monitor Logs lists them."""


def problems(queries: dict[str, str]) -> dict[str, list[str]]:
    """Return what is wrong with each query by its name: syntax, and names that are nowhere."""
    run = subprocess.run(
        ["node", str(SCRIPT)],
        input=json.dumps({"tables": TABLES, "queries": queries}),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found: dict[str, list[str]] = json.loads(run.stdout)
    return found
