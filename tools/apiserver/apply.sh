#!/bin/sh
# deploy/kubernetes applied to a real API server: Kubernetes' own, beside etcd, both built from their Go modules. There is no node
# and no controller: it shows that everything is admitted as it is written, not that it runs.
# Arguments: further files or folders of definitions (CRDs), of operators whose Go module has none.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
manifests=$here/../../deploy/kubernetes
bin=${XDG_CACHE_HOME:-$HOME/.cache}/bmt/apiserver
home=$(mktemp -d)
pids=

stop() {
  for pid in $pids; do { kill "$pid" && wait "$pid"; } 2> /dev/null || true; done
  rm -rf "$home"
}
trap stop EXIT
trap 'exit 130' INT TERM

fail() {
  echo "$*" >&2
  exit 1
}

kubectl() {
  KUBECONFIG=/dev/null "$bin/kubectl" --server="https://127.0.0.1:$api" --token=of-this-run --certificate-authority="$home/apiserver.crt" \
    --cache-dir="$home/cache" "$@"
}

# Applies standard input. A warning is an error: so Pod Security speaks of pods that nobody makes here.
apply() {
  kubectl apply --server-side --validate=strict --warnings-as-errors "$@" -f - > "$home/applied" 2> "$home/said" || true
  if grep -v -e 'no matches for kind' -e 'ensure CRDs are installed first' "$home/said" >&2; then return 1; fi
  echo "  $(wc -l < "$home/applied") resources are taken"
  sed -n 's/.*no matches for kind \(.*\)$/\1/p' "$home/said" | sort | uniq -c | sed 's/^ */  not seen, for want of a definition: /'
}

# A letter of a field goes missing, and the API server must say so.
refuses() {
  if kubectl kustomize "$manifests/overlays/national" | sed "s/$1:/${1%?}:/" \
    | kubectl apply --server-side --validate=strict --dry-run=server -f - > /dev/null 2> "$home/said"; then
    fail "$1 misspelt is taken"
  fi
  grep -q "${1%?}: field not declared in schema" "$home/said" || fail "$1 misspelt: $(cat "$home/said")"
  echo "$1 misspelt is refused"
}

command -v go > /dev/null || fail "make apiserver needs Go 1.26 on the PATH"
echo "kube-apiserver, kubectl and etcd are built (once; half an hour of a core)"
mkdir -p "$bin"
version=$(sed -n 's/^require k8s.io\/kubernetes \(v[0-9.]*\).*/\1/p' "$here/go.mod")
(cd "$here" && CGO_ENABLED=0 go build -ldflags="-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$bin/" tool)

ports=$(python3 -c 'import socket; s = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]; print(*(one.getsockname()[1] for one in s))')
read -r api client peer << END
$ports
END
"$bin/server" --data-dir="$home/etcd" --unsafe-no-fsync \
  --listen-client-urls="http://127.0.0.1:$client" --advertise-client-urls="http://127.0.0.1:$client" \
  --listen-peer-urls="http://127.0.0.1:$peer" --initial-advertise-peer-urls="http://127.0.0.1:$peer" \
  --initial-cluster="default=http://127.0.0.1:$peer" > "$home/etcd.log" 2>&1 &
pids=$!
openssl genrsa -out "$home/accounts.key" 2048 2> /dev/null
echo "of-this-run,admin,admin,system:masters" > "$home/tokens"
# ServiceAccount would wait for a controller, which makes an account in each namespace.
"$bin/kube-apiserver" --etcd-servers="http://127.0.0.1:$client" --secure-port="$api" --bind-address=127.0.0.1 \
  --advertise-address=127.0.0.1 --endpoint-reconciler-type=none --cert-dir="$home" --service-cluster-ip-range=10.96.0.0/16 \
  --authorization-mode=RBAC --token-auth-file="$home/tokens" --disable-admission-plugins=ServiceAccount \
  --service-account-issuer=https://127.0.0.1 --service-account-key-file="$home/accounts.key" \
  --service-account-signing-key-file="$home/accounts.key" > "$home/api.log" 2>&1 &
pids="$! $pids"
tries=120
until kubectl get --raw /readyz > /dev/null 2>&1; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || fail "kube-apiserver is not ready: $(tail "$home/api.log")"
  sleep 0.5
done
echo "kube-apiserver $(kubectl version -o json | sed -n '/serverVersion/,$s/.*"gitVersion": "\(.*\)".*/\1/p')"

grep -v '^k8s.io/kubernetes@' "$here/../manifests/definitions.txt" | while read -r module sum folder; do
  got=$(go mod download -json "$module")
  echo "$got" | grep -qF "\"Sum\": \"$sum\"" || fail "$module does not have the contents that are pinned: $got"
  find "$(echo "$got" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/$folder" -name '*.yaml' ! -name 'kustom*' -exec sed -s '1i ---' {} + \
    | kubectl apply --server-side -f - > /dev/null
done
for definitions in "$@"; do kubectl apply --server-side -f "$definitions" > /dev/null; done
kubectl wait --for=condition=Established customresourcedefinitions --all --timeout=60s > /dev/null

for namespace in base data; do kubectl apply --server-side -f "$manifests/$namespace/namespace.yaml" > /dev/null; done
# The agency's overlay has the names of the national one: the API server is asked about it, and keeps nothing.
for entry in "overlays/agency --dry-run=server" "overlays/national" "data"; do
  folder=${entry%% *}
  echo "deploy/kubernetes/$folder"
  kubectl kustomize "$manifests/$folder" > "$home/rendered"
  apply ${entry#"$folder"} < "$home/rendered"
done
refuses readinessProbe
refuses refreshInterval
