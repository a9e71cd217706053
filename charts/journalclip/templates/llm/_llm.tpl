{{/* root -> the claim that holds the model: one that is there, or the one that the fetching job fills. */}}
{{- define "journalclip.modelClaim" -}}
{{- default (include "journalclip.component" (dict "root" . "component" "llm-models")) .Values.llm.bundled.modelClaim -}}
{{- end -}}

{{/*
root -> what is waited for before vLLM starts, in vLLM's own image: a model that is being fetched, and a driver that knows the
image's CUDA. Without these it would start again and again with a message about a library.
*/}}
{{- define "journalclip.beforeVllm" -}}
{{- $bundled := .Values.llm.bundled -}}
{{- $hatches := include "journalclip.hatches" (dict "root" . "layers" (list $bundled)) | fromJson -}}
{{- $few := dict "requests" (dict "cpu" "50m" "memory" "128Mi") "limits" (dict "memory" "4Gi") -}}
{{- if $bundled.fetch.source }}
- name: model
  image: {{ include "journalclip.image" (dict "root" . "image" "vllm") }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [sh, -c, {{ printf "until [ -f '/models/%s/.fetched.json' ]; do echo waiting for the model; sleep 10; done" (trimPrefix "/" $bundled.modelPath) | quote }}]
  resources:
    {{- include "journalclip.resources" (dict "root" . "resources" $few) | nindent 4 }}
  securityContext:
    {{- toYaml $hatches.securityContext | nindent 4 }}
  volumeMounts:
    - {name: models, mountPath: /models, readOnly: true}
{{- end }}
{{- if and .Values.gpu.checkDriver (gt (int $bundled.gpus) 0) }}
- name: driver
  image: {{ include "journalclip.image" (dict "root" . "image" "vllm") }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [python3, -c, {{ .Files.Get "files/driver.py" | toJson }}]
  resources:
    {{- include "journalclip.resources" (dict "root" . "resources" $few "gpus" $bundled.gpus "gpu" $bundled.gpu) | nindent 4 }}
  securityContext:
    {{- toYaml $hatches.securityContext | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
{{- end }}
{{- end -}}
