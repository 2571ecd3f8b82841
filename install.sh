#!/usr/bin/env bash
# Installs robotsim on a Kubernetes cluster, step by step, and waits for each step. See --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=scripts/cluster.sh
. scripts/cluster.sh
# shellcheck source=scripts/secrets.sh
. scripts/secrets.sh

VERSION=$(cat .version)
OVERLAY=""
DRY_RUN=""
SECRETS_ONLY=""
BUILD=yes
CONTEXT=""
NOTE=robotsim/overlay

usage() {
  cat <<TEXT
./install.sh [--overlay dev|production|none] [--secrets] [--no-build] [--dry-run]

Installs robotsim $VERSION on the cluster of kubectl's context: namespaces, secrets, PostgreSQL, MinIO, Redis,
migrations, server, event stream, controller, worker and the rest. It waits for each part and checks at the end
that each service answers. Run it again at any time: what is there stays, what is missing is made.

  --overlay dev         for minikube and kind, and chosen there by itself: volumes in folders of the node,
                        metrics-server
  --overlay production  the cluster's storage class, ingress with TLS; read k8s/overlays/production first
  --overlay none        k8s/ as it is; chosen everywhere else
                        (a cluster that was installed before keeps its overlay)
  --secrets             make the namespaces and the secrets that are absent, and nothing more; then each
                        kubectl apply -f k8s/... works by itself
  --no-build            the images are where the cluster finds them: build, load and push nothing
  --dry-run             say what would be done, and change nothing; needs no cluster
  --help                this text

Environment:
  REGISTRY        where the cluster takes images from, such as registry.example.com/team; not needed for minikube,
                  kind and Docker Desktop
  CONTAINER_TOOL  what builds images; default docker
  WAIT_SECONDS    how long to wait for each part; default 300

Secrets are made of random values, never printed and never overwritten. One value, for those who may read it:
  kubectl get secret minio-secret -n robot -o jsonpath='{.data.MINIO_ROOT_PASSWORD}' | base64 -d
TEXT
}

read_options() {
  while [ $# -gt 0 ]; do
    case $1 in
      --overlay)
        OVERLAY=${2:-}
        shift
        ;;
      --overlay=*) OVERLAY=${1#*=} ;;
      --secrets) SECRETS_ONLY=yes ;;
      --no-build) BUILD="" ;;
      --dry-run) DRY_RUN=yes ;;
      --help | -h)
        usage
        exit 0
        ;;
      *) fail "Unknown option $1; ./install.sh --help lists them." ;;
    esac
    shift || fail "--overlay needs a value: dev, production or none."
  done
  case $OVERLAY in
    "" | dev | production | none) ;;
    *) fail "There is no overlay $OVERLAY: it is dev, production or none." ;;
  esac
}

# What this cluster was installed with is noted on the namespace: the base over a production system would turn HTTPS
# off, and claims do not shrink.
choose_overlay() {
  local before
  before=$(kubectl get namespace "$NAMESPACE" --ignore-not-found --request-timeout=5s \
    -o "jsonpath={.metadata.annotations.$NOTE}" 2>/dev/null) || before=""
  case $before in
    dev | production | none) ;;
    *) before="" ;;
  esac
  OVERLAY=${OVERLAY:-$before}
  case $before:$OVERLAY in
    : | :* | production:production | dev:dev | dev:none | none:none | none:dev) ;;
    *)
      fail "Nothing was changed: the cluster of the context $CONTEXT was installed with the overlay $before." \
        "Leave --overlay out, or choose the cluster that you mean: kubectl config get-contexts"
      ;;
  esac
  if [ -z "$OVERLAY" ]; then
    case $CONTEXT in
      minikube | kind-*) OVERLAY=dev ;;
      *) OVERLAY=none ;;
    esac
  fi
  case $OVERLAY in
    none) FOLDER=k8s ;;
    *) FOLDER=k8s/overlays/$OVERLAY ;;
  esac
}

# All objects of the overlay in one file. REGISTRY goes before the registry that the overlay names.
render() {
  RENDERED=$WORK/robotsim.yaml
  kubectl kustomize "$FOLDER" >"$WORK/plain.yaml" ||
    fail "The manifests in $FOLDER could not be put together; the reason is above."
  local place='\2'
  [ -z "$REGISTRY" ] || place=$REGISTRY/
  sed -E "s#(image|AGENT_IMAGE): ([^ ]*/)?(robot-sim-[a-z]+:)#\1: $place\3#" "$WORK/plain.yaml" >"$RENDERED"
  REGISTRY=$(sed -nE 's#.*image: (.*)/robot-sim-backend:.*#\1#p' "$RENDERED" | sort -u)
}

