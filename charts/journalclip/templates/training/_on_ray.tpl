{{/*
{root, component, values}: the launcher answers each frozen dataset with a request, makes a RayJob for each request and
waits for its end. Beside it: what RayJobs are made from, and the standing cluster where there is one.
*/}}
{{- define "journalclip.trainingOnRay" -}}
{{- $root := .root -}}
{{- $values := .values -}}
{{- $name := include "journalclip.component" . -}}
{{- $template := include "journalclip.rayJobTemplate" . -}}
{{- $cluster := eq $values.mode "rayCluster" -}}
{{- $ray := merge (dict "root" $root "values" $values "ray" $values.ray) (include "journalclip.trainingContext" . | fromJson) -}}
{{- $settings := merge (dict "concurrency" (int (default 1 $values.settings.concurrency))) (pick $values.settings "recipe" "recipe_set") -}}
{{- $launcher := merge (dict "settings" $settings "replicas" $values.replicas "podDisruptionBudget" $values.podDisruptionBudget
    "serviceAccountAnnotations" $values.serviceAccountAnnotations) $values.launcher -}}
{{- $context := dict "root" $root "component" .component "values" $launcher "image" "backbone" "args" (list "journalclip_training.launcher")
    "needs" (list "kafka" "objectStore" "kubernetes") "own" (dict "ray_job_template" $template "kube_namespace" $root.Release.Namespace)
    "token" true "recreate" true "metrics" true -}}
{{ include "journalclip.deployment" $context }}
---
{{ include "journalclip.access" $context }}
---
# What the launcher makes RayJobs from; deleting the release deletes it, and with it every RayJob that it owns.
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "journalclip.metadata" (dict "root" $root "component" .component "objectName" $template) | nindent 2 }}
data:
  rayjob.json: {{ include "journalclip.rayJob" . | fromYaml | toJson | quote }}
---
# The launcher may make RayJobs and look at them, and read what it makes them from: nothing else, and nowhere else.
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "journalclip.metadata" (pick . "root" "component") | nindent 2 }}
rules:
  - apiGroups: [ray.io]
    resources: [rayjobs]
    verbs: [create, get]
  - apiGroups: [""]
    resources: [configmaps]
    resourceNames: [{{ $template }}]
    verbs: [get]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  {{- include "journalclip.metadata" (pick . "root" "component") | nindent 2 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ $name }}}
subjects:
  - {kind: ServiceAccount, name: {{ $name }}, namespace: {{ $root.Release.Namespace }}}
---
{{ include "journalclip.serviceAccount" (dict "root" $root "component" $ray.component "values" $values) }}
---
{{ include "journalclip.rayNetwork" (dict "root" $root "component" $ray.component "needs" (ternary (append $ray.needs "kubernetes") $ray.needs $cluster)) }}
{{- if $cluster }}
---
apiVersion: ray.io/v1
kind: RayCluster
metadata:
  {{- include "journalclip.metadata" (dict "root" $root "component" .component "objectName" (include "journalclip.trainingCluster" .)) | nindent 2 }}
spec:
  {{- include "journalclip.rayCluster" (merge (dict "replicas" (dict "min" $values.ray.worker.minReplicas "max" $values.ray.worker.maxReplicas) "autoscale" true) $ray) | nindent 2 }}
{{- end }}
{{- end -}}
