{{/*
{root, component, pod}: a job. One cannot be changed, so a job that differs has another name: Helm makes it and removes
the former one.
*/}}
{{- define "journalclip.job" -}}
apiVersion: batch/v1
kind: Job
metadata:
  {{- include "journalclip.metadata" (merge (dict "objectName" (printf "%s-%s" (include "journalclip.component" .) (sha256sum .pod | trunc 8))) (pick . "root" "component")) | nindent 2 }}
spec:
  backoffLimit: 20
  template:
    {{- .pod | nindent 4 }}
{{- end -}}
