{{/* {root, values, parser}: the parser's container. It starts before the service and ends after it, as another user. */}}
{{- define "journalclip.parser" -}}
{{- $hatches := include "journalclip.hatches" (dict "root" .root "layers" (list .values)) | fromJson -}}
{{- $security := $hatches.securityContext -}}
{{- /* Where the cluster gives pods their user, as OpenShift does, the two have the same. */ -}}
{{- if $hatches.podSecurityContext.runAsUser -}}{{- $_ := set $security "runAsUser" 10002 -}}{{- end -}}
- name: parser
  image: {{ include "journalclip.image" (dict "root" .root "image" "parser") }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  restartPolicy: Always
  args: [/run/parser/socket]
  startupProbe:
    exec:
      command: [python, -I, -c, "import os; os.stat('/run/parser/socket')"]
    periodSeconds: 2
    timeoutSeconds: 10
    failureThreshold: 60
  resources:
    {{- include "journalclip.resources" (dict "root" .root "resources" .parser.resources) | nindent 4 }}
  securityContext:
    {{- toYaml $security | nindent 4 }}
  volumeMounts:
    - {name: parser, mountPath: /run/parser}
{{- end -}}
