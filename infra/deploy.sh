#!/bin/sh
# Deploys the service and connects it: resource group, infrastructure, code, secret token, check.
# Every step finds out what is there already, so the same command deploys, upgrades, and goes on
# where an earlier run was interrupted.

script=infra/deploy.sh
infra=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
# shellcheck source=infra/azure.sh
. "$infra/azure.sh"

usage() {
  cat <<'USAGE'
usage: infra/deploy.sh --resource-group NAME [--location REGION] [options]

Deploys the service into a resource group, draws its first secret token into Key Vault if there is
none, checks the live service, and shows what to paste into Microsoft Entra ID. Run it again to
upgrade, or after an interruption.

  -g, --resource-group NAME  resource group; made if there is none of that name
  -l, --location REGION      its region, as in `az account list-locations`; needed to make it
  -e, --environment NAME     parameters of infra/NAME.bicepparam: dev (default) or prod
  -p, --parameters FILE      parameters of a file of your own, .bicepparam or .json, instead
      --package FILE         a package that infra/package_app.py has made (default: made now)
      --alert-email ADDRESS  address that alerts are mailed to (default SCIM_ALERT_EMAIL, or yours)
      --token-officer ID     object id of the user or group that may set secret tokens (default
                             SCIM_TOKEN_OFFICER_ID, or yours)
  -s, --subscription ID      subscription, by name or id; that of `az account show` otherwise
      --update-strategy NAME what this update and later ones do to instances that run: Recreate or
                             RollingUpdate (default: what the app has, at first Recreate)
      --token-days DAYS      how long a token that is drawn opens the service (default 365)
      --show-token           show the secret token at the end
      --what-if              show what would change, and change nothing
  -h, --help                 show this

Alerts are also posted to the address in SCIM_ALERT_WEBHOOK, if it is set. It is no option, because
such an address often holds a secret.
USAGE
}

parse() {
  group="" location="" environment="" parameters="" package="" strategy="" token_days=365 show_token="" what_if=""
  alert_email=${SCIM_ALERT_EMAIL-} token_officer=${SCIM_TOKEN_OFFICER_ID-}
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) usage && exit 0 ;;
      --show-token) show_token=yes && shift && continue ;;
      --what-if) what_if=yes && shift && continue ;;
      -[glesp] | --resource-group | --location | --environment | --parameters | --subscription) ;;
      --package | --alert-email | --token-officer | --update-strategy | --token-days) ;;
      *) refuse "unknown argument $1" ;;
    esac
    case ${2-} in '' | -*) refuse "$1 needs a value" ;; esac
    case $1 in
      -g | --resource-group) group=$2 ;;
      -l | --location) location=$2 ;;
      -e | --environment) environment=$2 ;;
      -p | --parameters) parameters=$2 ;;
      --package) package=$2 ;;
      --alert-email) alert_email=$2 ;;
      --token-officer) token_officer=$2 ;;
      -s | --subscription) subscription=$2 ;;
      --update-strategy) strategy=$2 ;;
      --token-days) token_days=$2 ;;
    esac
    shift 2
  done
}

check_arguments() {
  check_group_name
  case $token_days in
    *[!0-9]* | 0* | ?????*) refuse "--token-days must be a number of days from 1 to 9999, not \"$token_days\"" ;;
  esac
  case $strategy in
    '' | Recreate | RollingUpdate) ;;
    *) refuse "--update-strategy must be Recreate or RollingUpdate, not \"$strategy\"" ;;
  esac
  [ -z "$environment" ] || [ -z "$parameters" ] ||
    refuse "--environment and --parameters exclude each other"
  shown=${parameters:-infra/${environment:-dev}.bicepparam}
  parameters=${parameters:-$infra/${environment:-dev}.bicepparam}
  case $parameters in
    *.bicepparam) parameter_argument=$parameters ;;
    *.json) parameter_argument=@$parameters ;;
    *) refuse "--parameters must name a .bicepparam or .json file, not \"$parameters\"" ;;
  esac
  [ -r "$parameters" ] || fail "there is no parameter file $shown"
  name_deployment
  [ -z "$package" ] || [ -r "$package" ] || fail "there is no package $package"
}

