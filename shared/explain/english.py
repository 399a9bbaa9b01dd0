"""The texts of an answer in English, for the operator and for the customer's administrator."""

from dataclasses import replace

from shared.explain.statements import Finding, Verdict
from shared.explain.text_catalogue import TextCatalogue

ENGLISH = TextCatalogue(
    answers={
        Verdict.PRESENT: "The user is there and active.",
        Verdict.DISABLED: "The user is there and disabled: active is not true.",
        Verdict.CHANGE_REFUSED: "The user is there, but the last change of it was refused.",
        Verdict.AMBIGUOUS: "Several users have that value.",
        Verdict.NAME_TAKEN: "The identity provider was refused: another user has the userName.",
        Verdict.REFUSED: "The identity provider tried, and was refused.",
        Verdict.NOT_SERVED: "The service could not serve the last request about the user.",
        Verdict.DELETED: "The user was deleted.",
        Verdict.RENAMED: "The user is there under another name.",
        Verdict.SKIPPED_MEMBER: "A group names this as the id of a member, and no user has it.",
        Verdict.NO_TENANT: "There is no such tenant.",
        Verdict.TENANT_CLOSED: "The tenant is closed: every request of it is answered 401.",
        Verdict.TOKEN_EXPIRED: "No token of the tenant is valid: every request is answered 401.",
        Verdict.NEVER_CONTACTED: "No request of the identity provider with a valid token was"
        " found.",
        Verdict.WRONG_TOKEN: "Requests come to the tenant, and their token is wrong.",
        Verdict.SILENT: "No request of the identity provider with a valid token was found of the"
        " last day.",
        Verdict.OUT_OF_SCOPE: "The identity provider comes, and no change and no refused request"
        " was found that names this user. A search that finds nobody, and a body that cannot be"
        " read, leave no name there.",
    },
    remedies={
        Verdict.PRESENT: "If the product does not show the user, look at the product's own copy:"
        " it may be behind the feed of events. If a group is missing, see whether the group was"
        " provisioned.",
        Verdict.DISABLED: "If that is wrong, assign the user to the application at the identity"
        " provider, or enable the account there, and provision the user on demand. Nothing need be"
        " done here.",
        Verdict.CHANGE_REFUSED: "Correct at the identity provider what the refusal names, and"
        " provision the user on demand.",
        Verdict.AMBIGUOUS: "Ask again with the id of the user who is meant.",
        Verdict.NAME_TAKEN: "Find out who the owner of the name is. If it is the same person, have"
        " the identity provider match by userName, so that it takes the user over; if not, change"
        " the userName of one of the two at the identity provider.",
        Verdict.REFUSED: "Correct at the identity provider what the refusal names: the value, or"
        " the mapping that sends it. Then provision the user on demand.",
        Verdict.NOT_SERVED: "Provision the user on demand, or wait for the next cycle: the identity"
        " provider sends it again. If it fails again, look for the request in the log of the app.",
        Verdict.DELETED: "If that is wrong, assign the user to the application at the identity"
        " provider again: it creates the user anew, with another id. Look at the scope and the"
        " filters of provisioning.",
        Verdict.RENAMED: "Ask for the new name. If the rename is wrong, correct it at the identity"
        " provider.",
        Verdict.SKIPPED_MEMBER: "Have the identity provider provision the user, then the group"
        " again: restart provisioning, so that it forgets the old id. A member is named by the id"
        " that this service has given the user, and by no other value.",
        Verdict.NO_TENANT: "Look the name of the tenant up: `python -m tools.admin tenant list`.",
        Verdict.TENANT_CLOSED: "If the tenant is to be open, draw a token for it:"
        " `python -m tools.admin token rotate`, and give it to the customer.",
        Verdict.TOKEN_EXPIRED: "Draw a new token: `python -m tools.admin token rotate`. The"
        " customer puts it into the identity provider as the secret token.",
        Verdict.NEVER_CONTACTED: "Have the customer test the connection and start provisioning. If"
        " it runs there, it sends another token or to another address: what comes without a valid"
        " token is in the log of the app alone, with the status 401.",
        Verdict.WRONG_TOKEN: "Have the customer put the current token into the identity provider as"
        " the secret token, and test the connection: an old one may have expired, or belong to"
        " another tenant. The requests may be those of strangers, too.",
        Verdict.SILENT: "Have the customer look whether provisioning is stopped or in quarantine at"
        " the identity provider. If it runs, it sends another token or to another address: what"
        " comes without a valid token is in the log of the app alone, with the status 401.",
        Verdict.OUT_OF_SCOPE: "Look at the identity provider whether the user is assigned to the"
        " application and within the scoping filters, and provision the user on demand. If the"
        " identity provider passes the user over, it tells why there; if it sends the user and is"
        " refused, ask here again.",
    },
    findings={
        Finding.FOUND: "The user {userName} has the id {id}[ and the externalId {externalId}], and"
        " was created at {created}.",
        Finding.NOT_FOUND: "No user has {asked} as id, userName, externalId or e-mail address.",
        Finding.SEVERAL: "Several users have {asked}, among them {ids}.",
        Finding.ACTIVE: "The user is active.",
        Finding.INACTIVE: "The user is not active.",
        Finding.DISABLED_BY: "It was disabled at {time}[ by {method}] with {token}, request"
        " {request}.",
        Finding.REFUSAL: "At {time} {method} was answered {status}[ {scimType}][ at {path}]:"
        " {detail}[ It sent the userName {userName} and the externalId {externalId}.| It sent the"
        " userName {userName}.| It sent the externalId {externalId}.] Request {request}[, of the"
        " client {clientRequest}].",
        Finding.OWNER: "The userName belongs to the user {id}[ with the externalId {externalId}],"
        " created at {created}.",
        Finding.DELETION: "The user {id} was deleted at {time}[ by {method}] with {token}, request"
        " {request}.",
        Finding.RENAMING: "The user {id} gave the name up at {time}[ by {method}] with {token},"
        " request {request}, and is called {userName} now.",
        Finding.RENAMING_OF_GONE: "The user {id} gave the name up at {time}[ by {method}] with"
        " {token}, request {request}, and is not there any more.",
        Finding.PASSED_OVER: "At {time} the group {group} named it as the id of a member, and it"
        " was passed over, request {request}.",
        Finding.LAST_CHANGE: "The user was changed last at {time}[ by {method}] with {token},"
        " request {request}.",
        Finding.CONTACT: "The identity provider was there last at {time}, or up to an hour later.",
        Finding.NO_CONTACT: "The identity provider was not there, as far as is kept.",
        Finding.WRONG_TOKENS: "Requests to the tenant that an instance has refused for a wrong"
        " token since it began: {number}, the last one at {time}.",
        Finding.TOKEN_VALID: "A token of the tenant is valid; the newest has no end.",
        Finding.TOKEN_VALID_UNTIL: "A token of the tenant is valid; the newest ends at {time}.",
        Finding.TOKEN_NOT_VALID: "No token of the tenant is valid at present.",
        Finding.CLOSED: "The newest token of the tenant is disabled, which closes the tenant.",
        Finding.ABSENT: "The vault has no token of the tenant.",
        Finding.TOKEN_UNKNOWN: "Whether a token is valid was not looked at.",
        Finding.LEFT_OUT: "Requests that the provisioning log does not have, because there were too"
        " many in a minute: {number}. The user may have been among them.",
        Finding.LOG_EMPTY: "The provisioning log has no entries.",
        Finding.LOG_BOUND: "All entries of the provisioning log since {time} were looked at.",
        Finding.HISTORY_BOUND: "All changes since {time} that are kept were looked at.",
    },
    headings={
        "question": "Why is {asked} not there (tenant {tenant}, asked at {time})?",
        "found": "What was found:",
        "remedy": "What to do:",
        "requests": "Requests: {requests}",
    },
)

