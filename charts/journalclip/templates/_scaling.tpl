{{/* How many pods: disruption budgets, autoscaling by CPU or by consumer lag. */}}

{{/* {root, component, values}: node maintenance takes one pod at a time, also the only one, so that a drain never hangs. */}}
{{- define "journalclip.disruption" -}}
{{- $budget := default dict (default dict .values).podDisruptionBudget -}}
{{- if .root.Values.podDisruptionBudgets }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "journalclip.metadata" . | nindent 2 }}
spec:
  {{- if $budget.minAvailable }}
  minAvailable: {{ int $budget.minAvailable }}
  {{- else }}
  maxUnavailable: {{ max 1 (int (default 1 $budget.maxUnavailable)) }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "journalclip.selector" . | nindent 6 }}
{{- end }}
{{- end -}}

{{/*
{root, component, scaling, topic}: `topic` is what a KEDA trigger measures; the group is the component's. A part that no queue
is of, but that others wait for, has `queues: [{component, topic}]` instead.
*/}}
{{- define "journalclip.scaling" -}}
{{- $name := include "journalclip.component" . -}}
{{- if eq .scaling.kind "hpa" }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "journalclip.metadata" . | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ $name }}}
  minReplicas: {{ max 1 (int .scaling.minReplicas) }}
  maxReplicas: {{ int .scaling.maxReplicas }}
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: {{ int .scaling.cpu }}}}
  behavior:
    scaleDown: {stabilizationWindowSeconds: 300}
{{- else if eq .scaling.kind "keda" }}
{{- $root := .root -}}
{{- $context := . -}}
{{- $prefix := .root.Values.kafka.topicPrefix }}
{{- $queues := default (list (dict "component" .component "topic" .topic)) .queues }}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  {{- include "journalclip.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    name: {{ $name }}
  minReplicaCount: {{ int .scaling.minReplicas }}
  maxReplicaCount: {{ int .scaling.maxReplicas }}
  cooldownPeriod: 300
  triggers:
    {{- range $queues }}
    {{- $kafka := include "journalclip.kafka" (dict "root" $root "component" .component) | fromJson }}
    - type: kafka
      metadata:
        bootstrapServers: {{ $kafka.servers | quote }}
        consumerGroup: {{ printf "%s%s" $prefix (include "journalclip.principal" .) | quote }}
        topic: {{ printf "%s%s" $prefix .topic | quote }}
        lagThreshold: {{ int $context.scaling.lag | quote }}
        offsetResetPolicy: earliest
        {{- if $kafka.username }}
        sasl: {{ get (dict "PLAIN" "plaintext" "SCRAM-SHA-256" "scram_sha256" "SCRAM-SHA-512" "scram_sha512" "OAUTHBEARER" "oauthbearer") $kafka.mechanism }}
        {{- with $kafka.tokenUrl }}
        oauthTokenEndpointUri: {{ . | quote }}
        {{- end }}
        {{- with $kafka.scope }}
        scopes: {{ . | quote }}
        {{- end }}
        {{- end }}
        {{- if has $kafka.security (list "SSL" "SASL_SSL") }}
        tls: enable
        {{- end }}
      {{- if or $kafka.username $kafka.ca $kafka.cert }}
      authenticationRef:
        name: {{ include "journalclip.triggerName" (dict "name" $name "scaled" $context.component "queue" .component) }}
      {{- end }}
    {{- end }}
{{- range $queues }}
{{- $kafka := include "journalclip.kafka" (dict "root" $root "component" .component) | fromJson }}
{{- $trigger := include "journalclip.triggerName" (dict "name" $name "scaled" $context.component "queue" .component) }}
{{- if or $kafka.username $kafka.ca $kafka.cert }}
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata:
  {{- include "journalclip.metadata" (merge (dict "objectName" $trigger) (pick $context "root" "component")) | nindent 2 }}
spec:
  secretTargetRef:
    {{- if $kafka.username }}
    - {parameter: username, name: {{ $trigger }}-keda, key: username}
    - {parameter: password, name: {{ $kafka.secret }}, key: {{ $kafka.key }}}
    {{- end }}
    {{- with $kafka.ca }}
    - {parameter: ca, name: {{ .name }}, key: {{ .key }}}
    {{- end }}
    {{- with $kafka.cert }}
    - {parameter: cert, name: {{ . }}, key: tls.crt}
    - {parameter: key, name: {{ . }}, key: tls.key}
    {{- end }}
{{- end }}
{{- if $kafka.username }}
---
# KEDA takes the user's name from a secret only; it is none.
apiVersion: v1
kind: Secret
metadata:
  {{- include "journalclip.metadata" (merge (dict "objectName" (printf "%s-keda" $trigger)) (pick $context "root" "component")) | nindent 2 }}
stringData:
  username: {{ $kafka.username }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* {name, scaled, queue}: what a trigger of a scaled part is called: the part's name, with the queue where it is another's. */}}
{{- define "journalclip.triggerName" -}}
{{- ternary .name (printf "%s-%s" .name .queue) (eq .scaled .queue) -}}
{{- end -}}
