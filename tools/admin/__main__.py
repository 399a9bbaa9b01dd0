"""`python -m tools.admin`: operate the service from the command line."""

from tools.admin.commands import (
    apikey,
    client,
    guard,
    link,
    resource,
    signing_key,
    storage,
    tenant,
    token,
    trace,
    webhook,
)
from tools.admin.commands.change import changes
from tools.admin.commands.log import log
from tools.admin.commands.options import EXIT_STATUS
from tools.admin.commands.whoami import whoami
from tools.admin.commands.why import why
from tools.command_line import App

app = App(no_args_is_help=True, epilog=EXIT_STATUS)
app.add_typer(token.app, name="token", help="Draw, rotate, revoke and list the tokens of a tenant.")
app.add_typer(apikey.app, name="apikey", help="Draw, rotate, revoke and list API keys.")
app.add_typer(client.app, name="client", help="Make, rotate, revoke and list OAuth clients.")
app.add_typer(
    signing_key.app, name="signing-key", help="Draw, rotate, revoke and list signing keys."
)
app.add_typer(guard.app, name="guard", help="Show, release and undo removals that are held.")
app.add_typer(link.app, name="link", help="Make, list and revoke setup links of the portal.")
app.add_typer(trace.app, name="trace", help="Open, close and read traces: requests with values.")
app.add_typer(
    webhook.app, name="webhook", help="Create, pause and rotate webhook endpoints; redeliver."
)
app.add_typer(
    tenant.app, name="tenant", help="List the tenants; what each holds, and how it is set."
)
app.add_typer(resource.users, name="user", help="Show a user.")
app.add_typer(resource.groups, name="group", help="Show a group.")
app.add_typer(storage.app, name="storage", help="Check the storage.")
app.command(epilog=EXIT_STATUS)(changes)
app.command(epilog=EXIT_STATUS)(log)
app.command(epilog=EXIT_STATUS)(why)
app.command(epilog=EXIT_STATUS)(whoami)


@app.callback()
def main() -> None:
    """Operate the SCIM service: tenants and their tokens, users, groups and what changed.

    It works with your own sign-in (`az login`) on the vault and the storage that --vault and
    --storage name, or KEY_VAULT_URL and TABLE_ENDPOINT in the environment: the same names as the
    settings of the service. Without them it works on the service of this machine (`make run`).
    `whoami` tells what you have access to and how to get what is missing.

    Tokens, API keys and secrets of webhooks are written to Key Vault and printed once, and so are
    setup links, of which the table keeps a digest. They are never taken from the command line,
    shown again, or logged. Users, groups and memberships are read; `guard undo` alone enables users
    again. `tenant set` writes the settings of a tenant, `webhook` the endpoints, `trace` opens and
    closes traces, and what `storage verify` writes and removes belongs to no tenant.
    """


if __name__ == "__main__":
    app.run("python -m tools.admin")
