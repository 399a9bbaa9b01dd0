"""The routes of OAuth: the token endpoint below the Tenant URL, its documents in two places."""

from shared.web.routes import ROOTS, Route

_DOCUMENTS = ("oauth-authorization-server", "oauth-protected-resource")

# The names of these routes sort before those of custom types, which take any path of their form.
TOKEN_ROUTES = (
    Route("oauth2_token", "oauth2/token"),
    # Below the Tenant URL, as OpenID Connect would have it: a gateway that hides the app passes it
    # on. Many clients ask here alone.
    *(
        Route(f"well_known_{document.replace('-', '_')}", f".well-known/{document}")
        for document in _DOCUMENTS
    ),
    # Where RFC 8414 section 3.1 and RFC 9728 section 3.1 put them: before the path of the address.
    *(
        Route(
            f"{prefix}inserted_{document.replace('-', '_')}",
            f".well-known/{document}/{root}",
            per_tenant=False,
        )
        for document in _DOCUMENTS
        for prefix, root in ROOTS.items()
    ),
)
