#!/bin/sh
# Makes a deployed service ready for an identity provider: draws the first secret token if there is
# none, does with the live service what Microsoft Entra ID does first, and shows what to paste there.
# The last step of deploy.sh; on its own for those who may use the vault but not deploy.

script=infra/connect.sh
infra=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
# shellcheck source=infra/azure.sh
. "$infra/azure.sh"

secret=scim-token
# 40 times 15 s, because a new role may take 10 minutes to be in force.
tries=40
tries_left=$tries
role_tries_left=$tries
pause=15
# How many tries pass between two lines that say how long it has been waiting: a minute.
tries_a_line=4
# A fixed name, so that a run finds what an interrupted one left; .invalid is nobody's (RFC 2606).
user_name=deployment-check@scim.invalid
user_id=""
base=""

usage() {
  cat <<'USAGE'
usage: infra/connect.sh --key-vault NAME --tenant-url URL [options]

Draws the secret token of the default tenant into Key Vault if there is no valid one, checks the
live service as Microsoft Entra ID does first, and shows what to paste there. infra/deploy.sh
ends with it.

      --key-vault NAME       vault of the service, output keyVaultName of the deployment
      --tenant-url URL       output tenantUrl of the deployment
  -s, --subscription ID      subscription, by name or id; that of `az account show` otherwise
      --token-days DAYS      how long a token that is drawn opens the service (default 365)
      --show-token           show the secret token at the end
  -h, --help                 show this
USAGE
}

parse() {
  key_vault="" tenant_url="" token_days=365 show_token=""
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) usage && exit 0 ;;
      --show-token) show_token=yes && shift && continue ;;
      -s | --key-vault | --tenant-url | --subscription | --token-days) ;;
      *) refuse "unknown argument $1" ;;
    esac
    case ${2-} in '' | -*) refuse "$1 needs a value" ;; esac
    case $1 in
      --key-vault) key_vault=$2 ;;
      --tenant-url) tenant_url=$2 ;;
      -s | --subscription) subscription=$2 ;;
      --token-days) token_days=$2 ;;
    esac
    shift 2
  done
}

check_arguments() {
  [ -n "$key_vault" ] || refuse "--key-vault is missing"
  case $key_vault in
    *[!A-Za-z0-9-]*) refuse "\"$key_vault\" is no name of a vault" ;;
  esac
  case $tenant_url in
    '') refuse "--tenant-url is missing" ;;
    https://?*) tenant_url=${tenant_url%/} ;;
    *) refuse "--tenant-url must begin with https://, not \"$tenant_url\"" ;;
  esac
  case $token_days in
    *[!0-9]* | 0* | ?????*) refuse "--token-days must be a number of days from 1 to 9999, not \"$token_days\"" ;;
  esac
}

# The token goes from file to file, each readable by this user alone: it stands in no argument, so
# neither in the list of processes nor in the history of the shell, and in nothing that az prints.
find_or_draw_token() {
  until list_versions || az_spoke_of SecretNotFound; do
    wait_for_role read
  done
  if ! found=$(python "$infra/answers.py" token <"$work/versions"); then
    fail "az gave no list of the versions of $secret"
  fi
  # What it answers is words: a state, then a version, then the day on which it expires.
  # shellcheck disable=SC2086
  set -- $found
  case $1 in
    valid)
      version=$2
      say "Secret token" "there is one in $key_vault, $(until_day "$3")"
      ;;
    disabled)
      fail "the newest version of $secret is disabled, which closes the tenant: open it with" \
        "az keyvault secret set-attributes --vault-name $key_vault --name $secret --version $2 --enabled true, then run the same command again"
      ;;
    *) draw_token "$1" ;;
  esac
}

list_versions() {
  azure keyvault secret list-versions --vault-name "$key_vault" --name "$secret" --output json \
    >"$work/versions"
}

