{{/* What every pod and container of the chart has in common. */}}

{{/* The Pod Security Standard `restricted`, for a pod. */}}
{{- define "journalclip.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* The same for a container, on a root file system that cannot be written. */}}
{{- define "journalclip.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* {root, component, place: {nodeSelector...}, gpus}: where a pod may run. */}}
{{- define "journalclip.placement" -}}
{{- $gpu := .root.Values.gpu -}}
{{- $onGpu := gt (int (default 0 .gpus)) 0 -}}
{{- with merge (deepCopy .place.nodeSelector) (ternary $gpu.nodeSelector (dict) $onGpu) }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat .place.tolerations (ternary $gpu.tolerations (list) $onGpu) }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .place.affinity }}
affinity:
  {{- toYaml .place.affinity | nindent 2 }}
{{- else if .component }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "journalclip.selector" . | nindent 14 }}
{{- end }}
{{- with .place.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- if $onGpu }}
{{- with $gpu.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* {root, resources, gpus}: requests and limits; a GPU stands in the limits, from where Kubernetes takes the request. */}}
{{- define "journalclip.resources" -}}
{{- $limits := deepCopy .resources.limits -}}
{{- if gt (int (default 0 .gpus)) 0 -}}{{- $_ := set $limits .root.Values.gpu.resource (int .gpus) -}}{{- end -}}
{{- dict "requests" .resources.requests "limits" $limits | toYaml -}}
{{- end -}}

{{/* root: the pull secrets. */}}
{{- define "journalclip.pull" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Probes of a consume loop: its port opens once its clients are made, and it answers while the loop turns. */}}
{{- define "journalclip.loopProbes" -}}
startupProbe:
  httpGet: {path: /healthz, port: metrics}
  periodSeconds: 5
  failureThreshold: 120
livenessProbe:
  httpGet: {path: /healthz, port: metrics}
  periodSeconds: 20
  timeoutSeconds: 5
readinessProbe:
  httpGet: {path: /healthz, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
{{- end -}}

{{/*
A service: {root, component, values, image, args: [...], needs: [...]} and, where it has them,
  own: {setting: value}   files: [{name, items}]   gpus: n   recreate: bool   scaled: bool   account: token is mounted
  work: a volume for the work folder instead of an empty one        grace: seconds
  ports, probes, sidecars, volumes, mounts: YAML of lists, or of the probes
*/}}
{{- define "journalclip.deployment" -}}
{{- $root := .root -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "journalclip.metadata" . | nindent 2 }}
spec:
  {{- if not .scaled }}
  replicas: {{ int .values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  {{- if .recreate }}
  strategy:
    type: Recreate
  {{- else if gt (int (default 0 .gpus)) 0 }}
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 1, maxSurge: 0}  # a new pod beside an old one would wait for the old one's GPU
  {{- else }}
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  {{- end }}
  selector:
    matchLabels:
      {{- include "journalclip.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "journalclip.labels" . | nindent 8 }}
        journalclip/metrics: {{ .metrics | quote }}
      {{- with .values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ include "journalclip.component" . }}
      automountServiceAccountToken: {{ default false .account }}
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ default 60 .grace }}
      {{- include "journalclip.pull" $root | nindent 6 }}
      securityContext:
        {{- include "journalclip.podSecurity" . | nindent 8 }}
      {{- include "journalclip.placement" (dict "root" $root "component" .component "place" .values "gpus" .gpus) | nindent 6 }}
      {{- with .sidecars }}
      initContainers:
        {{- . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ include "journalclip.image" . }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args:
            {{- toYaml .args | nindent 12 }}
          env:
            {{- include "journalclip.environment" . | nindent 12 }}
          ports:
            {{- if .metrics }}
            - {name: metrics, containerPort: 9090}
            {{- end }}
            {{- with .ports }}
            {{- . | nindent 12 }}
            {{- end }}
          {{- default (include "journalclip.loopProbes" .) .probes | nindent 10 }}
          resources:
            {{- include "journalclip.resources" (dict "root" $root "resources" .values.resources "gpus" .gpus) | nindent 12 }}
          securityContext:
            {{- include "journalclip.containerSecurity" . | nindent 12 }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
            - {name: work, mountPath: /var/lib/journalclip}
            {{- if include "journalclip.credentials" . }}
            - {name: credentials, mountPath: /etc/journalclip, readOnly: true}
            {{- end }}
            {{- with .mounts }}
            {{- . | nindent 12 }}
            {{- end }}
      volumes:
        - name: tmp
          emptyDir: {}
        - name: work
          {{- default "emptyDir: {}" .work | nindent 10 }}
        {{- include "journalclip.credentials" . | nindent 8 }}
        {{- with .volumes }}
        {{- . | nindent 8 }}
        {{- end }}
{{- end -}}

{{/* {root, component, values} */}}
{{- define "journalclip.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "journalclip.metadata" . | nindent 2 }}
  {{- with .values.serviceAccountAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end -}}

{{/* {root, component, storage} -> the claim of a component's volume, unless it is there already. */}}
{{- define "journalclip.claim" -}}
{{- if not .storage.existingClaim }}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- include "journalclip.metadata" . | nindent 2 }}
  annotations:
    helm.sh/resource-policy: keep  # what is in it outlives the release
spec:
  accessModes: [ReadWriteOnce]
  {{- with .storage.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources:
    requests:
      storage: {{ .storage.size }}
{{- end }}
{{- end -}}

{{/* {root, component, storage} -> the volume's source. */}}
{{- define "journalclip.claimed" -}}
persistentVolumeClaim:
  claimName: {{ default (include "journalclip.component" .) .storage.existingClaim }}
{{- end -}}
