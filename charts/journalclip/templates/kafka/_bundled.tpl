{{/*
{root}: the broker's properties. Only its own loopback reaches it without a password. Its start script adds the users,
one for each file of the mounted secret.
*/}}
{{- define "journalclip.brokerProperties" -}}
{{- $host := printf "%s-kafka.%s.svc.%s" (include "journalclip.fullname" .root) .root.Release.Namespace .root.Values.clusterDomain -}}
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:9093
listeners=CLIENT://:9092,INTERNAL://127.0.0.1:9094,CONTROLLER://127.0.0.1:9093
advertised.listeners=CLIENT://{{ $host }}:9092,INTERNAL://127.0.0.1:9094
listener.security.protocol.map=CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=INTERNAL
controller.listener.names=CONTROLLER
sasl.enabled.mechanisms=PLAIN
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
log.dirs=/var/lib/kafka/data
auto.create.topics.enable=false
offsets.retention.minutes=2147483647
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
{{- end -}}

{{- define "journalclip.brokerProbes" -}}
startupProbe:
  tcpSocket: {port: kafka}
  periodSeconds: 3
  failureThreshold: 100
readinessProbe:
  tcpSocket: {port: kafka}
livenessProbe:
  tcpSocket: {port: kafka}
  periodSeconds: 20
{{- end -}}
