#!/usr/bin/env bash
# Restore the system on the cluster from a backup: everything that writes is stopped, `manage.py restore` runs in a
# pod of the server's image, then everything comes back as it was.
#
# Killed half-way, it may be run again: how many replicas there were is noted on the deployments, and the restore
# itself goes on where it was.
set -euo pipefail

namespace="${NAMESPACE:-robot}"
deployments=(robot-backend robot-stream robot-controller robot-worker)
note="robotsim/replicas-before-restore"
pod="robot-restore"
wait_for="${WAIT_SECONDS:-600}"
backup="latest"
dry=""
options=()

usage() {
  cat <<'TEXT'
Usage: ./restore.sh [BACKUP] [--replace] [--incomplete] [--yes] [--dry-run]
       ./restore.sh --list
       ./restore.sh --help

  BACKUP        name of a backup, as shown by --list; default: the latest
  --list        list all backups, change nothing
  --replace     replace the data of a database that is not empty
  --incomplete  restore even if the mirror lacks objects
  --yes         do not ask for confirmation
  --dry-run     print what would be done, change nothing

NAMESPACE (default robot) and WAIT_SECONDS (default 600, for pods to stop and to start) come from the environment.
Exit code 0: restored, and the storage check finds nothing wrong. 1: restored, but it does. 2: nothing was
restored. Another one: the restore is unfinished and the system stays down; run it again.
TEXT
}

fail() {
  echo "restore.sh: $*" >&2
  exit 2
}

list=""
yes=""
named=""
while [ $# -gt 0 ]; do
  case "$1" in
    --help | -h) usage && exit 0 ;;
    --list) list=1 ;;
    --yes) yes=1 ;;
    --dry-run) dry=1 ;;
    --replace | --incomplete) options+=("$1") ;;
    -*) fail "unknown option $1; --help names all." ;;
    *)
      [ -z "$named" ] || fail "one backup at a time; --help says how."
      [[ "$1" =~ ^[A-Za-z0-9.-]+$ ]] || fail "$1 is no name of a backup; --list names all."
      backup="$1"
      named=1
      ;;
  esac
  shift
done

command -v kubectl >/dev/null || fail "kubectl is not on PATH: install it first."
kube() { kubectl --namespace "$namespace" "$@"; }
act() { # what changes something
  if [ -n "$dry" ]; then
    echo "kubectl --namespace $namespace $*"
  else
    kube "$@"
  fi
}
kube get namespace "$namespace" >/dev/null ||
  fail "the cluster does not answer, or has no namespace $namespace: check kubectl's context."

exists() { [ -n "$(kube get "$1" "$2" --ignore-not-found --output name)" ]; }
exists deployment robot-backend || fail "there is no deployment robot-backend: run ./install.sh first."
image="$(kube get deployment robot-backend --output 'jsonpath={.spec.template.spec.containers[?(@.name=="robot-backend")].image}')"
[ -n "$image" ] || fail "the deployment robot-backend has no container robot-backend."

