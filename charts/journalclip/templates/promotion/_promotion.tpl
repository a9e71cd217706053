{{/*
{root, component, kind, values} -> JSON {own, files, notes, gates, suites, mounts, volumes}: what decides about candidates,
in promotion's own pod and in the toolbox.
*/}}
{{- define "journalclip.promotionContext" -}}
{{- $values := .values -}}
{{- $signing := include "journalclip.signing" (dict "root" .root "signer" false) | fromJson -}}
{{- $suites := ternary "promotion-suites" "suites-studies" (eq .kind "articles") -}}
{{- $name := include "journalclip.component" (pick . "root" "component") -}}
{{- $own := dict "lock" "registry" -}}
{{- $files := list -}}
{{- $notes := dict -}}
{{- $mounts := list -}}
{{- $volumes := list -}}
{{- if $signing.secret }}
{{- $_ := set $own "verify_key_file" "/etc/journalclip/signing/verify" -}}
{{- $files = list (dict "name" $signing.secret "items" (list (dict "key" $signing.key "path" "signing/verify"))) -}}
{{- end }}
{{- $gates := "" -}}
{{- with $values.gates }}
{{- $gates = toYaml . -}}
{{- $_ := set $own "gates" "/srv/gates/gates.yaml" -}}
{{- $_ := set $notes "checksum/gates" (sha256sum $gates) -}}
{{- $mounts = append $mounts (dict "name" "gates" "mountPath" "/srv/gates" "readOnly" true) -}}
{{- $volumes = append $volumes (dict "name" "gates" "configMap" (dict "name" (printf "%s-gates" $name))) -}}
{{- end }}
{{- if $values.suitesEnabled }}
{{- $_ := set $own "suites" "/srv/suites" -}}
{{- $mounts = append $mounts (dict "name" "suites" "mountPath" "/srv/suites" "readOnly" true) -}}
{{- $volumes = append $volumes (merge (dict "name" "suites") (include "journalclip.claimed" (dict "root" .root "component" $suites "storage" $values.suites) | fromYaml)) -}}
{{- end }}
{{- dict "own" $own "files" $files "notes" $notes "gates" $gates "suites" $suites "mounts" $mounts "volumes" $volumes | toJson -}}
{{- end -}}
