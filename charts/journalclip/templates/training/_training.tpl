{{/* How a training run is spread over pods, and the RayJob that is made for each dataset. */}}

{{/* ray values -> worker pods that hold all of a run's workers at once. */}}
{{- define "journalclip.trainingPods" -}}
{{- if gt (int .worker.gpus) 0 -}}
{{- ceil (divf (mulf .workers .gpusPerWorker) (int .worker.gpus)) -}}
{{- else -}}{{ .workers }}{{- end -}}
{{- end -}}

{{/* root -> what both the RayJob's cluster and the standing one are made of */}}
{{- define "journalclip.trainingContext" -}}
{{- $values := .Values.training -}}
{{- $signing := include "journalclip.signing" (dict "root" . "signer" true) | fromJson -}}
{{- $ray := $values.ray -}}
{{- $onGpu := gt (int $ray.worker.gpus) 0 -}}
{{- $own := dict "ray_workers" $ray.workers "ray_failures" $ray.failures "device" (ternary "cuda" "cpu" $onGpu) -}}
{{- if $onGpu -}}{{- $_ := set $own "ray_gpus" $ray.gpusPerWorker -}}{{- end -}}
{{- with $ray.storage -}}{{- $_ := set $own "ray_storage" . -}}{{- end -}}
{{- $files := list -}}
{{- if $signing.secret -}}
{{- $_ := set $own "signing_key_file" "/etc/journalclip/signing/sign" -}}
{{- $files = list (dict "name" $signing.secret "items" (list (dict "key" $signing.key "path" "signing/sign"))) -}}
{{- end -}}
{{- $needs := list "kafka" "objectStore" "mlflow" -}}
{{- if .Values.models.hub -}}{{- $needs = append $needs "hub" -}}{{- end -}}
{{- dict "component" "training-ray" "needs" $needs "own" $own "files" $files
    "mounts" (include "journalclip.modelMounts" .) "volumes" (include "journalclip.modelVolumes" .) | toJson -}}
{{- end -}}

{{/* root: the claim that holds checkpoints to start from. */}}
{{- define "journalclip.modelMounts" -}}
{{- if .Values.models.existingClaim -}}- {name: models, mountPath: /srv/models, readOnly: true}{{- end -}}
{{- end -}}

{{- define "journalclip.modelVolumes" -}}
{{- with .Values.models.existingClaim -}}
- name: models
  persistentVolumeClaim: {claimName: {{ . }}, readOnly: true}
{{- end -}}
{{- end -}}

{{/* root -> the RayJob that the launcher fills in: the end of its name, its owner, and `DATASET` in the entry point. */}}
{{- define "journalclip.rayJob" -}}
{{- $values := .Values.training -}}
{{- $ray := $values.ray -}}
{{- $context := merge (dict "root" . "values" $values "ray" $ray) (include "journalclip.trainingContext" . | fromJson) -}}
{{- $pods := include "journalclip.trainingPods" $ray | int -}}
apiVersion: ray.io/v1
kind: RayJob
metadata:
  # The launcher appends ten characters; KubeRay takes 47 in all.
  name: {{ printf "%s-train" (include "journalclip.fullname" . | trunc 30 | trimSuffix "-") }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "journalclip.labels" (dict "root" . "component" "training-ray") | nindent 4 }}
    {{- with $ray.queue }}
    kueue.x-k8s.io/queue-name: {{ . }}
    {{- end }}
spec:
  entrypoint: python -m journalclip_training.job DATASET
  submissionMode: K8sJobMode
  backoffLimit: {{ int $ray.backoffLimit }}
  ttlSecondsAfterFinished: {{ int $ray.keepFinishedS }}
  {{- with $ray.queue }}
  suspend: true  # until Kueue admits it
  {{- end }}
  {{- if eq $values.mode "rayCluster" }}
  clusterSelector:
    ray.io/cluster: {{ include "journalclip.component" (dict "root" . "component" "training") }}
  {{- else }}
  shutdownAfterJobFinishes: true
  {{- end }}
  submitterPodTemplate:
    metadata:
      labels:
        {{- include "journalclip.labels" (dict "root" . "component" "training-ray") | nindent 8 }}
    spec:
      restartPolicy: Never
      serviceAccountName: {{ include "journalclip.component" (dict "root" . "component" "training-ray") }}
      automountServiceAccountToken: false
      {{- include "journalclip.pull" . | nindent 6 }}
      securityContext:
        {{- include "journalclip.podSecurity" . | nindent 8 }}
      containers:
        - name: ray-job-submitter
          image: {{ include "journalclip.image" (dict "root" . "image" "ray") }}
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          resources:
            requests: {cpu: 100m, memory: 256Mi}
            limits: {memory: 1Gi}
          securityContext:
            {{- include "journalclip.containerSecurity" . | nindent 12 }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
      volumes:
        - name: tmp
          emptyDir: {}
  {{- if ne $values.mode "rayCluster" }}
  rayClusterSpec:
    {{- include "journalclip.rayCluster" (merge (dict "replicas" (dict "min" $pods "max" $pods) "autoscale" false) $context) | nindent 4 }}
  {{- end }}
{{- end -}}
