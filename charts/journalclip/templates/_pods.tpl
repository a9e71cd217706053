{{/* Every pod of the chart is made here, so that what people may lay over one they may lay over all. */}}

{{/* {root, resources, gpus, gpu}: requests and limits; a GPU stands in the limits, from where Kubernetes takes the request. */}}
{{- define "journalclip.resources" -}}
{{- $given := default dict .resources -}}
{{- $limits := deepCopy (default dict $given.limits) -}}
{{- if gt (int (default 0 .gpus)) 0 -}}{{- $_ := set $limits (include "journalclip.gpu" . | fromJson).resource (int .gpus) -}}{{- end -}}
{{- dict "requests" (default dict $given.requests) "limits" $limits | toYaml -}}
{{- end -}}

{{/* root: the pull secrets. */}}
{{- define "journalclip.pull" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Probes of a consume loop: its port opens once its clients are made; it is alive while the loop turns, and ready while the
bus answers. A bus that is away restarts nobody. */}}
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
  httpGet: {path: /readyz, port: metrics}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end -}}

{{/* {every: seconds between the first looks}: probes of a server that is not ours and answers at /health. */}}
{{- define "journalclip.healthProbes" -}}
startupProbe:
  httpGet: {path: /health, port: http}
  periodSeconds: {{ int .every }}
  failureThreshold: 120
readinessProbe:
  httpGet: {path: /health, port: http}
  timeoutSeconds: 5
livenessProbe:
  httpGet: {path: /health, port: http}
  periodSeconds: 30
  timeoutSeconds: 10
{{- end -}}

{{/* Probes of the DICOM receiver: it listens. */}}
{{- define "journalclip.dicomProbes" -}}
startupProbe:
  tcpSocket: {port: dicom}
  periodSeconds: 5
  failureThreshold: 60
livenessProbe:
  tcpSocket: {port: dicom}
  periodSeconds: 20
readinessProbe:
  tcpSocket: {port: dicom}
  periodSeconds: 10
{{- end -}}

{{/*
A pod's template: {root, component, layers: [values...], container: its name, image, environment: YAML of variables}
and, where it has them,
  command, args: lists        resources, gpus, gpu         ports, probes, lifecycle, sidecars, mounts, volumes: YAML
  work: a volume for the work folder, or `none`            needs, files: credentials to mount
  account: its name, `none` where the operator gives one   token: it is mounted       restart, grace, hostNetwork
  anti: replicas keep apart   marks, notes: labels, annotations of its own
*/}}
{{- define "journalclip.pod" -}}
{{- $root := .root -}}
{{- $hatches := include "journalclip.hatches" . | fromJson -}}
{{- $credentials := include "journalclip.credentials" . -}}
{{- $trusts := include "journalclip.trustFile" $root -}}
{{- $account := default (include "journalclip.component" .) .account -}}
metadata:
  labels:
    {{- $own := merge (include "journalclip.selector" . | fromYaml) (dict "app.kubernetes.io/name" (include "journalclip.name" $root)) (default dict .marks) }}
    {{- merge $own $hatches.podLabels $root.Values.commonLabels | toYaml | nindent 4 }}
  {{- with merge dict (default dict .notes) $hatches.podAnnotations $root.Values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .restart }}
  restartPolicy: {{ . }}
  {{- end }}
  {{- if ne $account "none" }}
  serviceAccountName: {{ $account }}
  automountServiceAccountToken: {{ default false .token }}
  {{- end }}
  enableServiceLinks: false
  {{- if .hostNetwork }}
  hostNetwork: true
  dnsPolicy: ClusterFirstWithHostNet
  {{- end }}
  {{- with .grace }}
  terminationGracePeriodSeconds: {{ int . }}
  {{- end }}
  {{- include "journalclip.pull" $root | nindent 2 }}
  {{- with $hatches.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- include "journalclip.placement" (dict "root" $root "component" .component "anti" .anti "hatches" $hatches) | nindent 2 }}
  {{- with .sidecars }}
  initContainers:
    {{- . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .container }}
      image: {{ include "journalclip.image" . }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      {{- with .command }}
      command:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .args }}
      args:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- $lists := list (default "" .environment | fromYamlArray) (include "journalclip.worldEnvironment" $root | fromYamlArray) $hatches.extraEnv }}
      {{- with include "journalclip.variables" (dict "lists" $lists) | fromYamlArray }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $hatches.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .ports }}
      ports:
        {{- . | nindent 8 }}
      {{- end }}
      {{- with .probes }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with .lifecycle }}
      lifecycle:
        {{- . | nindent 8 }}
      {{- end }}
      resources:
        {{- include "journalclip.resources" . | nindent 8 }}
      {{- with $hatches.securityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        {{- if ne .work "none" }}
        - {name: work, mountPath: /var/lib/journalclip}
        {{- end }}
        {{- if $credentials }}
        - {name: credentials, mountPath: /etc/journalclip, readOnly: true}
        {{- end }}
        {{- if $trusts }}
        - {name: trust, mountPath: /etc/journalclip-trust, readOnly: true}
        {{- end }}
        {{- with .mounts }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- with $hatches.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {}
    {{- if ne .work "none" }}
    - name: work
      {{- default "emptyDir: {}" .work | nindent 6 }}
    {{- end }}
    {{- $credentials | nindent 4 }}
    {{- if $trusts }}
    {{- include "journalclip.trustVolume" $root | nindent 4 }}
    {{- end }}
    {{- with .volumes }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with $hatches.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/*
A service of ours: what `journalclip.pod` takes, with `values` as the layer and for its settings, and
  own: {setting: value}   recreate: bool   scaled: bool: an autoscaler says how many   metrics: bool: it has a metrics port
*/}}
{{- define "journalclip.deployment" -}}
{{- $root := .root -}}
{{- $ports := list -}}
{{- if .metrics }}{{- $ports = append $ports (dict "name" "metrics" "containerPort" 9090) -}}{{- end }}
{{- with .ports }}{{- $ports = concat $ports (fromYamlArray .) -}}{{- end }}
{{- $pod := merge (dict "layers" (default (list .values) .layers) "container" .component "resources" .values.resources
    "gpu" .values.gpu "environment" (include "journalclip.environment" .) "ports" (ternary ($ports | toYaml) "" (gt (len $ports) 0))
    "probes" (default (include "journalclip.loopProbes" .) .probes) "grace" (default 60 .grace) "anti" true
    "marks" (dict "journalclip/metrics" (toString .metrics))) . -}}
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
    {{- include "journalclip.pod" $pod | nindent 4 }}
{{- end -}}

{{/* What `journalclip.pod` takes, with `values` as its layer: a pod that waits for `kubectl exec`, or runs `command`. */}}
{{- define "journalclip.shell" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "journalclip.metadata" (pick . "root" "component") | nindent 2 }}
spec:
  replicas: 1
  strategy: {type: Recreate}  # a volume has one writer
  selector:
    matchLabels:
      {{- include "journalclip.selector" . | nindent 6 }}
  template:
    {{- include "journalclip.pod" (merge (dict "layers" (list .values) "container" .component "command" (default (list "sleep" "infinity") .command)
        "environment" (include "journalclip.environment" .) "resources" .values.resources "grace" (default 5 .grace)) .) | nindent 4 }}
{{- end -}}

{{/* {root, component, values} */}}
{{- define "journalclip.serviceAccount" -}}
{{- $notes := merge dict (default dict (default dict .values).serviceAccountAnnotations) .root.Values.serviceAccountAnnotations -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "journalclip.metadata" (merge (dict "objectAnnotations" $notes) (pick . "root" "component")) | nindent 2 }}
automountServiceAccountToken: false
{{- end -}}

{{/* {root, component, storage} -> the claim of a component's volume, unless it is there already. */}}
{{- define "journalclip.claim" -}}
{{- if not .storage.existingClaim }}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- /* What is in it outlives the release. */ -}}
  {{- include "journalclip.metadata" (merge (dict "objectAnnotations" (dict "helm.sh/resource-policy" "keep")) (pick . "root" "component")) | nindent 2 }}
