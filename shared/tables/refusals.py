"""Why the storage does not serve: what its answers mean to the operator, and what to change.

The answers are those of the Table service, as docs/infrastructure.md lists them. They name neither
the account nor the identity, so that they may be shown to whoever asks whether the service is well.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from shared.tables.client import StorageError

ROLE = "Storage Table Data Contributor"
"""The role by which the service reads and writes its table."""


class Refusal(StrEnum):
    """What is in the way.

    Attributes:
        NO_IDENTITY: the service got no access token.
        NOT_AUTHENTICATED: the storage does not take the token, or the key.
        NO_ROLE: the identity may not even read.
        READ_ONLY: it may read, and not write.
        NETWORK: the account takes no calls from where the service is.
        NO_ACCOUNT: there is no Table service at the address.
        NO_TABLE: there is no table, and the service may not create it.
        BUSY: the storage throttles.
        NO_ANSWER: nothing answered in time, or nothing that could be read.
        OTHER: anything else.
    """

    NO_IDENTITY = "noIdentity"
    NOT_AUTHENTICATED = "notAuthenticated"
    NO_ROLE = "noRole"
    READ_ONLY = "readOnly"
    NETWORK = "network"
    NO_ACCOUNT = "noAccount"
    NO_TABLE = "noTable"
    BUSY = "busy"
    NO_ANSWER = "noAnswer"
    OTHER = "refused"


_NEW_ROLE = "a new role takes up to 10 minutes to be in force"

_WORDS = {
    Refusal.NO_IDENTITY: (
        "The service gets no access token for the storage: AZURE_CLIENT_ID must be the client id"
        " of an identity that is assigned to the app"
    ),
    Refusal.NOT_AUTHENTICATED: (
        "The storage does not take the access token or the key of the service: TABLE_ENDPOINT must"
        " name an account in the directory of the service's identity"
    ),
    Refusal.NO_ROLE: (
        "The storage does not let the service read its table: the identity of the app needs the"
        f" role {ROLE}; {_NEW_ROLE}"
    ),
    Refusal.READ_ONLY: (
        "The storage lets the service read its table and not write to it: the identity of the app"
        f" needs the role {ROLE}, a role of a reader is not enough; {_NEW_ROLE}"
    ),
    Refusal.NETWORK: (
        "The storage takes no calls from the network of the app: its firewall or its private"
        " endpoint must let the app through"
    ),
    Refusal.NO_ACCOUNT: (
        "There is no Table service at the address of the storage: TABLE_ENDPOINT must be that of"
        " an account that exists"
    ),
    Refusal.NO_TABLE: (
        "The table does not exist and the service may not create it: TABLE_NAME must be that of"
        f" the deployment, or the identity of the app needs the role {ROLE} on the account"
    ),
    Refusal.BUSY: "The storage is busy and turns calls away; that passes",
    Refusal.NO_ANSWER: (
        "The storage does not answer: the address, the network of the app or the storage itself is"
        " at fault; on a developer's machine, Azurite is to run"
    ),
    Refusal.OTHER: "The storage refused the service",
}

_BY_CODE = {
    "AuthenticationFailed": Refusal.NOT_AUTHENTICATED,
    "InvalidAuthenticationInfo": Refusal.NOT_AUTHENTICATED,
    "AuthorizationPermissionMismatch": Refusal.NO_ROLE,
    "InsufficientAccountPermissions": Refusal.NO_ROLE,
    "AuthorizationFailure": Refusal.NETWORK,
    "ServerBusy": Refusal.BUSY,
}
_BY_STATUS = {
    401: Refusal.NOT_AUTHENTICATED,
    404: Refusal.NO_ACCOUNT,
    429: Refusal.BUSY,
}
_BY_EXCEPTION = {
    "ClientAuthenticationError": Refusal.NO_IDENTITY,
    "CredentialUnavailableError": Refusal.NO_IDENTITY,
    "ClientConnectorDNSError": Refusal.NO_ACCOUNT,
    "gaierror": Refusal.NO_ACCOUNT,
}
"""By the names of exceptions, because their modules cost time to import."""

_CODE = re.compile(r"[A-Za-z]{1,64}")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is in the way, for a program and for a person.

    Attributes:
        refusal: which of the causes it is.
        detail: the cause and what to change, with the status and the code that the storage gave.
    """

    refusal: Refusal
    detail: str


def diagnose(error: BaseException, *, can_read: bool = False) -> Diagnosis:
    """Tell why a call to the storage failed.

    Args:
        error: what the call has raised; the answer of the storage is among its causes.
        can_read: whether the same identity has just read the table.
    """
    causes = list(_causes(error))
    refusal = _refusal_of(causes, can_read=can_read)
    return Diagnosis(refusal, f"{_WORDS[refusal]}{_answer_in(causes)}.")


def _refusal_of(causes: list[BaseException], *, can_read: bool) -> Refusal:
    faults = [each for each in causes if isinstance(each, StorageError)]
    if not faults:
        return Refusal.NO_ANSWER
    if any(each.code == "TableNotFound" for each in faults):
        return Refusal.NO_TABLE
    fault = faults[0]
    refusal = _BY_CODE.get(fault.code) or _BY_STATUS.get(fault.status or 0)
    if refusal is None:
        return _refusal_without_answer(causes, fault)
    return Refusal.READ_ONLY if refusal is Refusal.NO_ROLE and can_read else refusal


def _refusal_without_answer(causes: list[BaseException], fault: StorageError) -> Refusal:
    """Tell what kept a request from the storage, or an answer of it that says nothing."""
    names = [type(each).__name__ for each in causes]
    if not fault.code or fault.code in names:
        for name in names:
            if name in _BY_EXCEPTION:
                return _BY_EXCEPTION[name]
    return Refusal.NO_ANSWER if fault.status is None else Refusal.OTHER


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what has led to it, the latest first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _answer_in(causes: list[BaseException]) -> str:
    """Write the status and the code that the storage gave; nothing else that came from outside."""
    for cause in causes:
        if isinstance(cause, StorageError) and cause.status is not None:
            code = f" {cause.code}" if _CODE.fullmatch(cause.code) else ""
            return f" (HTTP {cause.status}{code})"
    return ""
