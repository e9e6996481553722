#!/bin/bash
# mongod as a replica set of one, with a key file; the image's entry point makes the root user first.
set -euo pipefail
umask 077
key="$(mktemp)"
cat "${SECRETS:-/run/secrets}/mongodb-key" > "$key"
exec docker-entrypoint.sh mongod --replSet bmt --keyFile "$key" --bind_ip_all
