#!/bin/bash
# A one-node broker in KRaft mode. The chart mounts its properties and, where there are any, its SASL users; the storage is
# formatted once, with the cluster's id from the environment, and never again.
set -euo pipefail
properties=${KAFKA_PROPERTIES:?path of server.properties}
heap=${KAFKA_HEAP:-512m}
java=(java "-Xms$heap" "-Xmx$heap" -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -cp '/opt/kafka/libs/*')
"${java[@]}" kafka.tools.StorageTool format --ignore-formatted --standalone \
  --cluster-id "${KAFKA_CLUSTER_ID:?}" --config "$properties"
exec "${java[@]}" kafka.Kafka "$properties"
