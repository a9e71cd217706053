{{/* How a training run is spread over pods, and the RayJob that is made for each training that is asked for. */}}

{{/* ray values -> worker pods that hold all of a run's workers at once. */}}
{{- define "journalclip.trainingPods" -}}
{{- if gt (int .worker.gpus) 0 -}}
{{- ceil (divf (mulf .workers .gpusPerWorker) (int .worker.gpus)) -}}
{{- else -}}{{ .workers }}{{- end -}}
{{- end -}}

{{/* {root, component, values} -> what a process, a RayJob's cluster and the standing one have in common */}}
{{- define "journalclip.trainingContext" -}}
{{- $values := .values -}}
{{- $signing := include "journalclip.signing" (dict "root" .root "signer" true) | fromJson -}}
{{- $ray := $values.ray -}}
{{- $process := eq $values.mode "process" -}}
{{- $own := dict -}}
{{- if $process -}}
{{- if gt (int $values.gpus) 0 -}}{{- $_ := set $own "device" "cuda" -}}{{- end -}}
{{- else -}}
{{- $onGpu := gt (int $ray.worker.gpus) 0 -}}
{{- $own = dict "ray_workers" $ray.workers "ray_failures" $ray.failures "device" (ternary "cuda" "cpu" $onGpu) -}}
{{- if $onGpu -}}{{- $_ := set $own "ray_gpus" $ray.gpusPerWorker -}}{{- end -}}
{{- with $ray.storage -}}{{- $_ := set $own "ray_storage" . -}}{{- end -}}
{{- end -}}
{{- $files := list -}}
{{- if $signing.secret -}}
{{- $_ := set $own "signing_key_file" "/etc/journalclip/signing/sign" -}}
{{- $files = list (dict "name" $signing.secret "items" (list (dict "key" $signing.key "path" "signing/sign"))) -}}
{{- end -}}
{{- $needs := list "kafka" "objectStore" "mlflow" -}}
{{- if .root.Values.models.hub -}}{{- $needs = append $needs "hub" -}}{{- end -}}
{{- $mounts := list -}}
{{- $volumes := list -}}
{{- with .root.Values.models.existingClaim -}}
{{- $mounts = append $mounts (dict "name" "models" "mountPath" "/srv/models" "readOnly" true) -}}
{{- $volumes = append $volumes (dict "name" "models" "persistentVolumeClaim" (dict "claimName" . "readOnly" true)) -}}
{{- end -}}
{{- with $values.reference.existingClaim -}}
{{- $_ := set $own "general_reference" "/srv/reference" -}}
{{- $mounts = append $mounts (dict "name" "reference" "mountPath" "/srv/reference" "readOnly" true) -}}
{{- $volumes = append $volumes (dict "name" "reference" "persistentVolumeClaim" (dict "claimName" . "readOnly" true)) -}}
{{- end -}}
{{- $component := ternary .component (printf "%s-ray" .component) $process -}}
{{- dict "component" $component "needs" $needs "own" $own "files" $files
    "mounts" (ternary ($mounts | toYaml) "" (gt (len $mounts) 0)) "volumes" (ternary ($volumes | toYaml) "" (gt (len $volumes) 0)) | toJson -}}
{{- end -}}

{{/* {root, component} -> the standing cluster's name. */}}
{{- define "journalclip.trainingCluster" -}}
{{- include "journalclip.rayName" (dict "root" .root "component" .component "most" 53) -}}
{{- end -}}

{{/* {root, component, values} -> the config map that the launcher makes RayJobs from. */}}
{{- define "journalclip.rayJobTemplate" -}}
{{- printf "%s-%s" (include "journalclip.fullname" .root) (ternary "training-rayjob" "rayjob-studies" (eq .component "training")) -}}
{{- end -}}

{{/*
{root, component, values} -> the RayJob that the launcher fills in: the end of its name, its owner, and `DATASET` in the
entry point. With a cluster of its own the cluster goes a little after the run, and with it the GPUs. A job on a standing
cluster takes none of what is about a cluster's life or a new start: KubeRay refuses it.
*/}}
{{- define "journalclip.rayJob" -}}
{{- $values := .values -}}
{{- $ray := $values.ray -}}
{{- $shared := include "journalclip.trainingContext" . | fromJson -}}
{{- $context := merge (dict "root" .root "values" $values "ray" $ray) $shared -}}
{{- $pods := include "journalclip.trainingPods" $ray | int -}}
{{- $labels := dict -}}
{{- with $ray.queue -}}{{- $_ := set $labels "kueue.x-k8s.io/queue-name" . -}}{{- end -}}
apiVersion: ray.io/v1
kind: RayJob
metadata:
  {{- /* The launcher appends up to 14 characters; KubeRay takes 47 in all. */ -}}
  {{- include "journalclip.metadata" (dict "root" .root "component" $shared.component "objectLabels" $labels
      "objectName" (include "journalclip.rayName" (dict "root" .root "component" (ternary "train" "train-studies" (eq .component "training")) "most" 33))) | nindent 2 }}
spec:
  entrypoint: python -m journalclip_training.job DATASET
  submissionMode: K8sJobMode
  {{- with $ray.activeDeadlineSeconds }}
  activeDeadlineSeconds: {{ int . }}
  {{- end }}
  {{- if eq $values.mode "rayCluster" }}
  clusterSelector:
    ray.io/cluster: {{ include "journalclip.trainingCluster" . }}
  {{- else }}
  backoffLimit: {{ int $ray.backoffLimit }}
  {{- if $ray.keepHead }}
  deletionStrategy:
    deletionRules:
      - {policy: DeleteWorkers, condition: {jobStatus: SUCCEEDED, ttlSeconds: 0}}
      - {policy: DeleteWorkers, condition: {jobStatus: FAILED, ttlSeconds: 0}}
      - {policy: DeleteCluster, condition: {jobStatus: SUCCEEDED, ttlSeconds: {{ int $ray.keepFinishedS }}}}
      - {policy: DeleteCluster, condition: {jobStatus: FAILED, ttlSeconds: {{ int $ray.keepFinishedS }}}}
  {{- else }}
  shutdownAfterJobFinishes: true
  ttlSecondsAfterFinished: {{ int $ray.keepFinishedS }}
  {{- end }}
  {{- with $ray.queue }}
  suspend: true  # until Kueue admits it
  {{- end }}
  {{- end }}
  submitterPodTemplate:
    {{- include "journalclip.pod" (dict "root" .root "component" $shared.component "layers" (list $ray.submitter) "container" "ray-job-submitter"
        "image" "ray" "resources" $ray.submitter.resources "restart" "Never" "work" "none" "needs" list) | nindent 4 }}
  {{- if ne $values.mode "rayCluster" }}
  rayClusterSpec:
    {{- include "journalclip.rayCluster" (merge (dict "replicas" (dict "min" $pods "max" $pods) "autoscale" false) $context) | nindent 4 }}
  {{- end }}
{{- end -}}
