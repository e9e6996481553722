#!/bin/bash
# Starts Kafka in KRaft mode, one node, as evaluation/kafka.py does: users are made when the
# storage is formatted, so that no moment exists without them; nobody may do what no ACL allows.
# They are the principals of deploy/kafka/acls.yaml.
# Passwords are in files, kafka-<user> among the secrets; the job kafka-rights sets them anew, but for admin's.
set -euo pipefail
umask 077

bin="${KAFKA_BIN:-/opt/kafka/bin}"
data="${KAFKA_DATA:-/var/lib/kafka/data}"
secrets="${SECRETS:-/run/secrets}"
settings="$(mktemp)"
acls="${BMT_ACLS_FILE:-/etc/bmt/acls.yaml}"
mapfile -t users < <(echo admin && sed -n '/^principals:/,$ s/^  \([a-z][a-z0-9-]*\):.*/\1/p' "$acls")

password() {
  cat "$secrets/kafka-$1"
}

scram='org.apache.kafka.common.security.scram.ScramLoginModule required'
plain='org.apache.kafka.common.security.plain.PlainLoginModule required'
login="$scram username=\"admin\" password=\"$(password admin)\";"
controller="$(password controller)"

cat > "$settings" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:${KAFKA_CONTROLLER_PORT:-9093}
controller.listener.names=CONTROLLER
listeners=CLIENTS://${KAFKA_BIND:-}:${KAFKA_PORT:-9092},HOST://${KAFKA_BIND:-}:${KAFKA_HOST_PORT:-9094},CONTROLLER://localhost:${KAFKA_CONTROLLER_PORT:-9093}
advertised.listeners=CLIENTS://${KAFKA_ADDRESS},HOST://${KAFKA_HOST_ADDRESS}
listener.security.protocol.map=CLIENTS:SASL_PLAINTEXT,HOST:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
inter.broker.listener.name=CLIENTS
log.dirs=$data
auto.create.topics.enable=false
num.partitions=3
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.retention.hours=720
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.mechanism.controller.protocol=PLAIN
listener.name.clients.scram-sha-512.sasl.jaas.config=$login
listener.name.host.scram-sha-512.sasl.jaas.config=$login
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config=$plain username="controller" password="$controller" user_controller="$controller";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:controller
allow.everyone.if.no.acl.found=false
EOF

if [ ! -f "$data/meta.properties" ]; then
  credentials=()
  for user in "${users[@]}"; do
    credentials+=(--add-scram "SCRAM-SHA-512=[name=$user,password=$(password "$user")]")
  done
  "$bin/kafka-storage.sh" format --cluster-id "$("$bin/kafka-storage.sh" random-uuid)" \
    --config "$settings" "${credentials[@]}"
fi
exec "$bin/kafka-server-start.sh" "$settings"
