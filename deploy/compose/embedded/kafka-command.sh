#!/bin/bash
# Kafka's own command of this name, with the embedded Java and jars: kafka-storage.sh or kafka-server-start.sh.
set -euo pipefail
main=kafka.Kafka
[ "$(basename "$0")" = kafka-storage.sh ] && main=kafka.tools.StorageTool
jars="$(echo /opt/kafka/bmt/kafka-*/.jgo)"
# shellcheck disable=SC2086 - several options
exec java ${KAFKA_HEAP_OPTS:--Xms256m -Xmx512m} -XX:+UseSerialGC --sun-misc-unsafe-memory-access=allow \
  --enable-native-access=ALL-UNNAMED -cp "$jars/jars/*:$jars/modules/*" "$main" "$@"
