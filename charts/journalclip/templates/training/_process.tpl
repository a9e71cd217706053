{{/* {root, component, values}: training in the service's own pod, over a volume that a killed run resumes from. */}}
{{- define "journalclip.trainingProcess" -}}
{{- $values := .values -}}
{{- $context := merge (dict "root" .root "values" $values "image" "ray" "args" (list "journalclip_training") "gpus" $values.gpus
    "recreate" true "metrics" true "grace" 120
    "work" (include "journalclip.claimed" (dict "root" .root "component" .component "storage" $values.storage))) (include "journalclip.trainingContext" . | fromJson) -}}
{{ include "journalclip.deployment" $context }}
{{- /* A claim that no pod takes stays pending under most classes, and `helm install --wait` would wait for it. */ -}}
{{- if gt (int $values.replicas) 0 }}
---
{{ include "journalclip.claim" (dict "root" .root "component" .component "storage" $values.storage) }}
{{- end }}
---
{{ include "journalclip.access" $context }}
{{- end -}}
