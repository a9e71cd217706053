{{/* {root, passwords}: the broker's properties. Only its own loopback reaches it without a password. */}}
{{- define "journalclip.brokerProperties" -}}
{{- $host := printf "%s-kafka.%s.svc.%s" (include "journalclip.fullname" .root) .root.Release.Namespace .root.Values.clusterDomain -}}
{{- $users := list -}}
{{- range $name, $password := .passwords -}}{{- $users = append $users (printf "user_%s=\"%s\"" $name $password) -}}{{- end -}}
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:9093
listeners=CLIENT://:9092,INTERNAL://127.0.0.1:9094,CONTROLLER://127.0.0.1:9093
advertised.listeners=CLIENT://{{ $host }}:9092,INTERNAL://127.0.0.1:9094
listener.security.protocol.map=CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=INTERNAL
controller.listener.names=CONTROLLER
sasl.enabled.mechanisms=PLAIN
listener.name.client.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required {{ join " " $users }};
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
log.dirs=/var/lib/kafka/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
{{- end -}}
