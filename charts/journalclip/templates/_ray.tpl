{{/* Ray clusters as KubeRay takes them: the same for a RayCluster, a RayJob and a RayService. */}}

{{/*
{root, component, values, ray, needs, own, files, replicas: {min, max}, autoscale: bool} -> a RayClusterSpec
`component` names the pods' labels and their account; `ray` holds head and worker. GPU workers are on GPU nodes; the head
has no CPU to give to tasks, so nothing runs beside what coordinates.
*/}}
{{- define "journalclip.rayCluster" -}}
{{- $root := .root -}}
{{- $worker := .ray.worker -}}
rayVersion: {{ (.root.Files.Get "files/facts.json" | fromJson).ray }}
# Every port of Ray asks for a token, which the operator makes and hands to the pods.
authOptions:
  mode: token
{{- if .autoscale }}
enableInTreeAutoscaling: true
autoscalerOptions:
  version: v2
  idleTimeoutSeconds: 300
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  securityContext:
    {{- include "journalclip.containerSecurity" . | nindent 4 }}
  resources:
    requests: {cpu: 100m, memory: 256Mi}
    limits: {memory: 512Mi}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
{{- end }}
headGroupSpec:
  rayStartParams:
    num-cpus: "0"
    num-gpus: "0"
    dashboard-host: 0.0.0.0
  template:
    {{- include "journalclip.rayPod" (merge (dict "container" "ray-head" "place" .ray.head "resources" .ray.head.resources "gpus" 0 "account" (not .autoscale) "ports" (list
        (dict "name" "gcs-server" "containerPort" 6379) (dict "name" "dashboard" "containerPort" 8265)
        (dict "name" "client" "containerPort" 10001) (dict "name" "ray-metrics" "containerPort" 8080)
        (dict "name" "serve" "containerPort" 8000))) .) | nindent 4 }}
workerGroupSpecs:
  - groupName: workers
    replicas: {{ int .replicas.min }}
    minReplicas: {{ int .replicas.min }}
    maxReplicas: {{ int .replicas.max }}
    rayStartParams:
      # A MIG slice or another vendor's resource is a GPU to Ray only where it is said.
      num-gpus: {{ int $worker.gpus | quote }}
    template:
      {{- include "journalclip.rayPod" (merge (dict "container" "ray-worker" "place" $worker "resources" $worker.resources "gpus" $worker.gpus "account" true "ports" (list
          (dict "name" "ray-metrics" "containerPort" 8080) (dict "name" "serve" "containerPort" 8000))) .) | nindent 6 }}
{{- end -}}

{{/* A pod template of a Ray cluster. */}}
{{- define "journalclip.rayPod" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "journalclip.labels" . | nindent 4 }}
    journalclip/ray-metrics: "true"
  {{- with .values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- if .account }}
  serviceAccountName: {{ include "journalclip.component" . }}
  automountServiceAccountToken: false
  {{- end }}
  enableServiceLinks: false
  terminationGracePeriodSeconds: 120
  {{- include "journalclip.pull" $root | nindent 2 }}
  securityContext:
    {{- include "journalclip.podSecurity" . | nindent 4 }}
  {{- include "journalclip.placement" (dict "root" $root "place" .place "gpus" .gpus) | nindent 2 }}
  containers:
    - name: {{ .container }}
      image: {{ include "journalclip.image" (dict "root" $root "image" "ray") }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      env:
        {{- include "journalclip.environment" . | nindent 8 }}
      ports:
        {{- toYaml .ports | nindent 8 }}
      lifecycle:
        preStop:
          exec: {command: [/bin/sh, -c, ray stop]}
      resources:
        {{- include "journalclip.resources" (dict "root" $root "resources" .resources "gpus" .gpus) | nindent 8 }}
      securityContext:
        {{- include "journalclip.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: work, mountPath: /var/lib/journalclip}
        {{- if include "journalclip.credentials" . }}
        - {name: credentials, mountPath: /etc/journalclip, readOnly: true}
        {{- end }}
        {{- with .mounts }}
        {{- . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {}
    - name: work
      emptyDir: {}
    {{- include "journalclip.credentials" . | nindent 4 }}
    {{- with .volumes }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* {root, component}: the pods of a Ray cluster talk to one another on many ports, and to nobody else's. */}}
{{- define "journalclip.rayNetwork" -}}
{{- $pods := include "journalclip.selector" . -}}
{{- $peers := .root.Values.networkPolicy.peers -}}
{{- $inside := printf "- from:\n    - podSelector:\n        matchLabels:\n%s" ($pods | indent 10) -}}
{{- $operator := printf "- from:\n%s\n  ports:\n    - {protocol: TCP, port: 8265}\n    - {protocol: TCP, port: 52365}\n    - {protocol: TCP, port: 8000}" (include "journalclip.peers" $peers.rayOperatorFrom | indent 4) -}}
{{- $metrics := printf "- from:\n%s\n  ports:\n    - {protocol: TCP, port: 8080}" (include "journalclip.peers" $peers.monitoringFrom | indent 4) -}}
{{- $outside := printf "- to:\n    - podSelector:\n        matchLabels:\n%s" ($pods | indent 10) -}}
{{ include "journalclip.networkPolicy" (merge (dict
    "ingress" (join "\n" (compact (list $inside $operator $metrics .ingress)))
    "egress" $outside "metrics" false) .) }}
{{- end -}}