# A role that was granted a moment ago takes effect within minutes.
wait_for_role() {
  role_tries_left=$((role_tries_left - 1))
  if ! az_spoke_of Forbidden || is_outside_of_the_network || [ "$role_tries_left" -eq 0 ]; then
    explain_vault "$1"
  fi
  show_progress "Key Vault" "$role_tries_left" "$account_user may not $1 secrets yet"
  # Said at once, so that nobody waits for a role that was never granted.
  if [ $((tries - role_tries_left)) -eq 1 ] && grant=$(grant_command); then
    say "Key Vault" "unless the role is granted already: $grant"
  fi
  sleep "$pause"
}

grant_command() {
  scope=$(azure keyvault show --name "$key_vault" --query id --output tsv) || return
  echo "az role assignment create --role \"Key Vault Secrets Officer\" --assignee \"$account_user\" --scope \"$scope\""
}

# show_progress WHAT TRIES-LEFT WHY: says why it waits at first, and then once a minute.
show_progress() {
  waited=$((tries - 1 - $2))
  if [ "$waited" -eq 0 ]; then
    say "$1" "$3; trying again every $pause s for $((tries * pause / 60)) minutes, as long as a new role may take"
  elif [ $((waited % tries_a_line)) -eq 0 ]; then
    say "$1" "$3; $((waited * pause / 60)) of $((tries * pause / 60)) minutes"
  fi
}

draw_token() {
  python -c 'import secrets; print(secrets.token_urlsafe(32), end="")' >"$work/drawn" ||
    fail "python3 could not draw a token"
  expires=$(python -c "$days_from_now" "$token_days") || fail "python3 could not tell the time"
  version=$(azure keyvault secret set --vault-name "$key_vault" --name "$secret" \
    --file "$work/drawn" --encoding utf-8 --expires "$expires" --query id --output tsv) ||
    explain_vault "write"
  version=${version##*/}
  rm -f "$work/drawn"
  say "Secret token" "drawn into $key_vault, $(until_day "${expires%T*}")$(former "$1")"
}

days_from_now='
import datetime, sys
day = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=int(sys.argv[1]))
print(day.strftime("%Y-%m-%dT%H:%M:%SZ"))'

until_day() {
  [ "$1" = never ] && echo "without a day on which it expires" || echo "valid until $1"
}

former() {
  [ "$1" != expired ] || echo "; the former one had expired"
}

take_token() {
  azure keyvault secret download --vault-name "$key_vault" --name "$secret" --version "$version" \
    --encoding utf-8 --file "$work/token" --output none || explain_vault "read"
  { printf 'Authorization: Bearer ' && tr -d '\r\n' <"$work/token" && echo; } >"$work/authorization"
}

is_outside_of_the_network() {
  az_spoke_of 'ForbiddenByFirewall\|ForbiddenByConnection\|public network access is disabled'
}

explain_vault() {
  if is_outside_of_the_network; then
    fail "the vault $key_vault takes calls from its own network alone: run infra/connect.sh --key-vault $key_vault --tenant-url $tenant_url on a machine in it, which is one in the subnet operators (parameter operatorsSubnet) or one whose address operatorsPrefix names; docs/infrastructure.md, Private networking, makes one"
  elif az_spoke_of 'Forbidden'; then
    said=$(az_said)
    grant=$(grant_command) || fail "$account_user may not $1 secrets of $key_vault: $said"
    fail "$account_user may not $1 secrets of $key_vault: run $grant, wait some minutes, then run the same command again"
  fi
  fail "az could not $1 the secret $secret of $key_vault: $(az_said)"
}

# ask METHOD PATH [BODY]: asks below the Tenant URL, or below base where that is set; sets status, 000 when nothing answered; the answer lies in $work/answer.
# HTTP/1.1 because it carries the words of the status line, by which Azure's refusals are known.
ask() {
  : >"$work/answer"
  : >"$work/headers"
  status=$(curl --silent --show-error --http1.1 --proto '=https' --max-time 60 --request "$1" \
    --header "@$work/authorization" --header 'Content-Type: application/scim+json' \
    ${3:+--data-binary "$3"} --output "$work/answer" --dump-header "$work/headers" \
    --write-out '%{http_code}' "${base:-$tenant_url}$2" 2>"$work/curl-said") || status=000
}