ENGLISH_FOR_CUSTOMER = replace(
    ENGLISH,
    remedies={
        **ENGLISH.remedies,
        Verdict.NOT_SERVED: "Provision the user on demand, or wait for the next cycle: the identity"
        " provider sends it again. If it fails again, give the block below to the vendor of the"
        " product.",
        Verdict.NO_TENANT: "Give the block below to the vendor of the product.",
        Verdict.TENANT_CLOSED: "The vendor of the product has closed it. Ask there to have it"
        " opened again.",
        Verdict.TOKEN_EXPIRED: "Draw a new token on the page Connect, or ask the vendor of the"
        " product for one, and put it into your identity provider as the secret token.",
        Verdict.NEVER_CONTACTED: "Test the connection at your identity provider and start"
        " provisioning there. If it runs there, it sends another token or to another address:"
        " compare both with the page Connect.",
        Verdict.WRONG_TOKEN: "Put the current token into your identity provider as the secret"
        " token, and test the connection there: an old one may have expired, or belong to another"
        " address. The requests may be those of strangers, too.",
        Verdict.SILENT: "Look whether provisioning is stopped or in quarantine at your identity"
        " provider. If it runs there, it sends another token or to another address: compare both"
        " with the page Connect.",
    },
)
"""Without the operator's tools, and for somebody who can change the identity provider."""
