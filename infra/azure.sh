# shellcheck shell=sh
# What the scripts of this folder share: how they call az, fail, and leave nothing behind.
# Sourced, not run. The script that sources it sets `script`, its own name.

set -u
script=${script:?}
subscription=""
work=""

fail() {
  echo "error: $*" >&2
  exit 1
}

refuse() {
  echo "error: $*; $script --help shows what it takes" >&2
  exit 2
}

say() {
  printf '%-17s %s\n' "$1:" "$2"
}

# Everything temporary lies in one folder that only this user can read, gone however the script ends.
make_work_folder() {
  umask 077
  work=$(mktemp -d) || fail "no temporary folder can be made"
  trap 'leave $?' EXIT
  trap 'interrupted 129' HUP
  trap 'interrupted 130' INT
  trap 'interrupted 143' TERM
}

leave() {
  trap - EXIT
  trap '' HUP INT TERM
  before_leaving
  rm -rf "$work"
  exit "$1"
}

# A script that has more to undo defines its own.
before_leaving() { :; }

interrupted() {
  echo "interrupted: run the same command again, it takes up what is left" >&2
  exit "$1"
}

need() {
  for tool in "$@"; do
    command -v "$tool" >/dev/null 2>&1 || case $tool in
      az) fail "az is missing: install the Azure CLI, https://learn.microsoft.com/cli/azure" ;;
      *) fail "$tool is missing: install it" ;;
    esac
  done
}

# Parameter files in Bicep need the older of the two
# (https://learn.microsoft.com/azure/azure-resource-manager/bicep/parameter-files). With the newer one
# every command was checked.
oldest_az=2.47.0
checked_az=2.91.0

# Not by azure, because a version is no matter of a subscription.
need_az_version() {
  installed=$(az version --query '"azure-cli"' --output tsv --only-show-errors \
    </dev/null 2>"$work/az-said") || fail "az does not tell its version: $(az_said)"
  is_at_least "$installed" "$oldest_az" ||
    fail "az is $installed, and $oldest_az or newer is needed: run az upgrade"
  is_at_least "$installed" "$checked_az" ||
    say "Azure CLI" "$installed is older than $checked_az, with which this was checked; if az refuses a command, run az upgrade"
}

is_at_least() {
  python -c "$compare_versions" "$1" "$2"
}

compare_versions='
import re, sys
this, that = ([int(part) for part in re.findall("[0-9]+", text)[:3]] for text in sys.argv[1:])
sys.exit(this < that)'

# A name on PATH is not enough: shims of pyenv and of Windows are there without a Python behind them.
need_python() {
  need python3
  python -c 'import sys; sys.exit(sys.version_info < (3, 9))' >/dev/null 2>&1 ||
    fail "python3 does not run, or is older than 3.9: install a newer one"
}

# Isolated: what PYTHONPATH and the folder of the person's own packages hold is not run.
python() {
  python3 -I "$@"
}

# Runs az so that it asks nothing; what it says of an error goes to a file, for az_said.
azure() {
  azure_directory "$@" ${subscription:+--subscription "$subscription"}
}

# The same without a subscription, which the commands of `az ad` do not take.
azure_directory() {
  az "$@" --only-show-errors </dev/null 2>"$work/az-said"
}

# Errors of az run over many lines; here they are one.
az_said() {
  said=$(LC_ALL=C tr -s '[:space:]' ' ' <"$work/az-said" | LC_ALL=C cut -c 1-1500)
  said=${said#ERROR: }
  said=${said% }
  echo "${said:-az said nothing about it}"
}

az_spoke_of() {
  LC_ALL=C grep -q -i -e "$1" "$work/az-said"
}

# shellcheck disable=SC2034 # the scripts name the account in what they say
need_login() {
  azure account show --query '[name, id, user.name, user.type]' --output tsv >"$work/account" || {
    az_spoke_of 'az login' && fail "az is not logged in: run az login"
    fail "az cannot use the subscription: $(az_said)"
  }
  { read -r account_name && read -r account_id && read -r account_user && read -r account_type; } \
    <"$work/account" || fail "az account show named no subscription: run az login"
}

# Packs the app and names the file in $package.
pack_app() {
  package=$work/app.zip
  say "Code" "packing the app and what it needs"
  packed=$(python "${infra:?}/package_app.py" "$package") || exit 1
  say "Code" "$packed"
}

# Names the vaults of a group that were deleted, each with its region, in $work/vaults.
list_deleted_vaults() {
  azure keyvault list-deleted --resource-type vault --output tsv \
    --query "[?contains(properties.vaultId, '/resourceGroups/$1/')].[name, properties.location]" >"$work/vaults" ||
    fail "az cannot list the vaults that were deleted: $(az_said)"
}

recover_vaults() {
  while read -r vault _; do
    say "Key Vault" "recovering $vault, which was deleted"
    azure keyvault recover --name "$vault" --output none ||
      fail "the deleted vault $vault could not be recovered: $(az_said)"
  done <"$work/vaults"
}

make_group() {
  azure group create --name "$1" --location "$2" --output none ||
    fail "the resource group $1 could not be made: $(az_said)"
  say "Resource group" "$1 in $2, made"
}

# The option --resource-group, which the scripts read into group.
check_group_name() {
  [ -n "$group" ] || refuse "--resource-group is missing"
  is_resource_group_name "$group" || refuse "\"$group\" is no name of a resource group"
}

# Prints whether it is there: true or false.
group_exists() {
  azure group exists --name "$group" --output tsv ||
    fail "az cannot look for the resource group $group: $(az_said)"
}

is_resource_group_name() {
  case $1 in
    '' | *[!A-Za-z0-9._\(\)-]* | *.) return 1 ;;
  esac
  [ "${#1}" -le 90 ]
}
