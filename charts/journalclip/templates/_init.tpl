{{/*
Every template begins with this. It puts the generated defaults below the values that were given, so that values.yaml
holds only what people change, and so that `helm upgrade --reuse-values` finds the values that a newer chart knows and an
older release did not have. Then it refuses what cannot work, with a sentence.
*/}}
{{- define "journalclip.init" -}}
{{- if not (hasKey .Values "_ready") -}}
{{- $all := mergeOverwrite (.Files.Get "files/defaults.json" | fromJson) .Values -}}
{{- $_ := set $all "_ready" true -}}
{{- $_ := set . "Values" $all -}}
{{- include "journalclip.checks" . -}}
{{- end -}}
{{- end -}}
