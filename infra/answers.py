#!/usr/bin/env python3
"""Reads, for the scripts of this folder, the JSON that az and the service answer.

`answers.py WHAT [NAME]` takes the JSON from standard input and prints one line. Python 3.9 runs it,
which is what the machine of an administrator may have.
"""

from __future__ import annotations

import json
import re
import sys
import time
from datetime import datetime
from typing import Any

LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


def output(outputs: Any, name: str) -> str:
    """Return an output of a deployment.

    Raises:
        KeyError, TypeError: The deployment has none of that name.
    """
    value: str = outputs[name]["value"]
    return value


def token(versions: list[dict[str, Any]], now: float) -> str:
    """Tell which version of a secret opens its tenant, as the service itself decides it.

    Args:
        versions: What `az keyvault secret list-versions` gives, in any order.
        now: The time in POSIX seconds.

    Returns:
        `valid <version> <day of expiry, or never>` for the newest version that is valid;
        `disabled <version>` when the newest one is disabled, which closes the tenant to older ones
        too; otherwise `later` (none has begun), `expired` or `none`.
    """
    newest_first = sorted(versions, key=lambda each: _time(each, "created", 0.0), reverse=True)
    if not newest_first:
        return "none"
    if not newest_first[0]["attributes"]["enabled"]:
        return f"disabled {_id(newest_first[0])}"
    enabled = [each for each in newest_first if each["attributes"]["enabled"]]
    lasting = [each for each in enabled if now < _time(each, "expires", now + 1)]
    for version in lasting:
        if _time(version, "notBefore", now) <= now:
            day = (version["attributes"].get("expires") or "never").partition("T")[0]
            return f"valid {_id(version)} {day}"
    return "later" if lasting else "expired"


def found(answer: Any) -> str:
    """Return the id of the first resource of a list, or nothing when the list is empty.

    Raises:
        KeyError, TypeError, ValueError: It is no ListResponse (RFC 7644 section 3.4.2).
    """
    if LIST_RESPONSE not in answer["schemas"]:
        raise ValueError("no ListResponse")
    return str(answer["Resources"][0]["id"]) if answer["totalResults"] else ""


def detail(text: str) -> str:
    """Return what a SCIM error (RFC 7644 section 3.12) or a report of /readyz says is wrong.

    Any other answer says nothing.
    """
    try:
        answer = json.loads(text)
        return str(answer["detail"] if "detail" in answer else _unready(answer["checks"]))
    except (KeyError, TypeError, ValueError):
        return ""


def _unready(checks: dict[str, Any]) -> str:
    """Return what failed checks say; the vault has no words of its own."""
    said = []
    if checks["vault"]["state"] == "failed":
        said.append(
            "The vault does not let the app read its tokens: its identity needs the role Key Vault"
            " Secrets User, and its network the way there."
        )
    if checks["table"]["state"] == "failed":
        said.append(checks["table"].get("detail", "The table does not answer."))
    return " ".join(said)


def deployment_id(answer: Any) -> str:
    """Return the id of a deployment from the answer to an upload: the id alone, or an object.

    Raises:
        KeyError, TypeError, ValueError: It names no deployment.
    """
    named = answer["id"] if isinstance(answer, dict) else answer
    if not re.fullmatch("[0-9A-Za-z-]+", named):
        raise ValueError("no id")
    return str(named)


def deployment(text: str) -> str:
    """Tell where a deployment is: `succeeded`, `failed` or `running`, and what Azure says of it.

    What is no report of a deployment is one that is not listed yet.
    """
    try:
        report = json.loads(text)
        state = _DEPLOYMENT_STATES.get(int(report["status"]), "running")
        said = report.get("progress") or report.get("status_text") or ""
    except (AttributeError, KeyError, TypeError, ValueError):
        return "running "
    return f"{state} {' '.join(str(said).split())}"


_DEPLOYMENT_STATES = {-1: "failed", 3: "failed", 4: "succeeded", 5: "failed", 6: "succeeded"}
"""Ends of a deployment: cancelled, failed, success, conflict, success in part."""


def deployment_log(entries: list[dict[str, Any]]) -> str:
    """Return the messages of the log of a deployment, a line each.

    Raises:
        KeyError, TypeError: It is no such log.
    """
    return "\n".join(f"  {' '.join(str(each['message']).split())}" for each in entries)


def _time(version: dict[str, Any], name: str, otherwise: float) -> float:
    text = version["attributes"].get(name)
    return datetime.fromisoformat(text).timestamp() if text else otherwise


def _id(version: dict[str, Any]) -> str:
    return str(version["id"]).rpartition("/")[2]


def main(what: str, *names: str) -> int:
    """Print what the command line asks for; the exit code is 1 when the JSON does not hold it."""
    text = sys.stdin.read()
    try:
        if what == "output":
            print(output(json.loads(text), *names))
        elif what == "token":
            print(token(json.loads(text or "[]"), time.time()))
        elif what == "found":
            print(found(json.loads(text)))
        elif what == "id":
            print(json.loads(text)["id"])
        elif what == "detail":
            print(detail(text))
        elif what == "deployment-id":
            print(deployment_id(json.loads(text)))
        elif what == "deployment":
            print(deployment(text))
        elif what == "deployment-log":
            print(deployment_log(json.loads(text)))
    except (IndexError, KeyError, TypeError, ValueError):
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
