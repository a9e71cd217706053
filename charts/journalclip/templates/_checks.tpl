{{/*
What the schema cannot say, because it depends on two values at once. Each check ends in a sentence that says what to set.
*/}}

{{/* root: collects every sentence, so that one attempt shows them all. */}}
{{- define "journalclip.checks" -}}
{{- $said := list -}}
{{- range list "names" "servers" "services" "training" "inference" "entry" -}}
{{- $said = concat $said (default list (include (printf "journalclip.checks.%s" .) $ | fromJson).said) -}}
{{- end -}}
{{- if $said -}}{{- fail (printf "\n\nThese values do not work together:\n  - %s\n" (join "\n  - " $said)) -}}{{- end -}}
{{- end -}}

{{- define "journalclip.checks.names" -}}
{{- $said := list -}}
{{- $name := include "journalclip.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}{{- $said = append $said (printf "objects would be called %s, and a Service's name begins with a letter and has letters, digits and dashes only: set fullnameOverride." $name) -}}{{- end -}}
{{- if and .Values.extraCA.configMap .Values.extraCA.secret -}}{{- $said = append $said "extraCA names a config map and a secret: set one of them." -}}{{- end -}}
{{- if not .Values.secrets.enabled -}}
{{- range (include "journalclip.wantedSecrets" . | fromJson).secrets -}}{{- $said = append $said (printf "secrets.enabled is false, and nobody brings %s (%s): name a secret of yours by the existingSecret of that part." .name .component) -}}{{- end -}}
{{- end -}}
{{- dict "said" (default list $said) | toJson -}}
{{- end -}}

{{- define "journalclip.checks.servers" -}}
{{- $v := .Values -}}
{{- $said := list -}}
{{- $kafka := $v.kafka.external -}}
{{- if eq $v.kafka.mode "external" -}}
{{- if not $kafka.servers -}}{{- $said = append $said "kafka.mode is external: set kafka.external.servers." -}}{{- end -}}
{{- if and (hasPrefix "SASL" $kafka.security) (not $kafka.existingSecret) -}}{{- $said = append $said (printf "kafka.external.security is %s: set kafka.external.existingSecret to the secret that holds the passwords." $kafka.security) -}}{{- end -}}
{{- if and $kafka.acls (or $kafka.username (not $kafka.adminUsername)) -}}{{- $said = append $said "kafka.external.acls needs one user a service (leave kafka.external.username empty) and kafka.external.adminUsername." -}}{{- end -}}
{{- if eq $kafka.saslMechanism "GSSAPI" -}}{{- $said = append $said "kafka.external.saslMechanism is GSSAPI: the images hold no Kerberos libraries. Ask for a SCRAM user or a client certificate (kafka.external.clientCertSecret with security SSL), or set OAUTHBEARER with an issuer that Kerberos users sign in at." -}}{{- end -}}
{{- if and (eq $kafka.saslMechanism "OAUTHBEARER") (not (and $kafka.oauth.tokenUrl $kafka.username)) -}}{{- $said = append $said "kafka.external.saslMechanism is OAUTHBEARER: set kafka.external.oauth.tokenUrl, the client's id as kafka.external.username, and its secret under `password` of kafka.external.existingSecret." -}}{{- end -}}
{{- end -}}
{{- $store := $v.objectStore.external -}}
{{- if eq $v.objectStore.mode "external" -}}
{{- if not $store.endpoint -}}{{- $said = append $said "objectStore.mode is external: set objectStore.external.endpoint." -}}{{- end -}}
{{- if and (eq $store.auth "keys") (not $store.existingSecret) -}}{{- $said = append $said "objectStore.mode is external: set objectStore.external.existingSecret to the secret that holds its keys, or objectStore.external.auth: workloadIdentity." -}}{{- end -}}
{{- if regexMatch "^https?://[^/]+/." $store.endpoint -}}{{- $said = append $said "objectStore.external.endpoint has a path: give host and port alone; objectStore.bucketPrefix stands before buckets." -}}{{- end -}}
{{- end -}}
{{- if and (eq $v.mlflow.mode "external") (not $v.mlflow.external.uri) -}}{{- $said = append $said "mlflow.mode is external: set mlflow.external.uri." -}}{{- end -}}
{{- if eq $v.llm.mode "local" -}}
{{- if not $v.llm.local.model -}}{{- $said = append $said "llm.mode is local: set llm.local.model to a folder below /srv/models or to models:/NAME@ALIAS." -}}{{- end -}}
{{- if and (hasPrefix "/srv/models/" $v.llm.local.model) (not $v.models.existingClaim) -}}{{- $said = append $said (printf "llm.local.model is %s: set models.existingClaim to the claim that holds it." $v.llm.local.model) -}}{{- end -}}
{{- else if ne $v.llm.mode "none" -}}
{{- if not $v.llm.model -}}{{- $said = append $said (printf "llm.mode is %s: set llm.model to the name that requests ask for." $v.llm.mode) -}}{{- end -}}
{{- if and (eq $v.llm.mode "external") (not $v.llm.external.url) -}}{{- $said = append $said "llm.mode is external: set llm.external.url, up to and with /v1." -}}{{- end -}}
{{- if eq $v.llm.mode "bundled" -}}
{{- $llm := $v.llm.bundled -}}
{{- if not (and $llm.modelPath (or $llm.modelClaim $llm.modelImage $llm.fetch.source)) -}}{{- $said = append $said "llm.mode is bundled: set llm.bundled.modelPath, and llm.bundled.modelClaim (a claim that holds it), llm.bundled.fetch.source (it is fetched) or llm.bundled.modelImage (an OCI artifact)." -}}{{- end -}}
{{- if and $llm.modelImage (or $llm.modelClaim $llm.fetch.source) -}}{{- $said = append $said "llm.bundled.modelImage holds the model itself: leave out llm.bundled.modelClaim and llm.bundled.fetch.source." -}}{{- end -}}
{{- if lt (int $llm.autoscaling.maxReplicas) (int $llm.autoscaling.minReplicas) -}}{{- $said = append $said "llm.bundled.autoscaling.maxReplicas is less than minReplicas." -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- dict "said" (default list $said) | toJson -}}
{{- end -}}

{{- define "journalclip.checks.services" -}}
{{- $v := .Values -}}
{{- $said := list -}}
{{- $parts := dict "extraction" $v.extraction "structuring" $v.structuring "inference" $v.inference -}}
{{- $alone := dict "freezing" $v.freezing "promotion" $v.promotion -}}
{{- if $v.studies.enabled -}}
{{- $parts = merge $parts (dict "studies.extraction" $v.studies.extraction "studies.structuring" $v.studies.structuring) -}}
{{- $alone = merge $alone (dict "studies.freezing" $v.studies.freezing "studies.promotion" $v.studies.promotion) -}}
{{- end -}}
{{- range $name, $part := $parts -}}
{{- if and (ne $part.autoscaling.kind "keda") (lt (int $part.autoscaling.minReplicas) 1) -}}{{- $said = append $said (printf "%s.autoscaling.minReplicas is 0: only keda can scale to zero." $name) -}}{{- end -}}
{{- if lt (int $part.autoscaling.maxReplicas) (int $part.autoscaling.minReplicas) -}}{{- $said = append $said (printf "%s.autoscaling.maxReplicas is less than minReplicas." $name) -}}{{- end -}}
{{- end -}}
{{- range $name, $part := merge (dict "intake" $v.intake "training" $v.training "index" $v.index "segments" $v.segments) $parts $alone -}}
{{- $scaling := default (dict "kind" "none") $part.autoscaling -}}
{{- $fewest := ternary (int $part.replicas) (int $scaling.minReplicas) (eq $scaling.kind "none") -}}
{{- with $part.podDisruptionBudget.minAvailable -}}{{- if and (gt $fewest 0) (ge (int .) $fewest) -}}{{- $said = append $said (printf "%s.podDisruptionBudget.minAvailable is %d of %d replicas: a node could never be drained; set it lower, or more replicas." $name (int .) $fewest) -}}{{- end -}}{{- end -}}
{{- end -}}
{{- range $name, $part := $alone -}}
{{- if gt (int $part.replicas) 1 -}}{{- $said = append $said (printf "%s.replicas is %d: it decides one thing at a time, so one replica is what it can use." $name (int $part.replicas)) -}}{{- end -}}
{{- end -}}
{{- if and $v.extraction.qualityModel.path (not $v.extraction.qualityModel.existingClaim) -}}{{- $said = append $said "extraction.qualityModel.path: set extraction.qualityModel.existingClaim to the claim that holds the file; extraction's image has no client of the model registry." -}}{{- end -}}
{{- if and $v.extraction.qualityModel.existingClaim (not $v.extraction.qualityModel.path) -}}{{- $said = append $said "extraction.qualityModel.existingClaim: set extraction.qualityModel.path to the model's file in it." -}}{{- end -}}
{{- if and $v.studies.enabled $v.studies.intake.receiver.enabled (not $v.studies.intake.receiver.callers) -}}{{- $said = append $said "studies.intake.receiver.enabled: set studies.intake.receiver.callers to the AE titles that may send; nobody else is let in." -}}{{- end -}}
{{- if and $v.networkPolicy.peers.ingressFrom (not $v.networkPolicy.peers.monitoringFrom) $v.monitoring.serviceMonitor -}}{{- $said = append $said "networkPolicy.peers.ingressFrom is set and monitoring.serviceMonitor is on: set networkPolicy.peers.monitoringFrom too, since serving's metrics are at the page's port." -}}{{- end -}}
{{- dict "said" (default list $said) | toJson -}}
{{- end -}}

{{/* {root, place, values, default: recipe, start: setting of the checkpoint}: one kind's training. */}}
{{- define "journalclip.checks.oneTraining" -}}
{{- $v := .root.Values -}}
{{- $said := list -}}
{{- $place := .place -}}
{{- $training := .values -}}
{{- $ray := $training.ray -}}
{{- $settings := default dict $training.settings -}}
{{- $recipe := default .default $settings.recipe -}}
{{- $base := index (.root.Files.Get "files/facts.json" | fromJson).recipes $recipe | default "scratch" -}}
{{- $start := printf "%s=" .start -}}
{{- range default list $settings.recipe_set -}}{{- if hasPrefix $start . -}}{{- $base = trimPrefix $start . -}}{{- end -}}{{- end -}}
{{- if hasPrefix "/srv/models/" $base -}}
{{- if not $v.models.existingClaim -}}{{- $said = append $said (printf "%s starts from %s: set models.existingClaim to the claim that holds it." $place $base) -}}{{- end -}}
{{- else if and (ne $base "scratch") (not $v.models.hub) -}}{{- $said = append $said (printf "the recipe %s starts from the published checkpoint %s: set models.hub to fetch it, or models.existingClaim and %s.settings.recipe_set: [%s/srv/models/...]." $recipe $base $place $start) -}}
{{- end -}}
{{- if $settings.compile -}}{{- $said = append $said (printf "%s.settings.compile: the image has no C compiler, which torch.compile calls. Leave it out, or build an image with one and set JOURNALCLIP_COMPILE by %s.extraEnv." $place $place) -}}{{- end -}}
{{- if ne $training.mode "process" -}}
{{- $pods := include "journalclip.trainingPods" $ray | int -}}
{{- if and (eq $training.mode "rayCluster") (gt $pods (int $ray.worker.maxReplicas)) (not $ray.workerGroups) -}}{{- $said = append $said (printf "%s.ray asks for %d pods at once (workers x gpusPerWorker / worker.gpus), and worker.maxReplicas is %d: a run would wait for ever." $place $pods (int $ray.worker.maxReplicas)) -}}{{- end -}}
{{- if and (gt (int $ray.worker.gpus) 0) (gt (float64 $ray.gpusPerWorker) (float64 $ray.worker.gpus)) -}}{{- $said = append $said (printf "%s.ray.gpusPerWorker is %v, and no pod has more than worker.gpus, %d." $place $ray.gpusPerWorker (int $ray.worker.gpus)) -}}{{- end -}}
{{- if and (gt (int $ray.worker.gpus) 0) (lt (float64 $ray.gpusPerWorker) 1.0) (gt (int $ray.workers) 1) -}}{{- $said = append $said (printf "%s.ray.gpusPerWorker is %v with %d workers: two workers of one run cannot share a GPU; a part is for one worker, beside another run or serving, and for more there are MIG slices." $place $ray.gpusPerWorker (int $ray.workers)) -}}{{- end -}}
{{- if gt (int $training.gpus) 0 -}}{{- $said = append $said (printf "%s.gpus counts in mode process only: with Ray set %s.ray.worker.gpus." $place $place) -}}{{- end -}}
{{- if and (eq $training.mode "rayCluster") $ray.queue -}}{{- $said = append $said (printf "%s.ray.queue with mode rayCluster: Kueue admits a job by suspending it, and a job on a standing cluster cannot be suspended. Set mode rayJob." $place) -}}{{- end -}}
{{- if and (eq $training.mode "rayCluster") $ray.keepHead -}}{{- $said = append $said (printf "%s.ray.keepHead with mode rayCluster: the cluster stays anyway. Set mode rayJob, or leave it out." $place) -}}{{- end -}}
{{- if and (eq $training.mode "rayJob") $ray.queue $ray.keepHead -}}{{- $said = append $said (printf "%s.ray.keepHead with a queue: Kueue suspends a job, and KubeRay takes no suspended job whose cluster stays. Leave one of them out." $place) -}}{{- end -}}
{{- else -}}
{{- if gt (int $training.replicas) 1 -}}{{- $said = append $said (printf "%s.replicas is above 1: in mode process its work folder is one volume for one pod; use rayJob to train side by side." $place) -}}{{- end -}}
{{- end -}}
{{- dict "said" (default list $said) | toJson -}}
{{- end -}}

{{- define "journalclip.checks.training" -}}
{{- $v := .Values -}}
{{- $said := (include "journalclip.checks.oneTraining" (dict "root" . "place" "training" "values" $v.training "default" "cns_clip_vit_b32" "start" "model.base") | fromJson).said -}}
{{- if $v.studies.enabled -}}
{{- $said = concat $said (include "journalclip.checks.oneTraining" (dict "root" . "place" "studies.training" "values" $v.studies.training "default" "selip_resnet50_studies" "start" "model.text.encoder") | fromJson).said -}}
{{- end -}}
{{- dict "said" (default list $said) | toJson -}}
{{- end -}}

{{- define "journalclip.checks.inference" -}}
{{- $v := .Values.inference -}}
{{- $said := list -}}
{{- $serve := $v.ray -}}
{{- if eq $v.mode "rayService" -}}
{{- if and (gt (int $serve.worker.gpus) 0) (gt (float64 $serve.gpusPerReplica) (float64 $serve.worker.gpus)) -}}{{- $said = append $said (printf "inference.ray.gpusPerReplica is %v, and no pod has more than worker.gpus, %d." $serve.gpusPerReplica (int $serve.worker.gpus)) -}}{{- end -}}
{{- if gt (int $v.gpus) 0 -}}{{- $said = append $said "inference.gpus counts in mode deployment only: with Ray set inference.ray.worker.gpus." -}}{{- end -}}
{{- if ne $v.autoscaling.kind "none" -}}{{- $said = append $said "inference.autoscaling counts in mode deployment only: Ray Serve scales its replicas by inference.ray.replicas: {min, max}, and pods by inference.ray.worker.minReplicas and maxReplicas." -}}{{- end -}}
{{- if kindIs "map" $serve.replicas -}}{{- if gt (int $serve.replicas.min) (int $serve.replicas.max) -}}{{- $said = append $said "inference.ray.replicas.max is less than min." -}}{{- end -}}{{- end -}}
{{- if or (ne $v.service.type "ClusterIP") $v.service.annotations -}}{{- $said = append $said "inference.service counts in mode deployment only: with Ray the operator makes the Service; come in by ingress or gateway." -}}{{- end -}}
{{- else if kindIs "map" $serve.replicas -}}{{- $said = append $said "inference.ray counts in mode rayService only: in mode deployment set inference.replicas or inference.autoscaling." -}}
{{- end -}}
{{- if and $v.oidc.clientId (not $v.oidc.issuer) -}}{{- $said = append $said "inference.oidc.clientId: set inference.oidc.issuer." -}}{{- end -}}
{{- dict "said" (default list $said) | toJson -}}
{{- end -}}

{{- define "journalclip.checks.entry" -}}
{{- $v := .Values -}}
{{- $said := list -}}
{{- if and $v.ingress.enabled (not $v.ingress.host) -}}{{- $said = append $said "ingress.enabled: set ingress.host." -}}{{- end -}}
{{- if ne $v.ingress.path "/" -}}{{- $said = append $said (printf "ingress.path is %s: the page, its sign-in and its links stand at the root of a host. Give it a host of its own (ingress.host, ingress.extraHosts)." $v.ingress.path) -}}{{- end -}}
{{- if and $v.gateway.enabled (not (and $v.gateway.host $v.gateway.parentName)) -}}{{- $said = append $said "gateway.enabled: set gateway.host and gateway.parentName." -}}{{- end -}}
{{- dict "said" (default list $said) | toJson -}}
{{- end -}}
