{{/* What a process is told: settings as JOURNALCLIP_ variables, secrets as files, never as values. */}}

{{/* {prefix, tree}: nested settings as variables; what is no text is written as JSON, which the services read. */}}
{{- define "journalclip.settings" -}}
{{- $prefix := .prefix -}}
{{- range $name, $value := .tree }}
{{- $key := printf "%s%s" $prefix (upper $name) }}
{{- if kindIs "map" $value }}
{{- include "journalclip.settings" (dict "prefix" (printf "%s__" $key) "tree" $value) }}
{{- else }}
- name: {{ $key }}
  value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* {root, component, values, needs: [...], own: {setting: value}, metrics: bool} */}}
{{- define "journalclip.environment" -}}
{{- $root := .root -}}
{{- $trusted := include "journalclip.trustFile" $root -}}
{{- $place := dict "workdir" "/var/lib/journalclip" "log_json" true -}}
{{- if .metrics -}}{{- $_ := set $place "metrics_port" 9090 -}}{{- end -}}
{{- with $root.Values.monitoring.otlpEndpoint -}}{{- $_ := set $place "otlp_endpoint" . -}}{{- end -}}
{{- if has "kafka" .needs -}}
{{- $kafka := include "journalclip.kafka" . | fromJson -}}
{{- $settings := dict "servers" $kafka.servers "security" $kafka.security -}}
{{- with $root.Values.kafka.topicPrefix -}}{{- $_ := set $settings "topic_prefix" . -}}{{- end -}}
{{- if $kafka.username -}}{{- $_ := merge $settings (dict "sasl_mechanism" $kafka.mechanism "username" $kafka.username "password_file" "/etc/journalclip/kafka/password") -}}{{- end -}}
{{- with $kafka.tokenUrl -}}{{- $_ := set $settings "token_url" . -}}{{- end -}}
{{- with $kafka.scope -}}{{- $_ := set $settings "scope" . -}}{{- end -}}
{{- if $kafka.ca -}}{{- $_ := set $settings "ca_file" "/etc/journalclip/kafka/ca.crt" -}}
{{- else if and $trusted (has $kafka.security (list "SSL" "SASL_SSL")) -}}{{- $_ := set $settings "ca_file" $trusted -}}{{- end -}}
{{- if $kafka.cert -}}{{- $_ := merge $settings (dict "cert_file" "/etc/journalclip/kafka/tls.crt" "key_file" "/etc/journalclip/kafka/tls.key") -}}{{- end -}}
{{- $_ := merge $place (dict "bus" "kafka" "kafka" $settings) -}}
{{- end -}}
{{- if has "objectStore" .needs -}}
{{- $store := include "journalclip.objectStore" . | fromJson -}}
{{- $settings := dict "endpoint" $store.endpoint "tls" $store.tls "region" $store.region -}}
{{- with $root.Values.objectStore.bucketPrefix -}}{{- $_ := set $settings "bucket_prefix" . -}}{{- end -}}
{{- if $store.secret -}}{{- $_ := merge $settings (dict "access_key_file" "/etc/journalclip/s3/access-key" "secret_key_file" "/etc/journalclip/s3/secret-key") -}}
{{- else -}}{{- $_ := set $settings "identity" "workload" -}}{{- end -}}
{{- if $store.ca -}}{{- $_ := set $settings "ca_file" "/etc/journalclip/s3/ca.crt" -}}
{{- else if and $trusted $store.tls -}}{{- $_ := set $settings "ca_file" $trusted -}}{{- end -}}
{{- $_ := merge $place (dict "artifacts" "s3" "s3" $settings) -}}
{{- end -}}
{{- with include "journalclip.kind" . -}}{{- $_ := set $place "kind" . -}}{{- end -}}
{{- $mlflow := dict -}}
{{- if has "mlflow" .needs -}}
{{- $mlflow = include "journalclip.mlflow" $root | fromJson -}}
{{- $_ := set $place "mlflow_uri" $mlflow.uri -}}
{{- end -}}
{{- $chosen := mergeOverwrite $place (deepCopy $root.Values.settings) (deepCopy (default dict .values.settings)) (default dict .own) -}}
{{- include "journalclip.settings" (dict "prefix" "JOURNALCLIP_" "tree" $chosen) }}
{{- with $mlflow.secret }}
- name: MLFLOW_TRACKING_USERNAME
  valueFrom: {secretKeyRef: {name: {{ . }}, key: username}}
