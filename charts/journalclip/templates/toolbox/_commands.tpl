{{/*
{root, component, values} -> JSON of what a pod of commands has: the servers, the admin's logins, and what promotion decides
by, so that `journalclip models promote` asks the same of a candidate as the service does.
*/}}
{{- define "journalclip.commands" -}}
{{- $promotion := .root.Values.promotion -}}
{{- $found := include "journalclip.promotionContext" (dict "root" .root "component" "promotion" "kind" "articles" "values" $promotion) | fromJson -}}
{{- $values := merge (dict "settings" (deepCopy (default dict $promotion.settings))) .values -}}
{{- $context := dict "component" .component "values" $values "image" "ray" "metrics" false "own" $found.own "files" $found.files
    "notes" $found.notes "needs" (list "kafka" "objectStore" "mlflow" "catalogue") -}}
{{- if $found.mounts }}{{- $_ := set $context "mounts" ($found.mounts | toYaml) -}}{{- $_ := set $context "volumes" ($found.volumes | toYaml) -}}{{- end }}
{{- $context | toJson -}}
{{- end -}}
