"""The deployment site of function apps on Flex Consumption: takes a package, and tells of its end.

It answers as the site that stands beside each app (`<app>.scm.azurewebsites.net`) is reported to:
an upload is 202 with the id of a deployment, which is listed a moment later, runs, and then has
succeeded or failed. One serves many apps; the access token says whose the call is.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

FAILED, SUCCEEDED = 3, 4


@dataclass(slots=True)
class Site:
    """The site of one app.

    Attributes:
        calls: What was asked, as `METHOD path?query`.
        packages: What was uploaded and taken.
        refusals: Statuses that uploads get, in turn, instead of being taken.
        ends: How the deployments end, in turn; when there are no more, they succeed.
        deployments: How often each was asked for.
    """

    calls: list[str] = field(default_factory=list)
    packages: list[bytes] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    deployments: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class DeploymentSites:
    """The sites of all apps, by the access token of who deploys them."""

    sites: dict[str, Site] = field(default_factory=dict)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request to one of the sites."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self.sites:
            return web.Response(status=401)
        site = self.sites[token]
        site.calls.append(f"{request.method} {request.path_qs}")
        if request.path == "/api/publish":
            return await _publish(site, request)
        deployment, _, log = request.path.removeprefix("/api/deployments/").partition("/")
        if deployment not in site.deployments:
            return web.Response(status=404, text="No deployment is listed.")
        return web.json_response(LOG if log else _report(site, deployment))


LOG = [
    {"id": "1", "message": "Validating the package.", "type": 0, "details_url": None},
    {"id": "2", "message": "The storage container\r\nrefused it.", "type": 2, "details_url": None},
]


async def _publish(site: Site, request: web.BaseRequest) -> web.StreamResponse:
    package = await request.content.read()
    if request.method != "POST" or request.content_type != "application/zip":
        return web.Response(status=415)
    if site.refusals:
        return web.Response(status=site.refusals.pop(0), text="Not\r\nnow.")
    site.packages.append(package)
    deployment = str(uuid.uuid4())
    site.deployments[deployment] = 0
    return web.json_response(deployment, status=202)


def _report(site: Site, deployment: str) -> dict[str, Any]:
    """Return what a deployment is: received, deploying, then at its end."""
    site.deployments[deployment] += 1
    looks = site.deployments[deployment]
    if looks < 3:
        texts = {1: "", 2: "Deploying\r\nthe package."}
        return {"id": deployment, "status": looks - 1, "status_text": texts[looks]}
    end = site.ends.pop(0) if site.ends else SUCCEEDED
    return {"id": deployment, "status": end, "status_text": "", "complete": True}
