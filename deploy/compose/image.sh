#!/bin/bash
# Builds the image bmt (or bmt-evaluation, bmt-embedded: image.sh TARGET) with labels: the same bytes for the same commit and
# the same Python. With Docker where its engine answers, else with podman; DOCKER says with which. `make image` calls this.
set -euo pipefail
cd "$(dirname "$0")/../.."
fail() { echo "image.sh: $*" >&2; exit 2; }

target="${1:-service}"
name="bmt-$target"
[ "$target" = service ] && name=bmt
if [ -z "${DOCKER:-}" ]; then
  DOCKER=podman
  docker info > /dev/null 2>&1 && DOCKER=docker
fi
"$DOCKER" info > /dev/null 2>&1 || fail "no engine is at hand: start Docker, or install podman"
digest="${PYTHON_DIGEST:-$(sed -n 's/^PYTHON_DIGEST=//p' deploy/compose/.env 2> /dev/null || true)}"
[ -n "$digest" ] || fail "PYTHON_DIGEST is missing in deploy/compose/.env: digests.sh finds it"
git rev-parse HEAD > /dev/null 2>&1 || fail "this is no git repository, so nobody knows which commit the image is of"

version="$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)"
time="$(git log -1 --format=%ct)"
label=org.opencontainers.image
options=(
  --file deploy/compose/Dockerfile --target "$target" --tag "$name:$version"
  --build-arg "PYTHON_DIGEST=$digest" --build-arg "SOURCE_DATE_EPOCH=$time"
  --label "$label.version=$version" --label "$label.created=$(date -u -d "@$time" +%FT%TZ)"
  --label "$label.revision=$(git describe --always --abbrev=40 --match= --dirty)"
)
[ -z "${IMAGE_SOURCE:-}" ] || options+=(--label "$label.source=$IMAGE_SOURCE") # where the repository is
if "$DOCKER" --version | grep -q podman; then
  options+=(--timestamp "$time" --format docker) # OCI's format has no health check
fi
"$DOCKER" build "${options[@]}" .
