#!/bin/bash
# A one-node broker in KRaft mode. The chart mounts its properties and, where there are any, a folder of SASL users: one
# file a user that holds the password. The storage is formatted once, with the cluster's id, and never again.
set -euo pipefail
properties=${KAFKA_PROPERTIES:?path of server.properties}
heap=${KAFKA_HEAP:-512m}
if [ -n "${KAFKA_USERS:-}" ]; then
  listed=""
  for file in "$KAFKA_USERS"/*; do
    name=$(basename "$file")
    case $name in cluster-id | *.*) continue ;; esac  # no users
    listed="$listed user_$name=\"$(cat "$file")\""
  done
  with_users=$(mktemp)
  cp "$properties" "$with_users"
  login=org.apache.kafka.common.security.plain.PlainLoginModule
  printf '\nlistener.name.client.plain.sasl.jaas.config=%s required%s;\n' "$login" "$listed" >> "$with_users"
  properties=$with_users
fi
id=${KAFKA_CLUSTER_ID:-$(cat "${KAFKA_CLUSTER_ID_FILE:?a file, or KAFKA_CLUSTER_ID}")}
java=(java "-Xms$heap" "-Xmx$heap" -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -cp '/opt/kafka/libs/*')
"${java[@]}" kafka.tools.StorageTool format --ignore-formatted --standalone \
  --cluster-id "$id" --config "$properties"
exec "${java[@]}" kafka.Kafka "$properties"
