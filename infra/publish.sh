#!/bin/sh
# Puts the app into a function app that is deployed: packs it, unless a package is given, uploads it
# as it is, and waits until Azure runs it. A step of deploy.sh; on its own for the code alone, and
# to roll back.

script=infra/publish.sh
infra=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
# shellcheck source=infra/azure.sh
. "$infra/azure.sh"

# The roles by which the app reads its package are as new as the app, so the first try may come early.
uploads=3
upload_pause=30
# How often Azure is asked for the end of a deployment.
looks=180
look_pause=5

usage() {
  cat <<'USAGE'
usage: infra/publish.sh --resource-group NAME --function-app NAME [options]

Puts the app into a function app that is deployed, and waits until Azure runs it. Nothing is built
in Azure: what is uploaded is complete. infra/deploy.sh does this as one of its steps.

  -g, --resource-group NAME  resource group of the function app
      --function-app NAME    output functionAppName of the deployment
      --package FILE         a package that infra/package_app.py has made (default: made now)
  -s, --subscription ID      subscription, by name or id; that of `az account show` otherwise
  -h, --help                 show this
USAGE
}

parse() {
  group="" function_app="" package=""
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) usage && exit 0 ;;
      -[gs] | --resource-group | --function-app | --package | --subscription) ;;
      *) refuse "unknown argument $1" ;;
    esac
    case ${2-} in '' | -*) refuse "$1 needs a value" ;; esac
    case $1 in
      -g | --resource-group) group=$2 ;;
      --function-app) function_app=$2 ;;
      --package) package=$2 ;;
      -s | --subscription) subscription=$2 ;;
    esac
    shift 2
  done
}

check_arguments() {
  check_group_name
  case $function_app in
    '') refuse "--function-app is missing" ;;
    *[!A-Za-z0-9-]*) refuse "\"$function_app\" is no name of a function app" ;;
  esac
  [ -z "$package" ] || [ -r "$package" ] || fail "there is no package $package"
}

# Each kind of site names its hosts in a place of its own.
find_deployment_site() {
  site=$(azure functionapp show --resource-group "$group" --name "$function_app" --output tsv \
    --query "(hostNameSslStates || properties.hostNameSslStates)[?hostType=='Repository'].name | [0]") ||
    fail "the function app $function_app could not be found: $(az_said)"
  [ -n "$site" ] || fail "the function app $function_app has no deployment site"
}

publish() {
  say "Code" "uploading; Azure takes it over within some minutes"
  tries=1
  until upload && await_deployment; do
    [ "$tries" -lt "$uploads" ] || give_up
    say "Code" "not yet ($refusal); trying again in $upload_pause s"
    tries=$((tries + 1))
    sleep "$upload_pause"
  done
  say "Code" "published"
}

# RemoteBuild=false, because a build in Azure would bring other packages than those of the lock.
upload() {
  : >"$work/deployment-log"
  take_access
  ask_site "/api/publish?RemoteBuild=false&Deployer=scim_on_functions" --max-time 900 \
    --request POST --header 'Content-Type: application/zip' --data-binary "@$package"
  case $status in
    202) ;;
    000) refusal=$(LC_ALL=C tr -s '[:space:]' ' ' <"$work/curl-said") && return 1 ;;
    409) refusal="HTTP 409, another deployment is under way" && return 1 ;;
    *) refusal="HTTP $status$(said_of_answer)" && return 1 ;;
  esac
  deployment=$(python "$infra/answers.py" deployment-id <"$work/answer") ||
    fail "the code could not be published: $site took it and named no deployment"
}

# The token goes from file to file, as that of connect.sh does.
take_access() {
  azure account get-access-token --query accessToken --output tsv >"$work/access" ||
    fail "az gave no token for the deployment site: $(az_said)"
  { printf 'Authorization: Bearer ' && tr -d '\r\n' <"$work/access" && echo; } >"$work/authorization"
}

# ask_site PATH CURL-OPTION...: sets status, 000 when nothing answered; the answer lies in $work/answer.
ask_site() {
  path=$1
  shift
  : >"$work/answer"
  status=$(curl --silent --show-error --proto '=https' --header "@$work/authorization" "$@" \
    --output "$work/answer" --write-out '%{http_code}' "https://$site$path" 2>"$work/curl-said") ||
    status=000
}

said_of_answer() {
  answered=$(LC_ALL=C tr -s '[:space:]' ' ' <"$work/answer" | LC_ALL=C cut -c 1-300)
  echo "${answered:+, ${answered% }}"
}

# Waits for the end of the deployment. It is listed a moment after the upload, and the site itself may
# restart meanwhile, so an answer that says nothing is no end.
await_deployment() {
  shown="" looks_left=$looks
  while [ "$looks_left" -gt 0 ]; do
    looks_left=$((looks_left - 1))
    ask_site "/api/deployments/$deployment" --max-time 60
    state=$(python "$infra/answers.py" deployment <"$work/answer")
    case ${state%% *} in
      succeeded) return ;;
      failed) take_log && return 1 ;;
    esac
    show_progress "${state#* }"
    sleep "$look_pause"
  done
  fail "the code could not be published: Azure has not ended the deployment $deployment within $((looks * look_pause / 60)) minutes; see the deployments of $function_app in the portal"
}

show_progress() {
  [ -n "$1" ] && [ "$1" != "$shown" ] || return 0
  shown=$1
  say "Code" "$shown"
}

take_log() {
  refusal="Azure reports that the deployment failed"
  ask_site "/api/deployments/$deployment/log" --max-time 60
  python "$infra/answers.py" deployment-log <"$work/answer" >"$work/deployment-log" || :
}

give_up() {
  [ ! -s "$work/deployment-log" ] || { say "Log" "of the deployment" && cat "$work/deployment-log"; }
  fail "the code could not be published: $refusal"
}

parse "$@"
check_arguments
need az curl
need_python
make_work_folder
need_login
find_deployment_site
[ -n "$package" ] || pack_app
publish