# The pod has what the server has, and the secret of the backups, which is optional: BACKUP_* default to MINIO_*.
overrides() { # the words of manage.py, as JSON
  cat <<JSON
{"apiVersion": "v1", "metadata": {"labels": {"app.kubernetes.io/name": "robot-restore", "app.kubernetes.io/part-of": "robotsim"}},
 "spec": {"restartPolicy": "Never", "automountServiceAccountToken": false,
  "securityContext": {"runAsNonRoot": true, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
  "containers": [{"name": "$pod", "image": "$image", "command": ["python", "manage.py", $1],
   "envFrom": [{"configMapRef": {"name": "robot-config"}}, {"secretRef": {"name": "robot-backend-secret"}},
    {"secretRef": {"name": "robot-backup-secret", "optional": true}}],
   "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"cpu": "2", "memory": "1Gi"}},
   "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}},
   "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, {"name": "data", "mountPath": "/data"}]}],
  "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "data", "emptyDir": {}}]}}
JSON
}

phase() { kube get pod "$pod" --output 'jsonpath={.status.phase}' --ignore-not-found; }

manage() { # run manage.py in a pod, follow its log; the exit code is that of manage.py
  local word words="" code
  for word in "$@"; do words="$words${words:+, }\"$word\""; done
  act delete pod "$pod" --ignore-not-found --wait=true
  act run "$pod" --image "$image" --restart Never --overrides "$(overrides "$words")"
  [ -z "$dry" ] || return 0
  local left="$wait_for" now
  until now="$(phase)" && [ "$now" != "Pending" ] && [ -n "$now" ]; do
    left=$((left - 2))
    [ "$left" -gt 0 ] || fail "the pod $pod does not start: kubectl -n $namespace describe pod $pod"
    sleep 2
  done
  kube logs --follow "pod/$pod" || true
  while now="$(phase)" && [ "$now" = "Running" ]; do sleep 2; done
  code="$(kube get pod "$pod" --output 'jsonpath={.status.containerStatuses[0].state.terminated.exitCode}')"
  kube delete pod "$pod" --ignore-not-found >/dev/null
  return "${code:-3}"
}

if [ -n "$list" ]; then
  manage restore --list
  exit
fi

if [ -z "$yes" ] && [ -z "$dry" ]; then
  [ -t 0 ] || fail "there is no terminal to ask for confirmation: add --yes."
  read -r -p "Stop the system in namespace $namespace and restore backup $backup? Type yes: " answer
  [ "$answer" = "yes" ] || fail "nothing was changed."
fi

present=()
for name in "${deployments[@]}"; do
  if exists deployment "$name"; then present+=("$name"); fi
done

stop() {
  local name before
  for name in "${present[@]}"; do
    before="$(kube get deployment "$name" --output "jsonpath={.metadata.annotations.$note}")"
    if [ -z "$before" ]; then # else a restore was killed: the deployment stands at 0, the note is right
      before="$(kube get deployment "$name" --output 'jsonpath={.spec.replicas}')"
      act annotate deployment "$name" "$note=$before"
    fi
    # A deployment of 0 replicas is left alone by its HorizontalPodAutoscaler, which comes back with it.
    act scale deployment "$name" --replicas 0
  done
  for name in "${present[@]}"; do # `wait` fails where there is nothing to wait for
    if [ -n "$(kube get pod --selector "app.kubernetes.io/name=$name" --output name)" ]; then
      act wait --for delete pod --selector "app.kubernetes.io/name=$name" --timeout "${wait_for}s"
    fi
  done
}

start() {
  local name before
  for name in "${present[@]}"; do
    before="$(kube get deployment "$name" --output "jsonpath={.metadata.annotations.$note}")"
    [ -n "$before" ] || before="$(kube get deployment "$name" --output 'jsonpath={.spec.replicas}')"
    act scale deployment "$name" --replicas "$before"
    act annotate deployment "$name" "$note-"
  done
  for name in "${present[@]}"; do
    act rollout status "deployment/$name" --timeout "${wait_for}s"
  done
}

for name in "${present[@]}"; do
  ! exists horizontalpodautoscaler "$name" || echo "The autoscaler $name rests while $name has no replica."
done
stop
code=0
# An empty list is "unbound" to bash 3.2, which macOS has.
manage restore "$backup" --yes ${options[@]+"${options[@]}"} || code=$?
case "$code" in
  0) echo "Restored; the storage is clean." ;;
  1) echo "Restored, but the storage is not clean: see above, and manage.py check_storage." >&2 ;;
  2) echo "restore.sh: nothing was restored, the system comes back as it was." >&2 ;;
  *) # the rows may be there, what follows from them is not
    echo "restore.sh: the restore broke off (exit code $code), the system stays down: see above, then run this" \
      "command again." >&2
    exit "$code"
    ;;
esac
start
exit "$code"
