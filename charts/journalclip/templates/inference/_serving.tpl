{{/* What a server of the champion needs, in a Deployment as under Ray Serve. */}}

{{- define "journalclip.servingContext" -}}
{{- $secret := default (printf "%s-tokens" (include "journalclip.fullname" .)) .Values.inference.tokens.existingSecret -}}
{{- dict "needs" (list "kafka" "objectStore" "mlflow")
    "own" (dict "tokens" "/etc/journalclip/tokens/tokens.json")
    "files" (list (dict "name" $secret "items" (list (dict "key" "tokens.json" "path" "tokens/tokens.json")))) | toJson -}}
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

{{/* root -> JSON {name, port}: the service that the page and the API answer at. */}}
{{- define "journalclip.servingService" -}}
{{- $name := include "journalclip.component" (dict "root" . "component" "inference") -}}
{{- if eq .Values.inference.mode "rayService" -}}
{{- dict "name" (printf "%s-serve-svc" $name) "port" 8000 | toJson -}}
{{- else -}}
{{- dict "name" $name "port" 80 | toJson -}}
{{- end -}}
{{- end -}}
