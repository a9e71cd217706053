{{/* What objects are called, and the labels they carry. */}}

{{- define "journalclip.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Forty characters leave room for the longest suffix. */}}
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

{{/*
{root, component, most}: the name of an object of KubeRay, which makes further names of it and so takes 47 characters of
a RayService or RayJob and 53 of a RayCluster.
*/}}
{{- define "journalclip.rayName" -}}
{{- $room := sub (int .most) (add1 (len .component)) | int -}}
{{- printf "%s-%s" (include "journalclip.fullname" .root | trunc $room | trimSuffix "-") .component -}}
{{- end -}}

{{/* {root, component} */}}
{{- define "journalclip.selector" -}}
app.kubernetes.io/part-of: journalclip
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* {root, component, objectLabels: {...}} */}}
{{- define "journalclip.labels" -}}
{{- $own := include "journalclip.selector" . | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/name" (include "journalclip.name" .root) -}}
{{- $_ := set $own "app.kubernetes.io/version" .root.Chart.AppVersion -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") -}}
{{- merge $own (default dict .objectLabels) .root.Values.commonLabels | toYaml -}}
{{- end -}}

{{/* {root, component, and of the object where it has them: objectName, objectLabels, objectAnnotations} */}}
{{- define "journalclip.metadata" -}}
name: {{ default (include "journalclip.component" .) .objectName }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "journalclip.labels" . | nindent 2 }}
{{- with merge dict (default dict .objectAnnotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* root: which families a Service has, where that is said. */}}
{{- define "journalclip.families" -}}
{{- with .Values.ipFamilyPolicy }}
ipFamilyPolicy: {{ . }}
{{- end }}
{{- end -}}

{{/* root: every address of a pod, of each family that its Services may have. */}}
{{- define "journalclip.anyAddress" -}}
{{- ternary "::" "0.0.0.0" (has .Values.ipFamilyPolicy (list "PreferDualStack" "RequireDualStack")) -}}
{{- end -}}

{{/* {root, image}: the reference of one image; a name that has no tag and no digest gets the release's. */}}
{{- define "journalclip.image" -}}
{{- $all := .root.Values.image -}}
{{- $one := index $all .image -}}
{{- if kindIs "string" $one -}}{{- $one = dict "repository" $one -}}{{- end -}}
{{- $name := $one.repository -}}
{{- $registry := default $all.registry $one.registry -}}
{{- if $one.digest -}}{{- $name = printf "%s@%s" $name $one.digest -}}
{{- else if $one.tag -}}{{- $name = printf "%s:%s" $name $one.tag -}}
{{- else if not (or (contains "@" $name) (contains ":" (splitList "/" $name | last))) -}}
{{- $name = printf "%s:%s" $name (default .root.Chart.AppVersion $all.tag) -}}
{{- end -}}
{{- if $registry -}}{{- printf "%s/%s" (trimSuffix "/" $registry) $name -}}{{- else -}}{{- $name -}}{{- end -}}
{{- end -}}

{{/*
{root, step} -> JSON [{component, kind, values}]: a step is deployed once for each kind that the release serves, with a
login of its own. Articles' parts have the step's plain name, as in the first release.
*/}}
{{- define "journalclip.steps" -}}
{{- $found := list (dict "component" .step "kind" "articles" "values" (index .root.Values .step)) -}}
{{- if .root.Values.studies.enabled -}}
{{- $found = append $found (dict "component" (printf "%s-studies" .step) "kind" "studies" "values" (index .root.Values.studies .step)) -}}
{{- end -}}
{{- dict "steps" $found | toJson -}}
{{- end -}}

{{/* {root, component}: the Kafka user, consumer group and object-store user of a component, as topology.json names it. */}}
{{- define "journalclip.principal" -}}
{{- $component := trimSuffix "-ray" .component -}}
{{- get (dict "extraction" "extraction-articles" "structuring" "structuring-articles" "freezing" "freezing-articles" "training" "training-articles" "promotion" "promotion-articles" "index" "inference-index-articles" "index-studies" "inference-index-studies" "intake-studies" "study-intake" "segments" "inference-segments-articles" "segments-studies" "inference-segments-studies" "inference" "inference-serve" "bootstrap" "admin" "llm-models" "admin" "toolbox" "admin" "smoke" "admin") $component | default $component -}}
{{- end -}}

{{/* {component}: the kind that a component serves; empty where it serves all. */}}
{{- define "journalclip.kind" -}}
{{- $step := .component | trimSuffix "-ray" | trimSuffix "-studies" -}}
{{- if has $step (list "extraction" "structuring" "freezing" "training" "promotion" "index" "segments") -}}
{{- ternary "studies" "articles" (contains "-studies" .component) -}}
{{- end -}}
{{- end -}}
