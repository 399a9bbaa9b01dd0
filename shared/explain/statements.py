"""What an answer is made of: codes with parameters, so that it can be said in any language."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

NONE = "-"
"""Stands for a text that there is none of."""


class Verdict(StrEnum):
    """Why a user is not there, or that it is.

    Attributes:
        PRESENT: it is there and active.
        DISABLED: it is there, and `active` is not true.
        CHANGE_REFUSED: it is there, and the last change of it was refused.
        AMBIGUOUS: several users have what was asked for.
        NAME_TAKEN: it was refused, because another one has its userName.
        REFUSED: it was refused for another reason.
        NOT_SERVED: the service failed, or was asked too much.
        DELETED: it was deleted.
        RENAMED: it has another name now.
        SKIPPED_MEMBER: a group names what was asked for as a member, and no user has that id.
        NO_TENANT: there is no such tenant.
        TENANT_CLOSED: the tenant is closed, so nobody can be provisioned.
        TOKEN_EXPIRED: no token of the tenant is valid, with the same effect.
        NEVER_CONTACTED: no request with a valid token was ever there, as far as is kept.
        WRONG_TOKEN: none was there of late, but some with a wrong token.
        SILENT: none was there of late.
        OUT_OF_SCOPE: the identity provider was there, and nothing of the user was found.
    """

    PRESENT = "present"
    DISABLED = "disabled"
    CHANGE_REFUSED = "changeRefused"
    AMBIGUOUS = "ambiguous"
    NAME_TAKEN = "nameTaken"
    REFUSED = "refused"
    NOT_SERVED = "notServed"
    DELETED = "deleted"
    RENAMED = "renamed"
    SKIPPED_MEMBER = "skippedMember"
    NO_TENANT = "noTenant"
    TENANT_CLOSED = "tenantClosed"
    TOKEN_EXPIRED = "tokenExpired"  # noqa: S105 - a verdict
    NEVER_CONTACTED = "neverContacted"
    WRONG_TOKEN = "wrongToken"  # noqa: S105
    SILENT = "silent"
    OUT_OF_SCOPE = "outOfScope"


class Finding(StrEnum):
    """What was found, in the order in which it is told.

    Attributes:
        FOUND: a user has what was asked for.
        NOT_FOUND: nobody has it.
        SEVERAL: several have it.
        ACTIVE: the user is active.
        INACTIVE: it is not.
        DISABLED_BY: which request has made it so.
        REFUSAL: a request about the user was refused.
        OWNER: who has the name that was refused.
        DELETION: the user was deleted.
        RENAMING: the name was given up by a user who is there.
        RENAMING_OF_GONE: it was given up by one who is not there any more.
        PASSED_OVER: what was asked for was named as a member, and passed over.
        LAST_CHANGE: when the user was changed last.
        CONTACT: when the identity provider was there last.
        NO_CONTACT: it was not, as far as is kept.
        WRONG_TOKENS: requests with a wrong token came to the tenant's address.
        TOKEN_VALID: a token of the tenant is valid, and the newest has no end.
        TOKEN_VALID_UNTIL: one is valid, and the newest has an end.
        TOKEN_NOT_VALID: none is.
        CLOSED: the tenant is closed.
        ABSENT: there is no such tenant.
        TOKEN_UNKNOWN: whether one is valid could not be told.
        LEFT_OUT: the log does not have all refusals.
        LOG_EMPTY: the log has no entries.
        LOG_BOUND: back to when the log was read.
        HISTORY_BOUND: back to when changes were read.
    """

    FOUND = "found"
    NOT_FOUND = "notFound"
    SEVERAL = "several"
    ACTIVE = "active"
    INACTIVE = "inactive"
    DISABLED_BY = "disabledBy"
    REFUSAL = "refusal"
    OWNER = "owner"
    DELETION = "deletion"
    RENAMING = "renaming"
    RENAMING_OF_GONE = "renamingOfGone"
    PASSED_OVER = "passedOver"
    LAST_CHANGE = "lastChange"
    CONTACT = "contact"
    NO_CONTACT = "noContact"
    WRONG_TOKENS = "wrongTokens"
    TOKEN_VALID = "tokenValid"  # noqa: S105 - a finding, as those below
    TOKEN_VALID_UNTIL = "tokenValidUntil"  # noqa: S105
    TOKEN_NOT_VALID = "tokenNotValid"  # noqa: S105
    CLOSED = "closed"
    ABSENT = "absent"
    TOKEN_UNKNOWN = "tokenUnknown"  # noqa: S105
    LEFT_OUT = "leftOut"
    LOG_EMPTY = "logEmpty"
    LOG_BOUND = "logBound"
    HISTORY_BOUND = "historyBound"


Parameters = Mapping[str, str | int]
"""What a text has in its places: ids, names, times (RFC 3339, UTC), numbers."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of an answer.

    Attributes:
        code: which text of a catalogue it is.
        parameters: what stands in its places.
    """

    code: Finding
    parameters: Parameters = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Explanation:
    """An answer.

    Attributes:
        asked: what was asked for.
        tenant: where.
        time: when, in POSIX milliseconds.
        verdict: why the user is not there.
        findings: what the verdict rests on, in the order of `Finding`.
        requests: ids of the requests that the findings speak of, the newest first.
    """

    asked: str
    tenant: str
    time: int
    verdict: Verdict
    findings: tuple[Statement, ...]
    requests: tuple[str, ...]

    def without_names(self) -> "Explanation":
        """Take out what names people, but for what was asked for; ids and times stay.

        Of what was answered, all that stands in quotation marks is taken out: it may quote a value.
        """
        shown = {self.asked.casefold(), NONE}

        def kept(name: str, value: str | int) -> str | int:
            if name == "detail":
                return _QUOTED.sub(_NOT_SHOWN, str(value))
            is_hidden = name in _PERSONAL and str(value).casefold() not in shown
            return _NOT_SHOWN if is_hidden else value

        def hidden(each: Statement) -> Statement:
            parameters = {name: kept(name, value) for name, value in each.parameters.items()}
            return replace(each, parameters=parameters)

        return replace(self, findings=tuple(map(hidden, self.findings)))


_QUOTED = re.compile(r"""(?s)['"].*['"]""")
_PERSONAL = frozenset({"userName", "externalId"})
_NOT_SHOWN = "(…)"
