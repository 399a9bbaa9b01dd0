#!/bin/sh
# Recovers the vaults of a resource group that were deleted with it, so that a deployment finds their
# names free, and the tokens in them. azd runs it before it deploys; deploy.sh does the same by itself.

script=infra/recover_vault.sh
infra=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
# shellcheck source=infra/azure.sh
. "$infra/azure.sh"

usage() {
  cat <<'USAGE'
usage: infra/recover_vault.sh --resource-group NAME [--subscription ID]

Recovers every vault that was deleted with the resource group, tokens included, and makes the group
for them if it is gone. Without such a vault it changes nothing.

  -g, --resource-group NAME  resource group that the vaults were in
  -s, --subscription ID      subscription, by name or id; that of `az account show` otherwise
  -h, --help                 show this
USAGE
}

parse() {
  group=""
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) usage && exit 0 ;;
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

# A vault is recovered into its group, which must be there.
have_group() {
  exists=$(group_exists) || exit
  [ "$exists" != true ] || return 0
  read -r _ location <"$work/vaults"
  make_group "$group" "$location"
}

parse "$@"
need az
make_work_folder
need_login
list_deleted_vaults "$group"
if [ ! -s "$work/vaults" ]; then
  say "Key Vault" "none was deleted with $group"
  exit 0
fi
have_group
recover_vaults