- name: MLFLOW_TRACKING_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ . }}, key: password}}
{{- end }}
{{- if $mlflow.ca }}
- name: MLFLOW_TRACKING_SERVER_CERT_PATH
  value: /etc/journalclip/mlflow/ca.crt
{{- end }}
{{- if and (has "llm" .needs) (eq $root.Values.llm.mode "local") }}
- name: JOURNALCLIP_STRUCTURER
  value: local
- name: JOURNALCLIP_LOCAL_MODEL
  value: {{ $root.Values.llm.local.model | quote }}
{{- else if has "llm" .needs }}
{{- with include "journalclip.llm" $root | fromJson }}
- name: JOURNALCLIP_STRUCTURER
  value: endpoint
- name: JOURNALCLIP_ENDPOINT_URL
  value: {{ .url | quote }}
- name: JOURNALCLIP_ENDPOINT_MODEL
  value: {{ .model | quote }}
{{- if .secret }}
- name: JOURNALCLIP_ENDPOINT_KEY
  valueFrom: {secretKeyRef: {name: {{ .secret }}, key: {{ .key }}}}
{{- end }}
{{- end }}
{{- end }}
{{- if has "catalogue" .needs }}
{{- with include "journalclip.catalogue" $root | fromJson }}
- name: JOURNALCLIP_CATALOGUE_URL
  valueFrom: {secretKeyRef: {name: {{ .secret }}, key: {{ .key }}}}
{{- end }}
{{- end }}
{{- if has "sessions" .needs }}
{{- with $root.Values.inference.sessions }}
{{- if .existingSecret }}
- name: JOURNALCLIP_SESSIONS_URL
  valueFrom: {secretKeyRef: {name: {{ .existingSecret }}, key: {{ .key }}}}
{{- end }}
{{- end }}
{{- end }}
{{- if has "hub" .needs }}
- {name: HF_HUB_OFFLINE, value: "0"}
- {name: HF_HOME, value: /var/lib/journalclip/hub}
{{- end }}
{{- end -}}

{{/* root: where the authorities lie that every client trusts; empty where the system's own are enough. */}}
{{- define "journalclip.trustFile" -}}
{{- if or .Values.extraCA.configMap .Values.extraCA.secret -}}/etc/journalclip-trust/ca.crt{{- end -}}
{{- end -}}

{{/* root: the volume that holds them. */}}
{{- define "journalclip.trustVolume" -}}
{{- with .Values.extraCA -}}
- name: trust
  {{- if .configMap }}
  configMap: {name: {{ .configMap }}, items: [{key: {{ .key | quote }}, path: ca.crt}]}
  {{- else }}
  secret: {secretName: {{ .secret }}, items: [{key: {{ .key | quote }}, path: ca.crt}]}
  {{- end }}
{{- end -}}
{{- end -}}

