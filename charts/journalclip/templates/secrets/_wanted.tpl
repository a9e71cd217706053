{{/*
root -> JSON {secrets: [{name, component, keys: {key: how}}]}: the secrets that the release needs and nobody brought. `how` is
  random:N (characters), text:WORDS, cluster-id, hmac:KEY (the same as under another key), or tokens (a first admin's);
  `former` is the key that held it in the last release.
*/}}
{{- define "journalclip.wantedSecrets" -}}
{{- $found := list -}}
{{- $fullname := include "journalclip.fullname" . -}}
{{- $services := (.Files.Get "files/topology.json" | fromJson).services -}}
{{- if and (eq .Values.kafka.mode "bundled") (not .Values.kafka.bundled.existingSecret) -}}
{{- $keys := dict "admin" (dict "make" "random:32") "object-store" (dict "make" "random:32") "cluster-id" (dict "make" "cluster-id") -}}
{{- range $name, $rights := $services -}}{{- $_ := set $keys $name (dict "make" "random:32" "former" (default "" $rights.former)) -}}{{- end -}}
{{- $found = append $found (dict "name" (printf "%s-kafka" $fullname) "component" "kafka" "keys" $keys) -}}
{{- end -}}
{{- if and (eq .Values.objectStore.mode "bundled") (not .Values.objectStore.bundled.existingSecret) -}}
{{- $keys := dict "admin-access-key" (dict "make" "text:admin") "admin-secret-key" (dict "make" "random:32") -}}
{{- range $name, $rights := $services -}}
{{- $_ := set $keys (printf "%s-access-key" $name) (dict "make" (printf "text:%s" $name)) -}}
{{- $_ := set $keys (printf "%s-secret-key" $name) (dict "make" "random:32" "former" (ternary (printf "%s-secret-key" $rights.former) "" (ne (default "" $rights.former) ""))) -}}
{{- end -}}
{{- $found = append $found (dict "name" (printf "%s-object-store" $fullname) "component" "object-store" "keys" $keys) -}}
{{- end -}}
{{- if and (eq .Values.llm.mode "bundled") (not .Values.llm.bundled.existingSecret) -}}
{{- $found = append $found (dict "name" (printf "%s-llm" $fullname) "component" "llm" "keys" (dict "api-key" (dict "make" "random:40"))) -}}
{{- end -}}
{{- if not .Values.inference.tokens.existingSecret -}}
{{- $found = append $found (dict "name" (printf "%s-tokens" $fullname) "component" "inference" "keys" (dict "tokens.json" (dict "make" "tokens:admin-token"))) -}}
{{- end -}}
{{- if and .Values.signing.enabled (not .Values.signing.existingSecret) -}}
{{- $found = append $found (dict "name" (printf "%s-signing" $fullname) "component" "training" "keys" (dict "sign" (dict "make" "hmac") "verify" (dict "make" "same:sign"))) -}}
{{- end -}}
{{- if and .Values.studies.enabled (not .Values.studies.reports.existingSecret) -}}
{{- $found = append $found (dict "name" (include "journalclip.reportsSecret" .) "component" "intake-studies" "keys" (dict "reports.key" (dict "make" "random:64"))) -}}
{{- end -}}
{{- dict "secrets" $found | toJson -}}
{{- end -}}