# The objects in file $1 as lines "kind apiVersion namespace name", "-" for no namespace.
objects() {
  awk '
    function flush() { if (kind != "") print kind, api, (space == "" ? "-" : space), name; kind = api = space = name = "" }
    /^---/ { flush(); meta = 0 }
    /^[a-zA-Z]/ { meta = ($1 == "metadata:") }
    /^kind:/ { kind = $2 }
    /^apiVersion:/ { api = $2 }
    meta && /^  name:/ { name = $2 }
    meta && /^  namespace:/ { space = $2 }
    END { flush() }' "$1"
}

# Each right that the steps below use, from what is to be made.
rights() {
  local file=$RENDERED kind api place name group
  say "get namespace -"
  say "get secret $NAMESPACE"
  say "create secret $NAMESPACE"
  say "get persistentvolumeclaim $NAMESPACE"
  if [ -n "$SECRETS_ONLY" ]; then
    file=k8s/base/namespaces.yaml
  else
    say "list storageclass.storage.k8s.io -"
    say "list pod $NAMESPACE"
    say "get pods/log $NAMESPACE"
    say "create pods/exec $NAMESPACE"
    say "delete job.batch $NAMESPACE"
  fi
  objects "$file" | while read -r kind api place name; do
    group=${api%%/*}
    [ "$group" != "$api" ] || group=""
    name=$(printf '%s' "$kind${group:+.$group}" | tr '[:upper:]' '[:lower:]')
    say "create $name $place"
    say "patch $name $place" # an apply over what is there
  done | sort -u
}

# Kinds that come from outside, such as certificates, have to be installed before.
need_kinds() {
  local known kind api missing=""
  known=$(kubectl api-versions) || fail "The cluster does not say what it knows; the reason is above."
  while read -r kind api _; do
    grep -qxF "$api" <<<"$known" || missing="$missing  $kind ($api)"$'\n'
  done < <(objects "$RENDERED" | sort -u -k1,2)
  [ -z "$missing" ] ||
    fail "Nothing was changed: this cluster does not know what the overlay $OVERLAY holds." "${missing%$'\n'}" \
      "Install what brings it, or take another overlay: ./install.sh --help"
}

need_living_namespaces() {
  local place phase
  for place in "$NAMESPACE" "$NAMESPACE-agents"; do
    phase=$(kubectl get namespace "$place" --ignore-not-found -o 'jsonpath={.status.phase}')
    [ "$phase" != Terminating ] ||
      fail "Nothing was changed: the namespace $place is being deleted." \
        "Wait until it is gone (kubectl wait --for=delete namespace/$place --timeout=5m), then run this again."
  done
}

# Claims without a class take the cluster's default one; those with a class need exactly that one.
need_storage() {
  local classes class wanted
  classes=$(kubectl get storageclass \
    -o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.annotations.storageclass\.kubernetes\.io/is-default-class}{"\n"}{end}')
  wanted=$(awk '
    function flush() { if (claim) print (class == "" ? "default" : class); claim = 0; class = "" }
    /^---/ { flush() }
    /^kind: (PersistentVolumeClaim|StatefulSet)/ { claim = 1 }
    /storageClassName:/ { class = $2 }
    END { flush() }' "$RENDERED" | sort -u)
  for class in $wanted; do
    case $class in
      default)
        grep -q ' true$' <<<"$classes" ||
          fail "Nothing was changed: the cluster has no default StorageClass, so no volume would be made." \
            "Name one: kubectl annotate storageclass NAME storageclass.kubernetes.io/is-default-class=true"
        ;;
      *)
        grep -q "^$class " <<<"$classes" ||
          fail "Nothing was changed: the cluster has no StorageClass $class, which the overlay $OVERLAY names." \
            "Those of the cluster: kubectl get storageclass"
        ;;
    esac
  done
}

# The overlay production comes with names that nobody can reach.
need_own_names() {
  ! grep -q 'example\.com' "$RENDERED" ||
    fail "Nothing was changed: these names of the overlay $OVERLAY are still examples:" \
      "$(grep -oE '[a-z0-9./-]*example\.com' "$RENDERED" | sort -u | sed 's/^/  /')" \
      "Change $FOLDER/site.yaml and $FOLDER/kustomization.yaml, or set REGISTRY for the images."
}

check_first() {
  step "check what is needed; nothing is changed yet"
  need_rights < <(rights)
  need_living_namespaces
  [ -z "$SECRETS_ONLY" ] || return 0
  need_own_names
  need_kinds
  need_storage
  [ -z "$BUILD" ] || need_builder
  say "all is there"
}

bring_image() {
  local image=$1:$VERSION
  step "image $image"
  if [ -z "$BUILD" ]; then
    say "taken for granted (--no-build)"
    return
  fi
  [ "$(cluster_kind)" != registry ] || say "the cluster takes $REGISTRY/$image"
  if image_is_there "$image"; then
    say "is there"
  else
    build_image "$image"
  fi
}

apply_part() { kubectl apply -f "$RENDERED" -l "$1"; }

# Objects of the part $1, then waits for deployment or stateful set $2.
install_part() {
  step "$1"
  apply_part "app.kubernetes.io/name in ($1,robot-$1-folder)"
  wait_ready "$2/$1"
}

# One that answers already, such as a cluster's own, stays: two would fight for the same names.
install_metrics_server() {
  grep -q '^  name: metrics-server$' "$RENDERED" || return 0
  step "metrics-server (for development: it does not check the kubelets' certificates)"
  local answers
  answers=$(kubectl get apiservice v1beta1.metrics.k8s.io --ignore-not-found \
    -o 'jsonpath={.status.conditions[?(@.type=="Available")].status}')
  if [ "$answers" = True ]; then
    say "there is one that answers; kept"
    return
  fi
  kubectl apply -f k8s/metrics-server-dev.yaml
  # Only the autoscaler needs it: the system works without.
  wait_ready deployment/metrics-server kube-system || say "going on without metrics"
}

install_all() {
  install_part postgres deployment
  install_part minio deployment
  install_part redis statefulset
  install_metrics_server
  step "settings and what belongs to no part (robot-config, rights, policies, quotas)"
  apply_part 'app.kubernetes.io/part-of=robotsim,!app.kubernetes.io/name'
  step "migrations"
  migrate "$RENDERED"
  local program
  for program in $PROGRAMS; do
    install_part "$program" deployment
  done
  step "the rest"
  apply_part 'app.kubernetes.io/name!=robot-migrate,k8s-app!=metrics-server'
}

check_services() {
  step "check that each service answers"
  kubectl exec -n "$NAMESPACE" deployment/robot-backend -- python manage.py check_services || {
    show_trouble robot-backend
    fail "Not each service answers the server; the reason is above. Run ./install.sh again when it is mended."
  }
}

farewell() {
  kubectl get pods -n "$NAMESPACE" -o wide
  ! kubectl get pvc robot-controller-data -n "$NAMESPACE" >/dev/null 2>&1 ||
    say "" "The claim robot-controller-data is an earlier version's and unused: docs/install.md, 6.5, says what it may hold."
  cat <<TEXT

robotsim $VERSION is installed. To reach it:
  kubectl port-forward svc/robot-backend-service 8000:8000 -n robot
  kubectl port-forward svc/minio-service 9000:9000 -n robot       # downloads in the browser
then http://127.0.0.1:8000/admin/ (console) and http://127.0.0.1:8000/docs (API).

The first admin, whose password is shown once:
  kubectl exec -it deployment/robot-backend -n robot -- python manage.py ensure_admin you@example.com
TEXT
}

explain_dry_run() {
  local name
  say "Dry run: nothing is changed. Overlay $OVERLAY ($FOLDER), version $VERSION. In this order:"
  say "  check the rights, the namespaces, the storage classes and the tools"
  say "  make the namespaces (k8s/base/namespaces.yaml)"
  say "  make the secrets that are absent, of random values: postgres-secret redis-secret minio-secret" \
    "robot-backend-secret robot-backup-secret"
  [ -z "$SECRETS_ONLY" ] || return 0
  [ -z "$BUILD" ] || for name in $IMAGES; do say "  build the image $name:$VERSION where it is absent"; done
  for name in postgres minio redis; do say "  apply and wait: $name"; done
  [ "$OVERLAY" != dev ] || say "  apply and wait: metrics-server"
  say "  apply: robot-config and what belongs to no part"
  say "  delete the old job robot-migrate, apply the new one, wait"
  for name in $PROGRAMS; do say "  apply and wait: $name"; done
  say "  apply: the rest; check that each service answers"
  say "Objects of the overlay:"
  objects "$RENDERED" | awk '{ print "  " $1, $4 ($3 == "-" ? "" : " (" $3 ")") }'
}

interrupted() {
  trap - INT TERM
  printf '\n%s\n' "Interrupted${STEP:+ in the step: $STEP}. What was made stays; ./install.sh goes on from there." >&2
  exit 130
}

main() {
  read_options "$@"
  need_kubectl
  WORK=$(mktemp -d)
  trap 'rm -rf "$WORK"' EXIT
  trap interrupted INT TERM
  if [ -n "$DRY_RUN" ]; then
    CONTEXT=$(kubectl config current-context 2>/dev/null) || true
    choose_overlay
    render
    explain_dry_run
    return
  fi
  need_cluster
  choose_overlay
  render
  say "robotsim $VERSION, overlay $OVERLAY, on the cluster of the context $CONTEXT"
  check_first
  step "namespaces"
  kubectl apply -f k8s/base/namespaces.yaml
  [ -n "$SECRETS_ONLY" ] || kubectl annotate namespace "$NAMESPACE" "$NOTE=$OVERLAY" --overwrite >/dev/null
  step "secrets"
  make_secrets
  [ -z "$SECRETS_ONLY" ] || return 0
  local image
  for image in $IMAGES; do bring_image "$image"; done
  install_all
  check_services
  farewell
}

main "$@"