{{/*
root: what every process is told of the world: the proxy, what is asked without it, and whom to trust. Names without a
dot are the release's own servers, which no pattern of domains covers.
*/}}
{{- define "journalclip.worldEnvironment" -}}
{{- $fullname := include "journalclip.fullname" . -}}
{{- with .Values.proxy -}}
{{- if or .https .http -}}
{{- with .https }}
- {name: HTTPS_PROXY, value: {{ . | quote }}}
- {name: https_proxy, value: {{ . | quote }}}
{{- end }}
{{- with .http }}
- {name: HTTP_PROXY, value: {{ . | quote }}}
- {name: http_proxy, value: {{ . | quote }}}
{{- end }}
{{- $direct := list "localhost" "127.0.0.1" "::1" "kubernetes" "kubernetes.default.svc" ".svc" (printf ".%s" $.Values.clusterDomain) -}}
{{- range list "kafka" "object-store" "mlflow" "llm" "intake" "inference" -}}{{- $direct = append $direct (printf "%s-%s" $fullname .) -}}{{- end -}}
{{- $direct = concat $direct (compact (splitList "," (.noProxy | nospace))) | uniq | join "," }}
- {name: NO_PROXY, value: {{ $direct | quote }}}
- {name: no_proxy, value: {{ $direct | quote }}}
{{- end -}}
{{- end -}}
{{- with include "journalclip.trustFile" . }}
- {name: SSL_CERT_FILE, value: {{ . }}}
- {name: REQUESTS_CA_BUNDLE, value: {{ . }}}
- {name: CURL_CA_BUNDLE, value: {{ . }}}
{{- end }}
{{- end -}}

{{/*
{lists: [[variable]]} -> YAML of all; a later one stands instead of an earlier one of its name, since a name that comes
twice is refused where objects are applied by the server.
*/}}
{{- define "journalclip.variables" -}}
{{- $names := list -}}
{{- $last := dict -}}
{{- range .lists -}}{{- range . -}}{{- $names = append $names .name -}}{{- $_ := set $last .name . -}}{{- end -}}{{- end -}}
{{- $found := list -}}
{{- range uniq $names -}}{{- $found = append $found (get $last .) -}}{{- end -}}
{{- $found | toYaml -}}
{{- end -}}

{{/* {root, component, needs, files: [{secret, items}]}: one projected volume with each file at its place. */}}
{{- define "journalclip.credentials" -}}
{{- $root := .root -}}
{{- $sources := list -}}
{{- if has "kafka" .needs -}}
{{- $kafka := include "journalclip.kafka" . | fromJson -}}
{{- if $kafka.username -}}{{- $sources = append $sources (dict "secret" (dict "name" $kafka.secret "items" (list (dict "key" $kafka.key "path" "kafka/password")))) -}}{{- end -}}
{{- with $kafka.ca -}}{{- $sources = append $sources (dict "secret" (dict "name" .name "items" (list (dict "key" .key "path" "kafka/ca.crt")))) -}}{{- end -}}
{{- with $kafka.cert -}}{{- $sources = append $sources (dict "secret" (dict "name" . "items" (list (dict "key" "tls.crt" "path" "kafka/tls.crt") (dict "key" "tls.key" "path" "kafka/tls.key")))) -}}{{- end -}}
{{- end -}}
{{- if has "objectStore" .needs -}}
{{- $store := include "journalclip.objectStore" . | fromJson -}}
{{- if $store.secret -}}{{- $sources = append $sources (dict "secret" (dict "name" $store.secret "items" (list (dict "key" $store.accessKey "path" "s3/access-key") (dict "key" $store.secretKey "path" "s3/secret-key")))) -}}{{- end -}}
{{- with $store.ca -}}{{- $sources = append $sources (dict "secret" (dict "name" .name "items" (list (dict "key" .key "path" "s3/ca.crt")))) -}}{{- end -}}
{{- end -}}
{{- if has "mlflow" .needs -}}
{{- with (include "journalclip.mlflow" $root | fromJson).ca -}}{{- $sources = append $sources (dict "secret" (dict "name" .name "items" (list (dict "key" .key "path" "mlflow/ca.crt")))) -}}{{- end -}}
{{- end -}}
{{- range .files -}}{{- $sources = append $sources (dict "secret" .) -}}{{- end -}}
{{- if $sources }}
- name: credentials
  projected:
    defaultMode: 0440
    sources:
      {{- toYaml $sources | nindent 6 }}
{{- end }}
{{- end -}}
