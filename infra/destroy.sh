#!/bin/sh
# Removes a deployment: its resource group and all that is in it, after a confirmation.

script=infra/destroy.sh
infra=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
# shellcheck source=infra/azure.sh
. "$infra/azure.sh"

usage() {
  cat <<'USAGE'
usage: infra/destroy.sh --resource-group NAME [--yes] [--subscription ID]

Deletes the resource group with everything in it, identities included, once you have typed its name.
A vault stays behind, deleted but recoverable, until its retention ends, and the logs for 14 days.

  -g, --resource-group NAME  resource group to delete
  -y, --yes                  do not ask
  -s, --subscription ID      subscription, by name or id; that of `az account show` otherwise
  -h, --help                 show this
USAGE
}

parse() {
  group="" yes=""
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) usage && exit 0 ;;
      -y | --yes) yes=yes && shift && continue ;;
      -[gs] | --resource-group | --subscription) ;;
      *) refuse "unknown argument $1" ;;
    esac
    case ${2-} in '' | -*) refuse "$1 needs a value" ;; esac
    case $1 in
      -g | --resource-group) group=$2 ;;
      -s | --subscription) subscription=$2 ;;
    esac
    shift 2
  done
  check_group_name
}

leave_if_gone() {
  exists=$(group_exists) || exit
  [ "$exists" != true ] || return 0
  say "Resource group" "there is none named $group; nothing was removed"
  exit 0
}

refuse_locked() {
  azure lock list --resource-group "$group" --query '[].id' --output tsv >"$work/locks" ||
    fail "az cannot list the locks of $group: $(az_said)"
  [ ! -s "$work/locks" ] || fail "$group is locked against deletion, and nothing was removed; to lift the lock:" \
    "az lock delete --ids$(while read -r id; do printf ' "%s"' "$id"; done <"$work/locks")"
}

show_loss() {
  azure resource list --resource-group "$group" --query '[].[type, name]' --output tsv \
    >"$work/resources" || fail "az cannot list what is in $group: $(az_said)"
  say "Subscription" "$account_name ($account_id)"
  say "Resource group" "$group will be deleted with everything in it:"
  while read -r type name; do
    printf '  %s  %s\n' "$name" "$type"
  done <"$work/resources"
  echo "Lost for good: every identity (users, groups, memberships) and their history."
  echo "Not lost yet: a Key Vault with purge protection. It stays deleted but recoverable, tokens"
  echo "included, until its retention ends, and nobody can take its name before; deploy.sh recovers it."
  echo "Nor a workspace: it can be recovered with its logs for 14 days, by az monitor log-analytics"
  echo "workspace recover or a deployment of its name. To be rid of the logs at once, run before"
  echo "az monitor log-analytics workspace delete --force."
}

confirm() {
  [ -z "$yes" ] || return 0
  printf 'Type the name of the resource group to delete it: '
  read -r typed || typed=""
  [ "$typed" = "$group" ] || fail "that is not $group; nothing was removed"
}

delete_group() {
  say "Resource group" "deleting $group; this takes some minutes"
  azure group delete --name "$group" --yes --output none || {
    az_spoke_of ScopeLocked && fail "a lock above or in $group bars the deletion; see az lock list, and az lock delete --ids: $(az_said)"
    fail "$group could not be deleted: $(az_said)"
  }
  say "Resource group" "$group is deleted"
}

parse "$@"
need az
make_work_folder
need_login
leave_if_gone
refuse_locked
show_loss
confirm
delete_group
