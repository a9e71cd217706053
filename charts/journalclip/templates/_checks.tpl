{{/*
What the schema cannot say, because it depends on two values at once. Each check ends in a sentence that says what to set.
*/}}

{{/* root: collects every sentence, so that one attempt shows them all. */}}
{{- define "journalclip.checks" -}}
{{- $v := .Values -}}
{{- $said := list -}}
{{- $kafka := $v.kafka.external -}}
{{- if eq $v.kafka.mode "external" -}}
{{- if not $kafka.servers -}}{{- $said = append $said "kafka.mode is external: set kafka.external.servers." -}}{{- end -}}
{{- if and (hasPrefix "SASL" $kafka.security) (not $kafka.existingSecret) -}}{{- $said = append $said (printf "kafka.external.security is %s: set kafka.external.existingSecret to the secret that holds the passwords." $kafka.security) -}}{{- end -}}
{{- if and $kafka.acls (or $kafka.username (not $kafka.adminUsername)) -}}{{- $said = append $said "kafka.external.acls needs one user a service (leave kafka.external.username empty) and kafka.external.adminUsername." -}}{{- end -}}
{{- end -}}
{{- if eq $v.objectStore.mode "external" -}}
{{- if not $v.objectStore.external.endpoint -}}{{- $said = append $said "objectStore.mode is external: set objectStore.external.endpoint." -}}{{- end -}}
{{- if not $v.objectStore.external.existingSecret -}}{{- $said = append $said "objectStore.mode is external: set objectStore.external.existingSecret to the secret that holds its keys." -}}{{- end -}}
{{- end -}}
{{- if and (eq $v.mlflow.mode "external") (not $v.mlflow.external.uri) -}}{{- $said = append $said "mlflow.mode is external: set mlflow.external.uri." -}}{{- end -}}
{{- if ne $v.llm.mode "none" -}}
{{- if not $v.llm.model -}}{{- $said = append $said (printf "llm.mode is %s: set llm.model to the name that requests ask for." $v.llm.mode) -}}{{- end -}}
{{- if and (eq $v.llm.mode "external") (not $v.llm.external.url) -}}{{- $said = append $said "llm.mode is external: set llm.external.url, up to and with /v1." -}}{{- end -}}
{{- if and (eq $v.llm.mode "bundled") (not (and $v.llm.bundled.modelClaim $v.llm.bundled.modelPath)) -}}{{- $said = append $said "llm.mode is bundled: set llm.bundled.modelClaim and llm.bundled.modelPath; nothing is downloaded." -}}{{- end -}}
{{- end -}}
{{- range $name := list "extraction" "structuring" -}}
{{- $scaling := (index $v $name).autoscaling -}}
{{- if and (ne $scaling.kind "keda") (lt (int $scaling.minReplicas) 1) -}}{{- $said = append $said (printf "%s.autoscaling.minReplicas is 0: only keda can scale to zero." $name) -}}{{- end -}}
{{- if lt (int $scaling.maxReplicas) (int $scaling.minReplicas) -}}{{- $said = append $said (printf "%s.autoscaling.maxReplicas is less than minReplicas." $name) -}}{{- end -}}
{{- end -}}
{{- range $name := list "freezing" "promotion" -}}
{{- if gt (int (index $v $name).replicas) 1 -}}{{- $said = append $said (printf "%s.replicas is %d: it decides one thing at a time, so one replica is what it can use." $name (int (index $v $name).replicas)) -}}{{- end -}}
{{- end -}}
{{- $ray := $v.training.ray -}}
{{- $recipe := default "cns_clip_vit_b32" $v.training.settings.recipe -}}
{{- $base := index (.Files.Get "files/facts.json" | fromJson).recipes $recipe -}}
{{- range default list $v.training.settings.recipe_set -}}{{- if hasPrefix "model.base=" . -}}{{- $base = trimPrefix "model.base=" . -}}{{- end -}}{{- end -}}
{{- if hasPrefix "/srv/models/" $base -}}
{{- if not $v.models.existingClaim -}}{{- $said = append $said (printf "training starts from %s: set models.existingClaim to the claim that holds it." $base) -}}{{- end -}}
{{- else if and (ne $base "scratch") (not $v.models.hub) -}}{{- $said = append $said (printf "the recipe %s starts from the published checkpoint %s: set models.hub to fetch it, or models.existingClaim and training.settings.recipe_set: [model.base=/srv/models/...]." $recipe $base) -}}
{{- end -}}
{{- if ne $v.training.mode "process" -}}
{{- $pods := include "journalclip.trainingPods" $ray | int -}}
{{- if and (eq $v.training.mode "rayCluster") (gt $pods (int $ray.worker.maxReplicas)) -}}{{- $said = append $said (printf "training.ray asks for %d pods at once (workers x gpusPerWorker / worker.gpus), and worker.maxReplicas is %d: a run would wait for ever." $pods (int $ray.worker.maxReplicas)) -}}{{- end -}}
{{- if and (gt (int $ray.worker.gpus) 0) (gt (float64 $ray.gpusPerWorker) (float64 $ray.worker.gpus)) -}}{{- $said = append $said (printf "training.ray.gpusPerWorker is %v, and no pod has more than worker.gpus, %d." $ray.gpusPerWorker (int $ray.worker.gpus)) -}}{{- end -}}
{{- if and (gt (int $ray.worker.gpus) 0) (lt (float64 $ray.gpusPerWorker) 1.0) (gt (int $ray.workers) 1) -}}{{- $said = append $said (printf "training.ray.gpusPerWorker is %v with %d workers: two workers of one run cannot share a GPU; a part is for one worker, beside another run or serving, and for more there are MIG slices." $ray.gpusPerWorker (int $ray.workers)) -}}{{- end -}}
{{- if gt (int $v.training.gpus) 0 -}}{{- $said = append $said "training.gpus counts in mode process only: with Ray set training.ray.worker.gpus." -}}{{- end -}}
{{- else -}}
{{- if gt (int $v.training.replicas) 1 -}}{{- $said = append $said "training.replicas is above 1: in mode process its work folder is one volume for one pod; use rayJob to train side by side." -}}{{- end -}}
{{- end -}}
{{- $serve := $v.inference.ray -}}
{{- if eq $v.inference.mode "rayService" -}}
{{- if and (gt (int $serve.worker.gpus) 0) (gt (float64 $serve.gpusPerReplica) (float64 $serve.worker.gpus)) -}}{{- $said = append $said (printf "inference.ray.gpusPerReplica is %v, and no pod has more than worker.gpus, %d." $serve.gpusPerReplica (int $serve.worker.gpus)) -}}{{- end -}}
{{- if gt (int $v.inference.gpus) 0 -}}{{- $said = append $said "inference.gpus counts in mode deployment only: with Ray set inference.ray.worker.gpus." -}}{{- end -}}
{{- end -}}
{{- if and $v.ingress.enabled (not $v.ingress.host) -}}{{- $said = append $said "ingress.enabled: set ingress.host." -}}{{- end -}}
{{- if and $v.gateway.enabled (not (and $v.gateway.host $v.gateway.parentName)) -}}{{- $said = append $said "gateway.enabled: set gateway.host and gateway.parentName." -}}{{- end -}}
{{- if $said -}}{{- fail (printf "\n\nThese values do not work together:\n  - %s\n" (join "\n  - " $said)) -}}{{- end -}}
{{- end -}}
