{{/*
Every template begins with this. It puts the generated defaults below the values that were given, so that values.yaml
holds only what people change, and so that `helm upgrade --reuse-values` finds the values that a newer chart knows and an
older release did not have. Then it refuses what cannot work, with a sentence.
*/}}
{{- define "journalclip.init" -}}
{{- if not (hasKey .Values "_ready") -}}
{{- $all := include "journalclip.merged" (dict "base" (.Files.Get "files/defaults.json" | fromJson) "over" .Values) | fromJson -}}
{{- $_ := set $all "_ready" true -}}
{{- $_ := set . "Values" $all -}}
{{- include "journalclip.checks" . -}}
{{- end -}}
{{- end -}}

{{/*
{base, over} -> JSON of both. Maps are merged; a null means what it means in Helm: it takes a key away, and so empties a
map or a list of the base.
*/}}
{{- define "journalclip.merged" -}}
{{- $found := dict -}}
{{- range $key, $value := .base -}}
{{- if not (hasKey $.over $key) -}}{{- $_ := set $found $key $value -}}{{- end -}}
{{- end -}}
{{- range $key, $value := .over -}}
{{- $below := get $.base $key -}}
{{- if kindIs "invalid" $value -}}
{{- if kindIs "map" $below -}}{{- $_ := set $found $key dict -}}
{{- else if kindIs "slice" $below -}}{{- $_ := set $found $key list -}}{{- end -}}
{{- else if and (kindIs "map" $value) (or (kindIs "map" $below) (not $below)) -}}
{{- $_ := set $found $key (include "journalclip.merged" (dict "base" (ternary $below dict (kindIs "map" $below)) "over" $value) | fromJson) -}}
{{- else -}}{{- $_ := set $found $key $value -}}
{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}