# ask_for WHAT STATUSES METHOD PATH [BODY]: asks until the status is one of those that are wanted: a
# cold start, a new role and a new token take their time. All tries of a run together are bounded.
ask_for() {
  what=$1 wanted=$2
  shift 2
  while ask "$@"; do
    case " $wanted " in *" $status "*) return ;; esac
    ! is_closed_to_us || leave_unchecked
    tries_left=$((tries_left - 1))
    [ "$tries_left" -gt 0 ] || fail "$what failed: $(explain_status)"
    show_progress "$what" "$tries_left" "not yet ($(explain_status))"
    sleep "$pause"
  done
}

is_closed_to_us() {
  [ "$status" = 403 ] && LC_ALL=C grep -q -i '^HTTP/1.1 403 Ip Forbidden' "$work/headers"
}

leave_unchecked() {
  say "Check" "left out: the app does not take calls from here; use Test Connection in Microsoft Entra ID"
  show_values
  exit 0
}

explain_status() {
  detail=$(python "$infra/answers.py" detail <"$work/answer")
  case $status in
    000) LC_ALL=C tr -s '[:space:]' ' ' <"$work/curl-said" ;;
    401) echo "HTTP 401, the service does not know the token of $key_vault: does its setting KEY_VAULT_URL name that vault?" ;;
    404) echo "HTTP 404, no function answers at $tenant_url: see the log stream of the function app" ;;
    *) echo "HTTP $status${detail:+, $detail}" ;;
  esac
}

# What the deployment must prove is the role of the app, which no call of ours shows but this one: the
# app writes to its table by its own identity. A new role takes up to 10 minutes to be in force.
await_readiness() {
  base=${tenant_url%/scim/v2}
  ask_for "Readiness" 200 GET /readyz
  base=""
  say "Readiness" "the app reads its vault, and reads and writes its table"
}

test_connection() {
  nobody=$(python -c 'import uuid; print(uuid.uuid4())') || fail "python3 could not draw a name"
  find_user "Test Connection" "$nobody"
  [ -z "$found" ] || fail "Test Connection failed: the service found a user of a name just drawn"
  say "Test Connection" "passed"
}

find_user() {
  ask_for "$1" 200 GET "/Users?filter=userName+eq+%22$2%22"
  found=$(python "$infra/answers.py" found <"$work/answer") ||
    fail "$1 failed: what answers at $tenant_url is no SCIM service"
}

# Inactive, so that nothing behind the service takes it for a person.
check_user() {
  find_user "Throw-away user" "$user_name"
  user_id=$found
  [ -z "$user_id" ] || delete_user
  ask_for "Throw-away user" "201 409" POST /Users '{
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName": "'"$user_name"'", "displayName": "Deployment check", "active": false}'
  if [ "$status" = 201 ]; then
    user_id=$(python "$infra/answers.py" id <"$work/answer") ||
      fail "Throw-away user failed: the service answered a create without an id"
  else
    # An earlier try was carried out, and its answer was lost.
    find_user "Throw-away user" "$user_name"
    user_id=$found
  fi
  [ -z "$user_id" ] || delete_user
  say "Throw-away user" "created and deleted"
}

delete_user() {
  ask_for "Throw-away user" "204 404" DELETE "/Users/$user_id"
  user_id=""
}

before_leaving() {
  [ -z "$user_id" ] || ask DELETE "/Users/$user_id"
}

# The token goes by way of tr alone: not every shell prints without another process.
show_values() {
  printf '\nPaste into Microsoft Entra ID, Provisioning, Admin Credentials:\n'
  say "Tenant URL" "$tenant_url"
  if [ -n "$show_token" ]; then
    printf '%-17s ' "Secret Token:"
    tr -d '\r\n' <"$work/token"
    echo
  else
    say "Secret Token" "az keyvault secret show --vault-name $key_vault --name $secret --version $version --query value --output tsv${subscription:+ --subscription \"$subscription\"}"
  fi
}

parse "$@"
check_arguments
need az curl
need_python
make_work_folder
need_login
find_or_draw_token
take_token
await_readiness
test_connection
check_user
show_values
