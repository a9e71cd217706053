{{/* {root, component, args, ...}: the bootstrap job's pod; nothing in it may change where the release does not. */}}
{{- define "journalclip.bootstrapPod" -}}
metadata:
  labels:
    {{- include "journalclip.selector" . | nindent 4 }}
spec:
  restartPolicy: OnFailure
  serviceAccountName: {{ include "journalclip.component" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- include "journalclip.pull" .root | nindent 2 }}
  securityContext:
    {{- include "journalclip.podSecurity" . | nindent 4 }}
  containers:
    - name: bootstrap
      image: {{ include "journalclip.image" (dict "root" .root "image" "backbone") }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args:
        {{- toYaml .args | nindent 8 }}
      env:
        {{- include "journalclip.environment" . | nindent 8 }}
      resources:
        requests: {cpu: 50m, memory: 128Mi}
        limits: {memory: 512Mi}
      securityContext:
        {{- include "journalclip.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: work, mountPath: /var/lib/journalclip}
        {{- if include "journalclip.credentials" . }}
        - {name: credentials, mountPath: /etc/journalclip, readOnly: true}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {}
    - name: work
      emptyDir: {}
    {{- include "journalclip.credentials" . | nindent 4 }}
{{- end -}}
