# shellcheck shell=bash
# What install.sh and server-renew.sh share: messages, checks before anything is changed, images, waiting.
# It is sourced. Bash 3.2 and newer. No `grep -q` behind a pipe: it ends at once, and with pipefail the
# writer's broken pipe would count as "not found".

NAMESPACE=robot
# shellcheck disable=SC2034  # read by those who source this
PROGRAMS="robot-backend robot-stream robot-controller robot-worker"
# shellcheck disable=SC2034  # read by those who source this
IMAGES="robot-sim-backend robot-sim-agent"
WAIT_SECONDS=${WAIT_SECONDS:-300}
CONTAINER_TOOL=${CONTAINER_TOOL:-docker}
REGISTRY=${REGISTRY:-}
STEP=""

say() { printf '%s\n' "$*"; }

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

step() {
  STEP=$*
  printf '\n== %s\n' "$STEP"
}

need_kubectl() {
  command -v kubectl >/dev/null ||
    fail "kubectl is not on PATH. Install it: https://kubernetes.io/docs/tasks/tools/"
}

need_cluster() {
  CONTEXT=$(kubectl config current-context 2>/dev/null) ||
    fail "kubectl knows no cluster. Start one (minikube start --driver=docker --memory=4096 --cpus=2)" \
      "or choose one: kubectl config use-context NAME"
  local problem
  problem=$(kubectl get --raw /version --request-timeout=15s 2>&1 >/dev/null) ||
    fail "The cluster of the context $CONTEXT does not answer: ${problem:-no reason given}" \
      "Start it, or choose another: kubectl config get-contexts"
}

# Lines "verb resource namespace" on standard input, "-" for no namespace. All that is missing is listed at once.
need_rights() {
  local verb resource place missing=""
  while read -r verb resource place; do
    if [ "$place" = - ]; then
      kubectl auth can-i "$verb" "$resource" --quiet </dev/null >/dev/null 2>&1 ||
        missing="$missing  $verb $resource"$'\n'
    else
      kubectl auth can-i "$verb" "$resource" -n "$place" --quiet </dev/null >/dev/null 2>&1 ||
        missing="$missing  $verb $resource in the namespace $place"$'\n'
    fi
  done
  [ -z "$missing" ] ||
    fail "Nothing was changed: the account of the context $CONTEXT lacks these rights." "${missing%$'\n'}" \
      "Ask who runs the cluster for them, or use another account: kubectl config get-contexts"
}

# What the cluster holds images by: minikube, kind, docker-desktop, or a registry.
cluster_kind() {
  case $CONTEXT in
    minikube) say minikube ;;
    kind-*) say kind ;;
    docker-desktop) say docker-desktop ;;
    *) if [ -n "$(kubectl get nodes -l minikube.k8s.io/name -o name 2>/dev/null)" ]; then
         say minikube
       else
         say registry
       fi ;;
  esac
}

image_is_there() {
  case $(cluster_kind) in
    minikube) minikube -p "$CONTEXT" image ls 2>/dev/null | grep -E "(^|/)$1\$" >/dev/null ;;
    kind) "$CONTAINER_TOOL" exec "${CONTEXT#kind-}-control-plane" crictl images -o json 2>/dev/null |
      grep "/$1\"" >/dev/null ;;
    *) "$CONTAINER_TOOL" image inspect "$1" >/dev/null 2>&1 ;;
  esac
}

# Builds image $1 (name:version) and brings it to where the cluster finds it.
build_image() {
  local name=$1 target=server version=${1##*:} kind
  case $name in robot-sim-agent:*) target=agent ;; esac
  kind=$(cluster_kind)
  if [ "$kind" = minikube ]; then
    minikube -p "$CONTEXT" image build -t "$name" --build-opt "target=$target" \
      --build-opt "build-arg=VERSION=$version" .
    return
  fi
  "$CONTAINER_TOOL" build --target "$target" --build-arg "VERSION=$version" -t "$name" .
  case $kind in
    kind) kind load docker-image "$name" --name "${CONTEXT#kind-}" ;;
    registry)
      "$CONTAINER_TOOL" tag "$name" "$REGISTRY/$name"
      "$CONTAINER_TOOL" push "$REGISTRY/$name"
      ;;
  esac
}

need_builder() {
  local kind tool
  kind=$(cluster_kind)
  case $kind in
    minikube) tool=minikube ;;
    *) tool=$CONTAINER_TOOL ;;
  esac
  command -v "$tool" >/dev/null ||
    fail "$tool is needed to build the images, and it is not on PATH." \
      "Install it, or name another tool for images: CONTAINER_TOOL=podman $0"
  [ "$kind" != kind ] || command -v kind >/dev/null ||
    fail "kind is needed to load the images into the cluster, and it is not on PATH."
  [ "$kind" != registry ] || [ -n "$REGISTRY" ] ||
    fail "The cluster of the context $CONTEXT takes its images from a registry. Name yours:" \
      "  REGISTRY=registry.example.com/team $0"
}

# Why something is not ready: its pods, the last events, the end of its log.
show_trouble() {
  local name=$1 place=${2:-$NAMESPACE}
  {
    say "--- pods"
    kubectl get pods -n "$place" -l "app.kubernetes.io/name=$name" -o wide || true
    say "--- last events in $place"
    kubectl get events -n "$place" --sort-by=.lastTimestamp | tail -n 20 || true
    say "--- end of the log of $name"
    kubectl logs -n "$place" -l "app.kubernetes.io/name=$name" --all-containers --prefix --tail=30 \
      --ignore-errors || true
  } >&2
}

# How long the old pod of $1 may take to end before a new one is made; 0 where both live at once.
time_to_end() {
  local told=""
  [ "${1%%/*}" != deployment ] || told=$(kubectl get "$1" -n "$2" \
    -o 'jsonpath={.spec.strategy.type} {.spec.template.spec.terminationGracePeriodSeconds}') || told=""
  case $told in
    "Recreate "*[0-9]) say "${told#Recreate }" ;;
    *) say 0 ;;
  esac
}

# Waits for kind/name; 1 when it does not get ready, after having shown why.
wait_ready() {
  local what=$1 place=${2:-$NAMESPACE} seconds
  seconds=$(time_to_end "$what" "$place")
  seconds=$((WAIT_SECONDS + ${seconds:-0}))
  if kubectl rollout status "$what" -n "$place" --timeout="${seconds}s"; then return; fi
  show_trouble "${what#*/}" "$place"
  printf '%s\n' "$what was not ready within $seconds s; the reason is above." >&2
  return 1
}

# Runs the migrations by the manifests in file $1. An old job is in the way: jobs cannot be changed.
migrate() {
  kubectl delete job robot-migrate -n "$NAMESPACE" --ignore-not-found --wait=true
  kubectl apply -f "$1" -l app.kubernetes.io/name=robot-migrate
  local left=$WAIT_SECONDS state
  while [ "$left" -gt 0 ]; do
    state=$(kubectl get job robot-migrate -n "$NAMESPACE" \
      -o 'jsonpath={.status.conditions[?(@.status=="True")].type}') || state=""
    case $state in
      *Complete*) return ;;
      *Failed*) break ;;
    esac
    sleep 2
    left=$((left - 2))
  done
  show_trouble robot-migrate
  printf '%s\n' "The migration did not succeed; the reason is above." >&2
  return 1
}
