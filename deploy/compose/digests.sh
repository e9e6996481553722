#!/bin/bash
# Pulls the images of compose.yaml and the Dockerfile by version, and writes into .env which they are, by digest: from then
# on exactly these run. Look at what changed before a new .env is taken over. DOCKER=podman for podman.
set -euo pipefail
cd "$(dirname "$0")"

images='
PYTHON python:3.12-slim-bookworm
KAFKA apache/kafka:4.1.1
MONGODB mongo:8.0.20
KEYCLOAK keycloak/keycloak:26.7.3
MAILPIT axllent/mailpit:v1.31.1
COPYPARTY copyparty/ac:1.20.26
PROMETHEUS prom/prometheus:v3.5.0
GRAFANA grafana/grafana:12.3.1
'
touch .env
chmod 600 .env
while read -r name image; do
  [ -n "$name" ] || continue
  "${DOCKER:-docker}" pull --quiet "$image" >&2
  found="$("${DOCKER:-docker}" image inspect --format '{{index .RepoDigests 0}}' "$image")"
  sed -i "/^${name}_DIGEST=/d" .env
  echo "${name}_DIGEST=${found##*@}" >> .env
done <<< "$images"
grep _DIGEST= .env
