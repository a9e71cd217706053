{{/* {root, secret, notifies: bool}: what MinIO is told; dropped files are announced to the bundled Kafka. */}}
{{- define "journalclip.storeEnvironment" -}}
{{- $kafka := include "journalclip.kafka" (dict "root" .root "component" "bootstrap") | fromJson -}}
- name: MINIO_ROOT_USER
  valueFrom: {secretKeyRef: {name: {{ .secret }}, key: admin-access-key}}
- name: MINIO_ROOT_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .secret }}, key: admin-secret-key}}
- {name: MINIO_BROWSER, value: "off"}
- {name: MINIO_UPDATE, value: "off"}
{{- if .notifies }}
- {name: MINIO_NOTIFY_KAFKA_ENABLE_PRIMARY, value: "on"}
- {name: MINIO_NOTIFY_KAFKA_BROKERS_PRIMARY, value: {{ $kafka.servers | quote }}}
- {name: MINIO_NOTIFY_KAFKA_TOPIC_PRIMARY, value: "{{ .root.Values.kafka.topicPrefix }}bucket.notifications"}
- {name: MINIO_NOTIFY_KAFKA_VERSION_PRIMARY, value: "3.6.0"}
- {name: MINIO_NOTIFY_KAFKA_SASL_PRIMARY, value: "on"}
- {name: MINIO_NOTIFY_KAFKA_SASL_MECHANISM_PRIMARY, value: plain}
- {name: MINIO_NOTIFY_KAFKA_SASL_USERNAME_PRIMARY, value: object-store}
- name: MINIO_NOTIFY_KAFKA_SASL_PASSWORD_PRIMARY
  valueFrom: {secretKeyRef: {name: {{ $kafka.secret }}, key: object-store}}
{{- end }}
{{- end -}}

{{- define "journalclip.storeProbes" -}}
startupProbe:
  httpGet: {path: /minio/health/live, port: s3}
  periodSeconds: 3
  failureThreshold: 100
readinessProbe:
  httpGet: {path: /minio/health/cluster, port: s3}
livenessProbe:
  httpGet: {path: /minio/health/live, port: s3}
  periodSeconds: 20
{{- end -}}