# After the parameters, so that two environments in one group do not overwrite each other's outputs,
# nor the nested deployments, whose names Bicep derives from this one.
name_deployment() {
  deployment=${parameters##*/}
  deployment=${deployment%.*}
  deployment=scim-$(printf '%s' "$deployment" | LC_ALL=C tr -c 'A-Za-z0-9._-' '-' | LC_ALL=C cut -c 1-50)
}

find_group() {
  exists=$(group_exists) || exit
  if [ "$exists" = true ]; then
    found=$(azure group show --name "$group" --query location --output tsv) ||
      fail "az cannot read the resource group $group: $(az_said)"
    [ -z "$location" ] || [ "$(region "$location")" = "$(region "$found")" ] ||
      fail "the resource group $group is in $found, not in $location: leave --location out, or name another group"
    location=$found
  else
    [ -n "$location" ] || refuse "there is no resource group $group; --location is needed to make it"
  fi
}

# "West Europe" and westeurope are the same region.
region() {
  echo "$1" | tr -d ' ' | tr '[:upper:]' '[:lower:]'
}

# What the parameter files of infra/ read from the environment. Whoever deploys is the one to set
# the first token and to hear of alerts, unless somebody else is named.
name_people() {
  if [ -z "$token_officer" ] && [ "$account_type" = user ] && parameters_read SCIM_TOKEN_OFFICER_ID; then
    token_officer=$(azure_directory ad signed-in-user show --query id --output tsv) ||
      fail "az cannot look up $account_user: name who may set secret tokens with --token-officer: $(az_said)"
  fi
  if parameters_read SCIM_ALERT_EMAIL; then
    [ -n "$alert_email" ] || alert_email=$(address_of "$account_user")
    [ -n "$alert_email" ] || refuse "--alert-email is missing"
    say "Alerts" "mailed to $alert_email"
  fi
  export SCIM_ALERT_EMAIL="$alert_email" SCIM_TOKEN_OFFICER_ID="$token_officer"
}

parameters_read() {
  grep -q -e "$1" "$parameters"
}

# A pipeline has an id for a name, which nobody can be written to.
address_of() {
  case $1 in *?@?*) echo "$1" ;; esac
}

# Only what is not there: making a group again would take its tags away.
have_group() {
  if [ "$exists" = true ]; then
    say "Resource group" "$group in $location"
  else
    make_group "$group" "$location"
  fi
}

show_what_would_change() {
  if [ "$exists" != true ]; then
    say "What if" "the resource group $group would be made in $location, and in it what infra/main.bicep lists with $shown"
    return
  fi
  azure deployment group what-if --resource-group "$group" --name "$deployment" \
    --template-file "$infra/main.bicep" --parameters "$parameter_argument" ||
    explain_deployment "az cannot tell what would change"
}

create_deployment() {
  azure deployment group create --resource-group "$group" --name "$deployment" \
    --template-file "$infra/main.bicep" --parameters "$parameter_argument" \
    --query properties.outputs --output json >"$work/outputs"
}

deploy_infrastructure() {
  say "Infrastructure" "deploying infra/main.bicep with $shown; this takes some minutes"
  if ! create_deployment; then
    make_way_for_deployment
    create_deployment || explain_deployment "the infrastructure could not be deployed"
  fi
  function_app=$(output functionAppName) && key_vault=$(output keyVaultName) &&
    tenant_url=$(output tenantUrl) || exit 1
}

# Two refusals have a remedy: an interrupted run goes on in Azure, and a vault that was deleted with
# its group keeps its name until it is recovered.
make_way_for_deployment() {
  if az_spoke_of DeploymentActive; then
    say "Infrastructure" "an earlier deployment is still under way; waiting for its end"
    # It may end in failure, which is no reason not to try again.
    azure deployment group wait --resource-group "$group" --name "$deployment" --created \
      --interval 10 --timeout 1800 --output none || :
  elif az_spoke_of 'vault.*deleted state'; then
    list_deleted_vaults "$group"
    [ -s "$work/vaults" ] || fail "a deleted vault of another resource group has the name that is wanted here; its name is free when its retention ends, see az keyvault list-deleted"
    recover_vaults
  else
    explain_deployment "the infrastructure could not be deployed"
  fi
}

# What Azure and Bicep say of these does not say what to do.
explain_deployment() {
  if az_spoke_of 'Error BCP'; then
    fail "$1: Bicep does not compile it; if az bicep version is older than 0.34.1, run az bicep upgrade: $(az_said)"
  elif az_spoke_of RoleAssignmentExists; then
    fail "$1, because an earlier version, or a person, has given the app its roles under other names: remove them, as docs/operate.md says (Deploy, upgrade, roll back), then run the same command again: $(az_said)"
  fi
  fail "$1: $(az_said)"
}

# Not by the template: no type of Bicep names the strategy yet, and a property without one is not checked.
set_update_strategy() {
  [ -n "$strategy" ] || return 0
  azure functionapp update-strategy config set --resource-group "$group" --name "$function_app" \
    --type "$strategy" --output none || fail "the strategy of updates could not be set: $(az_said)"
  say "Updates" "$strategy, from this deployment of the code on"
}

output() {
  python "$infra/answers.py" output "$1" <"$work/outputs" ||
    fail "the deployment has no output $1: is infra/main.bicep that of this version?"
}

parse "$@"
check_arguments
need az
need_python
[ -n "$what_if" ] || need curl
make_work_folder
need_az_version
need_login
say "Subscription" "$account_name ($account_id)"
find_group
name_people
if [ -n "$what_if" ]; then
  show_what_would_change
  exit 0
fi
# First what needs nothing of Azure and may fail here.
[ -n "$package" ] || pack_app
have_group
deploy_infrastructure
set_update_strategy
# From here on the scripts that are called say it.
interrupted() { exit "$1"; }
sh "$infra/publish.sh" --resource-group "$group" --function-app "$function_app" \
  --package "$package" ${subscription:+--subscription "$subscription"} || exit
sh "$infra/connect.sh" --key-vault "$key_vault" --tenant-url "$tenant_url" \
  --token-days "$token_days" ${show_token:+--show-token} ${subscription:+--subscription "$subscription"}
