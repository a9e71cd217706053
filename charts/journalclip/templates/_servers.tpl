{{/* Where the servers are and how they are entered, the same whether they are bundled, Strimzi's or external. */}}

{{/* {root, component} -> JSON {servers, security, mechanism, username, secret, key, ca: {name, key}, cert} */}}
{{- define "journalclip.kafka" -}}
{{- $fullname := include "journalclip.fullname" .root -}}
{{- $principal := include "journalclip.principal" . -}}
{{- $kafka := .root.Values.kafka -}}
{{- $found := dict -}}
{{- if eq $kafka.mode "bundled" -}}
{{- $found = dict "servers" (printf "%s-kafka:9092" $fullname) "security" "SASL_PLAINTEXT" "mechanism" "PLAIN" "username" $principal "secret" (printf "%s-kafka" $fullname) "key" $principal -}}
{{- else if eq $kafka.mode "strimzi" -}}
{{- $found = dict "servers" (printf "%s-kafka-bootstrap:9093" $fullname) "security" "SASL_SSL" "mechanism" "SCRAM-SHA-512" "username" (printf "%s-%s" $fullname $principal) "secret" (printf "%s-%s" $fullname $principal) "key" "password" "ca" (dict "name" (printf "%s-cluster-ca-cert" $fullname) "key" "ca.crt") -}}
{{- else -}}
{{- $external := $kafka.external -}}
{{- $found = dict "servers" $external.servers "security" $external.security "mechanism" $external.saslMechanism "cert" $external.clientCertSecret -}}
{{- if hasPrefix "SASL" $external.security -}}
{{- $own := not $external.username -}}
{{- $admin := and (eq .component "bootstrap") $external.adminUsername -}}
{{- $username := ternary $principal $external.username $own -}}
{{- $key := ternary $principal "password" $own -}}
{{- if $admin -}}{{- $username = $external.adminUsername -}}{{- $key = "admin" -}}{{- end -}}
{{- $found = merge $found (dict "username" $username "secret" $external.existingSecret "key" $key) -}}
{{- end -}}
{{- if $external.caSecret.name -}}{{- $_ := set $found "ca" $external.caSecret -}}{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* {root, component} -> JSON {endpoint, tls, region, secret, accessKey, secretKey, ca} */}}
{{- define "journalclip.objectStore" -}}
{{- $fullname := include "journalclip.fullname" .root -}}
{{- $principal := include "journalclip.principal" . -}}
{{- $store := .root.Values.objectStore -}}
{{- $found := dict -}}
{{- if eq $store.mode "bundled" -}}
{{- $found = dict "endpoint" (printf "%s-object-store:9000" $fullname) "tls" false "region" "us-east-1" "secret" (printf "%s-object-store" $fullname) "accessKey" (printf "%s-access-key" $principal) "secretKey" (printf "%s-secret-key" $principal) -}}
{{- else -}}
{{- $external := $store.external -}}
{{- $prefix := ternary (printf "%s-" $principal) "" $external.perService -}}
{{- $found = dict "endpoint" $external.endpoint "tls" $external.tls "region" $external.region "secret" $external.existingSecret "accessKey" (printf "%saccess-key" $prefix) "secretKey" (printf "%ssecret-key" $prefix) -}}
{{- if $external.caSecret.name -}}{{- $_ := set $found "ca" $external.caSecret -}}{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* root -> JSON {uri, secret, ca} */}}
{{- define "journalclip.mlflow" -}}
{{- $mlflow := .Values.mlflow -}}
{{- $found := dict -}}
{{- if eq $mlflow.mode "bundled" -}}
{{- $found = dict "uri" (printf "http://%s-mlflow:5000" (include "journalclip.fullname" .)) -}}
{{- else -}}
{{- $found = dict "uri" $mlflow.external.uri "secret" $mlflow.external.existingSecret -}}
{{- if $mlflow.external.caSecret.name -}}{{- $_ := set $found "ca" $mlflow.external.caSecret -}}{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* root -> JSON {url, model, secret, key}; {} where rules structure. */}}
{{- define "journalclip.llm" -}}
{{- $llm := .Values.llm -}}
{{- $found := dict -}}
{{- if eq $llm.mode "bundled" -}}
{{- $name := printf "%s-llm" (include "journalclip.fullname" .) -}}
{{- $found = dict "url" (printf "http://%s:8000/v1" $name) "model" $llm.model "secret" $name "key" "api-key" -}}
{{- else if eq $llm.mode "external" -}}
{{- $found = dict "url" $llm.external.url "model" $llm.model "secret" $llm.external.existingSecret "key" "api-key" -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* {root, signer: bool} -> JSON {secret, key}; {} where candidates are not signed. */}}
{{- define "journalclip.signing" -}}
{{- $signing := .root.Values.signing -}}
{{- if $signing.enabled -}}
{{- dict "secret" (default (printf "%s-signing" (include "journalclip.fullname" .root)) $signing.existingSecret) "key" (ternary "sign" "verify" .signer) | toJson -}}
{{- else -}}{}{{- end -}}
{{- end -}}
