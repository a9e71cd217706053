{{/* What objects are called, and the labels they carry. */}}

{{- define "journalclip.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Forty characters leave room for the longest suffix, and for what KubeRay appends to a RayService's name. */}}
{{- define "journalclip.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "journalclip.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* {root, component}: the name of a component's objects. */}}
{{- define "journalclip.component" -}}
{{- printf "%s-%s" (include "journalclip.fullname" .root) .component -}}
{{- end -}}

{{/* {root, component} */}}
{{- define "journalclip.selector" -}}
app.kubernetes.io/part-of: journalclip
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* {root, component} */}}
{{- define "journalclip.labels" -}}
{{ include "journalclip.selector" . }}
app.kubernetes.io/name: {{ include "journalclip.name" .root }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* {root, component} */}}
{{- define "journalclip.metadata" -}}
name: {{ include "journalclip.component" . }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "journalclip.labels" . | nindent 2 }}
{{- end -}}

{{/* {root, image}: the reference of one image; a name that has no tag and no digest gets the release's. */}}
{{- define "journalclip.image" -}}
{{- $image := .root.Values.image -}}
{{- $name := index $image .image -}}
{{- $tagged := or (contains "@" $name) (contains ":" (splitList "/" $name | last)) -}}
{{- if not $tagged -}}{{- $name = printf "%s:%s" $name (default .root.Chart.AppVersion $image.tag) -}}{{- end -}}
{{- if $image.registry -}}{{- printf "%s/%s" (trimSuffix "/" $image.registry) $name -}}{{- else -}}{{- $name -}}{{- end -}}
{{- end -}}

{{/* {root, component}: the Kafka user, consumer group and object-store user of a component, as topology.json names it. */}}
{{- define "journalclip.principal" -}}
{{- get (dict "extraction" "extraction-articles" "structuring" "structuring-articles" "freezing" "freezing-articles" "training" "training-articles" "training-ray" "training-articles" "promotion" "promotion-articles" "index" "inference-index-articles" "segments" "inference-segments-articles" "inference" "inference-serve" "bootstrap" "admin") .component | default .component -}}
{{- end -}}

{{/* {component}: the kind that a component serves; empty where it serves all. */}}
{{- define "journalclip.kind" -}}
{{- if has .component (list "extraction" "structuring" "freezing" "training" "training-ray" "promotion" "index" "segments") -}}articles{{- end -}}
{{- end -}}
