{{/* What a server of the champion needs, in a Deployment as under Ray Serve. */}}

{{- define "journalclip.servingContext" -}}
{{- $secret := include "journalclip.secretName" (dict "root" . "of" "tokens") -}}
{{- $own := dict "tokens" "/etc/journalclip/tokens/tokens.json" -}}
{{- $files := list (dict "name" $secret "items" (list (dict "key" "tokens.json" "path" "tokens/tokens.json"))) -}}
{{- $ports := list -}}
{{- with .Values.inference.oidc -}}
{{- if .issuer -}}
{{- $_ := set $own "oidc_issuer" .issuer -}}
{{- $ports = append $ports (include "journalclip.port" (dict "url" .issuer)) -}}
{{- if .clientId -}}{{- $_ := set $own "oidc_client_id" .clientId -}}{{- end -}}
{{- if .existingSecret -}}
{{- $_ := set $own "oidc_client_secret_file" "/etc/journalclip/oidc/client-secret" -}}
{{- $files = append $files (dict "name" .existingSecret "items" (list (dict "key" .key "path" "oidc/client-secret"))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- dict "needs" (list "kafka" "objectStore" "mlflow" "catalogue" "sessions") "own" $own "files" $files "ports" $ports | toJson -}}
{{- end -}}

{{/* {part, gpus} -> JSON of settings: which part of inference a pod is, and that it uses the GPU that it is given. */}}
{{- define "journalclip.inferencePart" -}}
{{- $own := dict "part" .part -}}
{{- if gt (int .gpus) 0 -}}{{- $_ := set $own "device" "cuda" -}}{{- end -}}
{{- $own | toJson -}}
{{- end -}}

{{/*
The port opens once the champion is loaded, or none is found. On a fresh cluster there is none for hours, and that must
not keep `helm install --wait` waiting: `empty=ok` asks for readiness without a champion.
*/}}
{{- define "journalclip.servingProbes" -}}
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 5
  failureThreshold: 180
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 20
  timeoutSeconds: 5
readinessProbe:
  httpGet: {path: "/readyz?empty=ok", port: http}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end -}}

{{/* root -> the RayService's name. */}}
{{- define "journalclip.rayServiceName" -}}
{{- include "journalclip.rayName" (dict "root" . "component" "inference" "most" 47) -}}
{{- end -}}

{{/* root -> JSON {name, port}: the service that the page and the API answer at. */}}
{{- define "journalclip.servingService" -}}
{{- if eq .Values.inference.mode "rayService" -}}
{{- dict "name" (printf "%s-serve-svc" (include "journalclip.rayServiceName" .)) "port" 8000 | toJson -}}
{{- else -}}
{{- dict "name" (include "journalclip.component" (dict "root" . "component" "inference")) "port" 80 | toJson -}}
{{- end -}}
{{- end -}}
