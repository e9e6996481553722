#!/bin/bash
# Makes the secrets of compose.yaml that are not there yet, a file each, in ./secrets (or where SECRETS says).
# None is ever made anew: to change one, remove its file, and change it where it is known.
set -euo pipefail
folder="${SECRETS:-$(dirname "$0")/secrets}"
mkdir -p -m 700 "$folder"
umask 022 # the users of the containers read the files; nobody else comes into the folder

keep() { # NAME COMMAND...: what the command says, where there is no such secret yet
  [ -s "$folder/$1" ] && return
  "${@:2}" > "$folder/$1.new"
  mv "$folder/$1.new" "$folder/$1"
}
password() { openssl rand -hex 24; }
mongodb_uri() { printf 'mongodb://%s:%s@mongodb:27017/?replicaSet=bmt&authSource=admin' "$1" "$(password)"; }

for user in admin controller intake approval provisioning notification records statistics hrmis observer; do
  keep "kafka-$user" password
done
for user in intake approval provisioning notification records web pruner reconciler; do
  keep "mongodb-$user" mongodb_uri "$user"
done
for name in mongodb-admin mongodb-key ipms-token storage sftpgo-key nextcloud-password keycloak-admin sample-users grafana-admin; do
  keep "$name" password
done
for name in records-key session-key status-code-key; do
  keep "$name" openssl rand -base64 32
done
keep ledger-keys openssl genpkey -algorithm ed25519
keep webhook-secrets echo '{}' # none: docs/operator.md says how they are written
