{{/* {root, component, values, needs, metrics, ...}: what stands beside every service: account, policy, budget. */}}
{{- define "journalclip.access" -}}
{{ include "journalclip.serviceAccount" . }}
---
{{ include "journalclip.networkPolicy" (pick . "root" "component" "needs" "metrics" "ingress" "beyondPorts") }}
---
{{ include "journalclip.disruption" . }}
{{- end -}}
