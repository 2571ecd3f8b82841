#!/usr/bin/env bash
# Brings changed code to the cluster: a new version, its image, migrations, rollout; back when it fails. See --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=scripts/cluster.sh
. scripts/cluster.sh

OLD=$(cat .version)
NEW=""
BUILD=yes
CHANGED=""   # deployments whose image was changed, as "name:revision before"
OLD_AGENT="" # AGENT_IMAGE before it was changed, as JSON
CONTEXT=""

usage() {
  cat <<TEXT
./server-renew.sh [--version X.Y.Z] [--no-build]

Renews robotsim, now $OLD, on the cluster of kubectl's context:
  1. the next version: the last number of .version, one higher; one whose image exists is passed over
  2. images robot-sim-backend and robot-sim-agent of it, built and brought to where the cluster finds them
  3. migrations, as the job robot-migrate
  4. AGENT_IMAGE in robot-config, with which executions start from then on; those that run keep theirs
  5. rollout of server, event stream, controller and worker, each waited for; then the backup jobs
  6. the new version is written to .version and k8s/, and the end of the server's log is shown

When a step fails, or on Ctrl-C, AGENT_IMAGE and the deployments go back to where they were, .version and k8s/ keep the
old version, and the log says why; the exit code is 1. Migrations that ran stay: each works with the code of one version before,
which robot-config tells it by DATABASE_MAY_BE_NEWER, until a renewal succeeds.
What changed in k8s/ beside the version is not applied: that does ./install.sh.

  --version X.Y.Z  this version instead of the next one
  --no-build       the images are where the cluster finds them: build, load and push nothing
  --help           this text

Environment:
  REGISTRY        where the cluster takes images from, such as registry.example.com/team; not needed for minikube,
                  kind and Docker Desktop
  CONTAINER_TOOL  what builds images; default docker
  WAIT_SECONDS    how long to wait for each deployment; default 300
TEXT
}

read_options() {
  while [ $# -gt 0 ]; do
    case $1 in
      --version)
        NEW=${2:-}
        [ -n "$NEW" ] || fail "--version needs a value, such as 0.2.0."
        shift
        ;;
      --no-build) BUILD="" ;;
      --help | -h)
        usage
        exit 0
        ;;
      *) fail "Unknown option $1; ./server-renew.sh --help lists them." ;;
    esac
    shift
  done
}

# What runs now, and from which registry it came.
look_around() {
  local before
  OLD_IMAGE=$(containers deployments | awk '$1 == "robot-backend" { print $3 }')
  [ -n "$OLD_IMAGE" ] ||
    fail "Nothing was changed: robotsim is not installed on this cluster. Run ./install.sh first."
  before=${OLD_IMAGE%robot-sim-backend:*}
  REGISTRY=${REGISTRY:-${before%/}}
}

