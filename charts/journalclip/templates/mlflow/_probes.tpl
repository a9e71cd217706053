{{- define "journalclip.mlflowProbes" -}}
startupProbe:
  httpGet: {path: /health, port: http}
  periodSeconds: 5
  failureThreshold: 120
readinessProbe:
  httpGet: {path: /health, port: http}
  timeoutSeconds: 5
livenessProbe:
  httpGet: {path: /health, port: http}
  periodSeconds: 30
  timeoutSeconds: 10
{{- end -}}
