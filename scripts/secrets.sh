# shellcheck shell=bash
# The secrets of the system, for install.sh. It is sourced, after cluster.sh.
#
# Each is made once and never overwritten: the cluster refuses to create what is there. Values reach kubectl by
# standard input alone, so that no list of processes, no log and no annotation holds them.

random_text() {
  if command -v openssl >/dev/null; then
    openssl rand -hex "$1"
  else
    python3 -c 'import secrets, sys; print(secrets.token_hex(int(sys.argv[1])))' "$1"
  fi
}

secret_exists() { kubectl get secret "$1" -n "$NAMESPACE" -o name >/dev/null 2>&1; }

# One value of a secret that is there.
secret_value() {
  kubectl get secret "$1" -n "$NAMESPACE" -o "jsonpath={.data.$2}" | base64 -d
}

# A value as part of an address: what has a meaning there is written in percent.
for_address() {
  local LC_ALL=C text=$1 out="" char i
  for ((i = 0; i < ${#text}; i++)); do
    char=${text:i:1}
    case $char in
      [A-Za-z0-9._~-]) out=$out$char ;;
      *) out=$out$(printf '%%%02X' "'$char") ;;
    esac
  done
  printf '%s' "$out"
}

# make_secret NAME KEY VALUE [KEY VALUE ...]
make_secret() {
  local name=$1
  shift
  {
    printf 'apiVersion: v1\nkind: Secret\ntype: Opaque\nmetadata:\n  name: %s\n  namespace: %s\n' \
      "$name" "$NAMESPACE"
    printf '  labels:\n    app.kubernetes.io/part-of: robotsim\ndata:\n'
    while [ $# -gt 0 ]; do
      printf '  %s: %s\n' "$1" "$(printf '%s' "$2" | base64 | tr -d '\n')"
      shift 2
    done
  } | kubectl create -f - >/dev/null || fail "The secret $name could not be made; the reason is above."
  say "secret $name made"
}

# A secret that is there is used as it is, if nothing is missing in it.
keep_secret() {
  local name=$1 keys key missing=""
  shift
  # shellcheck disable=SC2016  # a template of kubectl's, not of the shell's
  keys=$(kubectl get secret "$name" -n "$NAMESPACE" \
    -o 'go-template={{range $key, $value := .data}}{{if $value}}{{$key}} {{end}}{{end}}')
  for key in "$@"; do
    case " $keys" in *" $key "*) ;; *) missing="$missing $key" ;; esac
  done
  [ -z "$missing" ] ||
    fail "The secret $name is there, but it has no value for:$missing" \
      "It is not overwritten. Add what is missing: kubectl edit secret $name -n $NAMESPACE" \
      "or let it be made anew, if you know that nothing needs it: kubectl delete secret $name -n $NAMESPACE"
  say "secret $name is there; kept"
}

# Data that was made with a password outlives a secret that was deleted, and no new password opens it.
refuse_lost_password() {
  ! kubectl get pvc postgres-data -n "$NAMESPACE" -o name >/dev/null 2>&1 ||
    fail "The secret postgres-secret is gone, but the claim postgres-data is there, and a database in it would keep" \
      "its old password. Make the secret again with that password (k8s/secrets.example.yaml shows its form)," \
      "or delete the claim if it holds nothing: kubectl delete pvc postgres-data -n $NAMESPACE"
}

make_postgres_secret() {
  local password
  if secret_exists postgres-secret; then
    keep_secret postgres-secret POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB
    return
  fi
  refuse_lost_password
  password=$(random_text 24)
  make_secret postgres-secret POSTGRES_USER postgres POSTGRES_PASSWORD "$password" POSTGRES_DB robotdb
}

make_redis_secret() {
  local password
  if secret_exists redis-secret; then
    keep_secret redis-secret REDIS_PASSWORD
    return
  fi
  password=$(random_text 24)
  make_secret redis-secret REDIS_PASSWORD "$password"
}

make_minio_secret() {
  local password
  if secret_exists minio-secret; then
    keep_secret minio-secret MINIO_ROOT_USER MINIO_ROOT_PASSWORD
    return
  fi
  password=$(random_text 24)
  make_secret minio-secret MINIO_ROOT_USER robotsim MINIO_ROOT_PASSWORD "$password"
}

# Each value has a line of its own: only then does `set -e` see that one could not be had.
make_backend_secret() {
  local key token user password database redis minio_user minio_password
  if secret_exists robot-backend-secret; then
    keep_secret robot-backend-secret SECRET_KEY DATABASE_URL REDIS_URL MINIO_ACCESS_KEY MINIO_SECRET_KEY \
      METRICS_TOKEN
    return
  fi
  key=$(random_text 48)
  token=$(random_text 32)
  user=$(secret_value postgres-secret POSTGRES_USER)
  password=$(secret_value postgres-secret POSTGRES_PASSWORD)
  database=$(secret_value postgres-secret POSTGRES_DB)
  redis=$(secret_value redis-secret REDIS_PASSWORD)
  minio_user=$(secret_value minio-secret MINIO_ROOT_USER)
  minio_password=$(secret_value minio-secret MINIO_ROOT_PASSWORD)
  # MinIO's root user: robotsim makes its bucket itself, and the S3 protocol has no way to make users.
  make_secret robot-backend-secret SECRET_KEY "$key" METRICS_TOKEN "$token" \
    DATABASE_URL "postgresql://$(for_address "$user"):$(for_address "$password")@postgres-service:5432/$(for_address "$database")" \
    REDIS_URL "redis://:$(for_address "$redis")@redis-service:6379/0" \
    MINIO_ACCESS_KEY "$minio_user" MINIO_SECRET_KEY "$minio_password"
}

make_backup_secret() {
  local user password
  if secret_exists robot-backup-secret; then
    keep_secret robot-backup-secret BACKUP_ACCESS_KEY BACKUP_SECRET_KEY
    return
  fi
  user=$(secret_value minio-secret MINIO_ROOT_USER)
  password=$(secret_value minio-secret MINIO_ROOT_PASSWORD)
  make_secret robot-backup-secret BACKUP_ACCESS_KEY "$user" BACKUP_SECRET_KEY "$password"
}

# Those that others are composed of come first: whoever was interrupted goes on with what is there.
make_secrets() {
  { set +x; } 2>/dev/null # `bash -x` would show the values
  make_postgres_secret
  make_redis_secret
  make_minio_secret
  make_backend_secret
  make_backup_secret
}
