#!/bin/bash
# What MongoDB's own image does before mongod: the first start makes the root user, while nobody else can come in.
set -euo pipefail
case "${1:--}" in -*) set -- mongod "$@" ;; esac
if [ -n "${MONGO_INITDB_ROOT_USERNAME:-}" ] && [ ! -e /data/db/WiredTiger ]; then
  mongod --bind_ip 127.0.0.1 --nounixsocket --fork --logpath /tmp/first-start.log
  python - <<'EOF'
import os, pathlib, pymongo
pymongo.MongoClient("mongodb://127.0.0.1/?directConnection=true").admin.command(
    "createUser", os.environ["MONGO_INITDB_ROOT_USERNAME"],
    pwd=pathlib.Path(os.environ["MONGO_INITDB_ROOT_PASSWORD_FILE"]).read_text().strip(), roles=["root"])
EOF
  mongod --shutdown
fi
exec "$@"
