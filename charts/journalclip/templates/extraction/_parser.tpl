{{/* {root, parser}: the parser's container. It starts before the service and ends after it, as another user. */}}
{{- define "journalclip.parser" -}}
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
    {{- toYaml .parser.resources | nindent 4 }}
  securityContext:
    {{- include "journalclip.containerSecurity" . | nindent 4 }}
    runAsUser: 10002
  volumeMounts:
    - {name: parser, mountPath: /run/parser}
{{- end -}}
