{{/*
{metric, where: matchers, by: labels, window}: how often it was counted in the window. A counter's first sample is often its first
count, and `increase` needs two samples to see any: a series that is new counts whole.
*/}}
{{- define "journalclip.counted" -}}
{{- $series := printf "%s{%s}" .metric .where -}}
sum by ({{ .by }}) (({{ $series }} unless {{ $series }} offset {{ .window }}) or increase({{ $series }}[{{ .window }}]))
{{- end -}}

{{/* root -> JSON {groups: [...]}: the consumer groups of which at least one pod always runs, as metrics name them. */}}
{{- define "journalclip.standing" -}}
{{- $groups := list -}}
{{- $root := . -}}
{{- range $step := list "extraction" "structuring" "freezing" "training" "promotion" "index" "segments" -}}
{{- range (include "journalclip.steps" (dict "root" $root "step" $step) | fromJson).steps -}}
{{- $scaling := default (dict "kind" "none") .values.autoscaling -}}
{{- if gt (ternary (int .values.replicas) (int $scaling.minReplicas) (eq $scaling.kind "none")) 0 -}}
{{- $groups = append $groups (include "journalclip.principal" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.intake.enabled (gt (int .Values.intake.replicas) 0) -}}{{- $groups = append $groups "intake" -}}{{- end -}}
{{- if .Values.catalogue.enabled -}}{{- $groups = append $groups "catalogue" -}}{{- end -}}
{{- dict "groups" ($groups | sortAlpha) | toJson -}}
{{- end -}}
