{{/*
root -> JSON {secrets: [{name, component, keys: {key: how}}]}: the secrets that the release needs and nobody brought. `how` is
  random:N (characters), text:WORDS, same:KEY, format:TEXT with {KEY}, cluster-id, hmac, or tokens:KEY (a first admin's);
  `former` is the key that held it in the last release.
*/}}
{{- define "journalclip.wantedSecrets" -}}
{{- $found := list -}}
{{- $root := . -}}
{{- $brought := include "journalclip.brought" . | fromJson -}}
{{- $services := (.Files.Get "files/topology.json" | fromJson).services -}}
{{- if and (eq .Values.kafka.mode "bundled") (not (get $brought "kafka")) -}}
{{- $keys := dict "admin" (dict "make" "random:32") "object-store" (dict "make" "random:32") "cluster-id" (dict "make" "cluster-id") -}}
{{- range $name, $rights := $services -}}{{- $_ := set $keys $name (dict "make" "random:32" "former" (default "" $rights.former)) -}}{{- end -}}
{{- $found = append $found (dict "name" (include "journalclip.secretName" (dict "root" $root "of" "kafka")) "component" "kafka" "keys" $keys) -}}
{{- end -}}
{{- if and (eq .Values.objectStore.mode "bundled") (not (get $brought "object-store")) -}}
{{- $keys := dict "admin-access-key" (dict "make" "text:admin") "admin-secret-key" (dict "make" "random:32") -}}
{{- range $name, $rights := $services -}}
{{- $_ := set $keys (printf "%s-access-key" $name) (dict "make" (printf "text:%s" $name)) -}}
{{- $_ := set $keys (printf "%s-secret-key" $name) (dict "make" "random:32" "former" (ternary (printf "%s-secret-key" $rights.former) "" (ne (default "" $rights.former) ""))) -}}
{{- end -}}
{{- $found = append $found (dict "name" (include "journalclip.secretName" (dict "root" $root "of" "object-store")) "component" "object-store" "keys" $keys) -}}
{{- end -}}
{{- if and .Values.postgres.enabled (not (get $brought "postgres")) -}}
{{- $keys := dict "admin-password" (dict "make" "random:32") -}}
{{- $host := include "journalclip.component" (dict "root" . "component" "postgres") -}}
{{- range $name := list "catalogue" "mlflow" -}}
{{- $_ := set $keys (printf "%s-password" $name) (dict "make" "random:32") -}}
{{- $_ := set $keys (printf "%s-uri" $name) (dict "make" (printf "format:postgresql+psycopg://%s:{%s-password}@%s:5432/%s" $name $name $host $name)) -}}
{{- end -}}
{{- $found = append $found (dict "name" (include "journalclip.secretName" (dict "root" . "of" "postgres")) "component" "postgres" "keys" $keys) -}}
{{- end -}}
{{- if and (eq .Values.llm.mode "bundled") (not (get $brought "llm")) -}}
{{- $found = append $found (dict "name" (include "journalclip.secretName" (dict "root" $root "of" "llm")) "component" "llm" "keys" (dict "api-key" (dict "make" "random:40"))) -}}
{{- end -}}
{{- if not (get $brought "tokens") -}}
{{- $found = append $found (dict "name" (include "journalclip.secretName" (dict "root" $root "of" "tokens")) "component" "inference" "keys" (dict "tokens.json" (dict "make" "tokens:admin-token"))) -}}
{{- end -}}
{{- if and .Values.signing.enabled (not (get $brought "signing")) -}}
{{- $found = append $found (dict "name" (include "journalclip.secretName" (dict "root" $root "of" "signing")) "component" "training" "keys" (dict "sign" (dict "make" "hmac") "verify" (dict "make" "same:sign"))) -}}
{{- end -}}
{{- if and .Values.studies.enabled (not (get $brought "reports")) -}}
{{- $found = append $found (dict "name" (include "journalclip.secretName" (dict "root" $root "of" "reports")) "component" "intake-studies" "keys" (dict "reports.key" (dict "make" "random:64"))) -}}
{{- end -}}
{{- dict "secrets" $found | toJson -}}
{{- end -}}
