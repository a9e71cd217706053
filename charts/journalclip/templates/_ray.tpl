{{/*
Ray clusters as KubeRay takes them: the same for a RayCluster, a RayJob and a RayService. KubeRay adds a port `metrics`
(8080) to each of its containers itself, so no container of ours declares that number.
*/}}

{{/*
{root, component, values, ray, needs, own, files, replicas: {min, max}, autoscale: bool} -> a RayClusterSpec
`component` names the pods' labels and their account; `ray` holds head and worker. GPU workers are on GPU nodes; the head
has no CPU to give to tasks, so nothing runs beside what coordinates.
*/}}
{{- define "journalclip.rayCluster" -}}
{{- $root := .root -}}
{{- $context := . -}}
rayVersion: {{ (.root.Files.Get "files/facts.json" | fromJson).ray | quote }}
# Every port of Ray asks for a token, which the operator makes and hands to the pods.
authOptions:
  mode: token
{{- with .ray.gcsFaultTolerance }}
{{- if .redisAddress }}
gcsFaultToleranceOptions:
  redisAddress: {{ .redisAddress | quote }}
  externalStorageNamespace: {{ include "journalclip.component" $context }}
  {{- with .existingSecret }}
  redisPassword:
    valueFrom:
      secretKeyRef: {name: {{ . }}, key: redis-password}
  {{- end }}
{{- end }}
{{- end }}
{{- if .autoscale }}
enableInTreeAutoscaling: true
autoscalerOptions:
  version: v2
  idleTimeoutSeconds: 300
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  securityContext:
    {{- (include "journalclip.hatches" (dict "root" $root "layers" (list .ray.head)) | fromJson).securityContext | toYaml | nindent 4 }}
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
    {{- include "journalclip.rayPod" (merge (dict "container" "ray-head" "nodes" .ray.head "gpus" 0 "operatorsAccount" .autoscale "ports" (list
        (dict "name" "gcs-server" "containerPort" 6379) (dict "name" "dashboard" "containerPort" 8265)
        (dict "name" "client" "containerPort" 10001) (dict "name" "serve" "containerPort" 8000))) .) | nindent 4 }}
{{- $groups := list (merge (dict "name" "workers" "replicas" .replicas.min "minReplicas" .replicas.min "maxReplicas" .replicas.max) .ray.worker) -}}
{{- range .ray.workerGroups -}}
{{- $given := include "journalclip.merged" (dict "base" (pick $context.ray.worker "resources" "gpus" "gpu" "scratch" "minReplicas" "maxReplicas") "over" .) | fromJson -}}
{{- $number := int (default 1 .replicas) -}}
{{- $groups = append $groups (mergeOverwrite $given (dict "replicas" $number "minReplicas" (ternary (int (default 0 .minReplicas)) $number $context.autoscale) "maxReplicas" (max $number (ternary (int $given.maxReplicas) $number $context.autoscale)))) -}}
{{- end }}
workerGroupSpecs:
{{- range $groups }}
  - groupName: {{ .name }}
    replicas: {{ int .replicas }}
    minReplicas: {{ int .minReplicas }}
    maxReplicas: {{ int .maxReplicas }}
    rayStartParams:
      # A MIG slice or another vendor's resource is a GPU to Ray only where it is said.
      num-gpus: {{ int .gpus | quote }}
    template:
      {{- include "journalclip.rayPod" (merge (dict "container" "ray-worker" "nodes" . "gpus" .gpus "gpu" .gpu "hostNetwork" .hostNetwork
          "work" (include "journalclip.scratch" .) "ports" (list (dict "name" "serve" "containerPort" 8000))) $context) | nindent 6 }}
{{- end }}
{{- end -}}

{{/* nodes -> the volume of their work folder: a claim that lives as long as the pod, or the node's own disk. */}}
{{- define "journalclip.scratch" -}}
{{- with .scratch -}}
{{- if .size -}}
ephemeral:
  volumeClaimTemplate:
    spec:
      accessModes: [ReadWriteOnce]
      {{- with .storageClass }}
      storageClassName: {{ . }}
      {{- end }}
      resources: {requests: {storage: {{ .size }}}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
A pod template of a Ray cluster. What the part says of placement is not for its Ray nodes, which say it themselves: a
selector of the launcher's or of a process's GPU would else hold the head.
*/}}
{{- define "journalclip.rayPod" -}}
{{- $part := pick .values "podLabels" "podAnnotations" "extraEnv" "extraEnvFrom" "extraVolumes" "extraVolumeMounts" "podSecurityContext" "securityContext" -}}
{{- include "journalclip.pod" (merge (dict "image" "ray" "layers" (list $part .nodes) "resources" .nodes.resources "grace" 120
    "account" (ternary "none" (include "journalclip.component" .) (default false .operatorsAccount))
    "marks" (dict "journalclip/ray-metrics" "true") "environment" (include "journalclip.environment" .)
    "ports" (.ports | toYaml) "lifecycle" "preStop:\n  exec: {command: [/bin/sh, -c, ray stop]}") (omit . "values" "replicas" "own" "ports")) -}}
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