choose_version() {
  [[ $OLD =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] ||
    fail ".version holds no version such as 0.1.0; it holds: $OLD"
  if [ -z "$NEW" ]; then
    NEW=$OLD
    # A tag is never given twice: a node that has seen the first image would keep it.
    while [ "$NEW" = "$OLD" ] || image_is_there "robot-sim-backend:$NEW"; do
      NEW=${NEW%.*}.$((${NEW##*.} + 1))
    done
  fi
  [[ $NEW =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ ]] || fail "$NEW cannot be the tag of an image; 0.2.0 can."
  [ "$NEW" != "$OLD" ] || fail "$NEW is the version that is there. Give another one, or none."
  IMAGE=${REGISTRY:+$REGISTRY/}robot-sim-backend:$NEW
}

check_first() {
  step "check what is needed; nothing is changed yet"
  local name
  need_rights <<TEXT
get deployment.apps $NAMESPACE
patch deployment.apps $NAMESPACE
get configmap $NAMESPACE
patch configmap $NAMESPACE
list pod $NAMESPACE
get pods/log $NAMESPACE
get job.batch $NAMESPACE
create job.batch $NAMESPACE
delete job.batch $NAMESPACE
list cronjob.batch $NAMESPACE
patch cronjob.batch $NAMESPACE
TEXT
  for name in $PROGRAMS; do
    kubectl get deployment "$name" -n "$NAMESPACE" -o name >/dev/null ||
      fail "Nothing was changed: the deployment $name is missing. Run ./install.sh first."
  done
  [ -w .version ] || fail "Nothing was changed: .version cannot be written."
  [ -z "$BUILD" ] || need_builder
}

# The containers of ours in all $1 (deployments, cronjobs), as lines "object container image".
containers() {
  local path=.spec.template.spec template
  [ "$1" = deployments ] || path=.spec.jobTemplate.spec.template.spec
  # shellcheck disable=SC2016  # a template of kubectl's, not of the shell's
  template='{{range .items}}{{$object := .metadata.name}}{{range PATH.containers}}{{$object}} {{.name}} {{.image}}
{{end}}{{end}}'
  kubectl get "$1" -n "$NAMESPACE" -l app.kubernetes.io/part-of=robotsim \
    -o "go-template=${template//PATH/$path}" | grep robot-sim-backend: || true
}

# Gives the image $3 to the containers of ours in object $2 of kind $1.
set_image() {
  local kind=$1 object=$2 image=$3 name container pairs=()
  while read -r name container _; do
    [ "$name" != "$object" ] || pairs+=("$container=$image")
  done < <(containers "$kind")
  [ "${#pairs[@]}" -gt 0 ] || fail "No container of $kind/$object runs robot-sim-backend."
  kubectl set image "$kind/$object" -n "$NAMESPACE" "${pairs[@]}"
}

# Code refuses a database that is newer than itself, unless it is told ($1: "true", quoted) that it works with it. The
# old code is told before the database changes: pods that start meanwhile, or after the way back, read it at start.
let_database_be_newer() { set_config DATABASE_MAY_BE_NEWER "$1"; }

# The value $2 (JSON; null removes it) of $1 in robot-config, which pods read at their start.
set_config() {
  kubectl patch configmap robot-config -n "$NAMESPACE" --type merge -p "{\"data\":{\"$1\":$2}}"
}

# The value of $1 in robot-config; empty where it has none.
setting() { kubectl get configmap robot-config -n "$NAMESPACE" -o "jsonpath={.data.$1}"; }

# An image of somebody's own stays; it is no part of this version.
set_agent_image() {
  local before
  before=$(setting AGENT_IMAGE)
  case $before in
    "") OLD_AGENT=null ;;
    robot-sim-agent:* | */robot-sim-agent:*) OLD_AGENT="\"$before\"" ;;
    *)
      say "AGENT_IMAGE stays $before"
      return
      ;;
  esac
  set_config AGENT_IMAGE "\"${IMAGE%robot-sim-backend:*}robot-sim-agent:$NEW\""
}

run_migrations() {
  step "migrations"
  let_database_be_newer '"true"'
  sed -E "s#image: ([^ ]*/)?robot-sim-backend:.*#image: $IMAGE#" k8s/base/server-deploy.yaml >"$WORK/server.yaml"
  migrate "$WORK/server.yaml"
}

roll_out() {
  local name revision
  for name in $PROGRAMS; do
    step "rollout of $name"
    revision=$(kubectl get deployment "$name" -n "$NAMESPACE" \
      -o 'jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}')
    CHANGED="$name:$revision $CHANGED"
    set_image deployments "$name" "$IMAGE"
    wait_ready "deployment/$name"
  done
}

# Back to the noted revision; one that did not change says so and stays. Pods that come back read the settings anew.
roll_back() {
  local entry name
  [ -z "$OLD_AGENT" ] || set_config AGENT_IMAGE "$OLD_AGENT" || true
  for entry in $CHANGED; do
    name=${entry%%:*}
    say "back to revision ${entry##*:}: $name"
    kubectl rollout undo "deployment/$name" -n "$NAMESPACE" --to-revision="${entry##*:}" || true
  done
  [ "$STEP" != "version $NEW" ] || renew_cronjobs "$OLD_IMAGE" || true
  for entry in $CHANGED; do
    wait_ready "deployment/${entry%%:*}" || true
  done
}

# The backup jobs, to image $1.
renew_cronjobs() {
  local name
  containers cronjobs | cut -d ' ' -f 1 | sort -u | while read -r name; do
    set_image cronjobs "$name" "$1" </dev/null
  done
}

# Last of all, so that a killed script leaves them as they were.
write_version() {
  local file
  find k8s -type f -name '*.yaml' -exec grep -lE 'robot-sim-[a-z]+:' {} + | while read -r file; do
    sed -E "s#(robot-sim-[a-z]+:)$OLD([^A-Za-z0-9_.-]|\$)#\1$NEW\2#" "$file" >"$WORK/file"
    cmp -s "$WORK/file" "$file" || cat "$WORK/file" >"$file"
  done
  printf '%s\n' "$NEW" >.version
}

# On each end; what is not finished goes back.
end() {
  local code=$?
  trap '' INT TERM # nothing interrupts the way back
  trap - EXIT
  if [ "$code" -ne 0 ] && [ -n "$STEP" ]; then
    printf '\n%s\n' "Failed in the step: $STEP." >&2
    # Else it would go on trying, and migrate some time later.
    [ "$STEP" != migrations ] ||
      kubectl delete job robot-migrate -n "$NAMESPACE" --ignore-not-found --wait=false >&2 || true
    [ -z "$CHANGED$OLD_AGENT" ] || roll_back >&2
    say "The version is still $OLD; .version and k8s/ are as they were." >&2
    code=1
    case $STEP in migrations | "image of units" | rollout*) say "Migrations that ran stay; they work with $OLD as well." >&2 ;; esac
  fi
  rm -rf "$WORK"
  exit "$code"
}

main() {
  read_options "$@"
  need_kubectl
  WORK=$(mktemp -d)
  trap end EXIT
  trap 'exit 1' INT TERM
  need_cluster
  look_around
  choose_version
  say "robotsim $OLD -> $NEW on the cluster of the context $CONTEXT"
  check_first
  local name
  [ -z "$BUILD" ] || for name in $IMAGES; do
    step "image $name:$NEW"
    build_image "$name:$NEW"
  done
  run_migrations
  step "image of units"
  set_agent_image
  roll_out
  step "version $NEW"
  renew_cronjobs "$IMAGE"
  write_version
  CHANGED=""
  OLD_AGENT=""
  STEP=""
  let_database_be_newer null >/dev/null || say "DATABASE_MAY_BE_NEWER stays in robot-config; the next renewal removes it."
  [ "$(setting BACKEND)" = kubernetes ] ||
    say "Units still run in the controller's pod; ./install.sh makes them Jobs (docs/install.md, 6.5)."
  say "robotsim $NEW is running. The end of its log:"
  kubectl logs -n "$NAMESPACE" deployment/robot-backend --tail=20 || true
}

main "$@"