spec:
  {{- include "journalclip.claimSpec" .storage | nindent 2 }}
{{- end }}
{{- end -}}

{{/* storage -> what a claim asks for. */}}
{{- define "journalclip.claimSpec" -}}
accessModes:
  {{- toYaml (default (list "ReadWriteOnce") .accessModes) | nindent 2 }}
{{- with .storageClass }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests:
    storage: {{ .size }}
{{- end -}}

{{/* {root, component, storage} -> the volume's source. */}}
{{- define "journalclip.claimed" -}}
persistentVolumeClaim:
  claimName: {{ default (include "journalclip.component" .) .storage.existingClaim }}
{{- end -}}

{{/*
A one-node server over a volume of its own: what `journalclip.pod` takes, with `values` as its layer, and
  mountPath: where its data lies
*/}}
{{- define "journalclip.statefulServer" -}}
{{- $storage := .values.storage -}}
{{- $volumes := default "" .volumes -}}
{{- if $storage.existingClaim -}}
{{- $volumes = printf "%s\n- name: data\n%s" $volumes (include "journalclip.claimed" (dict "root" .root "component" .component "storage" $storage) | indent 2) | trim -}}
{{- end -}}
{{- $mounts := printf "- {name: data, mountPath: %s}\n%s" .mountPath (default "" .mounts) | trim -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  {{- include "journalclip.metadata" . | nindent 2 }}
spec:
  serviceName: {{ include "journalclip.component" . }}
  replicas: 1
  selector:
    matchLabels:
      {{- include "journalclip.selector" . | nindent 6 }}
  template:
    {{- include "journalclip.pod" (merge (dict "layers" (list .values) "resources" .values.resources "work" "none" "grace" 60 "volumes" $volumes "mounts" $mounts) .) | nindent 4 }}
  {{- if not $storage.existingClaim }}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec:
        {{- include "journalclip.claimSpec" $storage | nindent 8 }}
  {{- end }}
{{- end -}}

{{/* {root, component, port, name, target, type, annotations}: a Service of one port. */}}
{{- define "journalclip.service" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "journalclip.metadata" . | nindent 2 }}
spec:
  {{- with .type }}
  type: {{ . }}
  {{- end }}
  {{- include "journalclip.families" .root | nindent 2 }}
  selector:
    {{- include "journalclip.selector" . | nindent 4 }}
  ports:
    - {name: {{ .name }}, port: {{ int .port }}, targetPort: {{ .target }}}
{{- end -}}
