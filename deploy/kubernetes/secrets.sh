#!/bin/bash
# Makes a Secret for each process, of the files in a folder, where no External Secrets operator does: secrets.sh FOLDER
set -euo pipefail
cd "${1:?is missing: the folder that has a file for each secret}"

secret() { # NAME FILE...: made, or renewed
  local name="$1" files=("${@:2}")
  kubectl --namespace bmt create secret generic "$name" "${files[@]/#/--from-file=}" --dry-run=client --output yaml |
    kubectl apply --server-side --filename -
}

secret intake kafka-intake mongodb-intake ipms-token status-code-key
secret approval kafka-approval mongodb-approval
secret provisioning kafka-provisioning mongodb-provisioning ipms-token storage sftpgo-key nextcloud-password
secret notification kafka-notification mongodb-notification status-code-key webhook-secrets
secret records kafka-records mongodb-records ledger-keys records-key
secret web mongodb-web session-key
secret statistics kafka-statistics
secret reconciliation mongodb-reconciler
secret prune mongodb-pruner
secret backup mongodb-backup backup-key
secret administrator kafka-admin mongodb-admin mongodb-intake mongodb-approval mongodb-provisioning mongodb-notification mongodb-records \
  mongodb-web mongodb-pruner mongodb-reconciler
