"""What is read out of an answer of the service, and held to be there."""

from typing import Any

from tools.provision.client import ScimClient
from tools.provision.results import Operation, ServiceError


async def find(client: ScimClient, operation: Operation, path: str) -> list[dict[str, Any]]:
    """Ask for a ListResponse and return its resources (RFC 7644 section 3.4.2).

    Raises:
        ServiceError: when the answer is no ListResponse, or leaves resources out.
    """
    answer = await client.call(operation, "GET", path)
    resources = answer.get("Resources", [])
    if "totalResults" not in answer or not isinstance(resources, list):
        raise ServiceError(operation, f"the answer is no ListResponse: {path}", 200)
    if len(resources) != answer["totalResults"]:
        raise ServiceError(
            operation,
            f"totalResults is {answer['totalResults']}, but {len(resources)} are there: {path}",
            200,
        )
    return resources


def identifier_of(operation: Operation, resource: dict[str, Any]) -> str:
    """Return the id of a resource that the service has shown, else raise ServiceError."""
    identifier = resource.get("id")
    if not isinstance(identifier, str) or not identifier:
        raise ServiceError(operation, "the answer has no id", 200)
    return identifier
