{{/* Where the servers are and how they are entered, the same whether they are bundled, Strimzi's or external. */}}

{{/* root -> JSON {name: secret that a person brought, or ""}: the secrets that the release makes where nobody brought them. */}}
{{- define "journalclip.brought" -}}
{{- $v := .Values -}}
{{- dict "kafka" $v.kafka.bundled.existingSecret "object-store" $v.objectStore.bundled.existingSecret "llm" $v.llm.bundled.existingSecret
    "postgres" $v.postgres.existingSecret "tokens" $v.inference.tokens.existingSecret "signing" $v.signing.existingSecret "reports" $v.studies.reports.existingSecret | toJson -}}
{{- end -}}

{{/* {root, of: a name of `journalclip.brought`} -> the secret's name. */}}
{{- define "journalclip.secretName" -}}
{{- default (printf "%s-%s" (include "journalclip.fullname" .root) .of) (get (include "journalclip.brought" .root | fromJson) .of) -}}
{{- end -}}

{{/* {root, component} -> JSON {servers, security, mechanism, username, secret, key, ca: {name, key}, cert} */}}
{{- define "journalclip.kafka" -}}
{{- $fullname := include "journalclip.fullname" .root -}}
{{- $principal := include "journalclip.principal" . -}}
{{- $kafka := .root.Values.kafka -}}
{{- $found := dict -}}
{{- if eq $kafka.mode "bundled" -}}
{{- $found = dict "servers" (printf "%s-kafka:9092" $fullname) "security" "SASL_PLAINTEXT" "mechanism" "PLAIN" "username" $principal "secret" (include "journalclip.secretName" (dict "root" .root "of" "kafka")) "key" $principal -}}
{{- else if eq $kafka.mode "strimzi" -}}
{{- $found = dict "servers" (printf "%s-kafka-bootstrap:9093" $fullname) "security" "SASL_SSL" "mechanism" "SCRAM-SHA-512" "username" (printf "%s-%s" $fullname $principal) "secret" (printf "%s-%s" $fullname $principal) "key" "password" "ca" (dict "name" (printf "%s-cluster-ca-cert" $fullname) "key" "ca.crt") -}}
{{- else -}}
{{- $external := $kafka.external -}}
{{- $found = dict "servers" $external.servers "security" $external.security "mechanism" $external.saslMechanism "cert" $external.clientCertSecret -}}
{{- if hasPrefix "SASL" $external.security -}}
{{- $own := not $external.username -}}
{{- $admin := and (eq $principal "admin") $external.adminUsername -}}
{{- $username := ternary $principal $external.username $own -}}
{{- $key := ternary $principal "password" $own -}}
{{- if $admin -}}{{- $username = $external.adminUsername -}}{{- $key = "admin" -}}{{- end -}}
{{- $found = merge $found (dict "username" $username "secret" $external.existingSecret "key" $key) -}}
{{- if eq $external.saslMechanism "OAUTHBEARER" -}}{{- $found = merge $found (dict "tokenUrl" $external.oauth.tokenUrl "scope" $external.oauth.scope) -}}{{- end -}}
{{- end -}}
{{- if $external.caSecret.name -}}{{- $_ := set $found "ca" $external.caSecret -}}{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* {root, component} -> JSON {endpoint, tls, region, secret, accessKey, secretKey, ca}; no secret: the pod's own identity. */}}
{{- define "journalclip.objectStore" -}}
{{- $fullname := include "journalclip.fullname" .root -}}
{{- $principal := include "journalclip.principal" . -}}
{{- $store := .root.Values.objectStore -}}
{{- $found := dict -}}
{{- if eq $store.mode "bundled" -}}
{{- $found = dict "endpoint" (printf "%s-object-store:9000" $fullname) "tls" false "region" "us-east-1" "secret" (include "journalclip.secretName" (dict "root" .root "of" "object-store")) "accessKey" (printf "%s-access-key" $principal) "secretKey" (printf "%s-secret-key" $principal) -}}
{{- else -}}
{{- $external := $store.external -}}
{{- $prefix := ternary (printf "%s-" $principal) "" $external.perService -}}
{{- $address := include "journalclip.storeAddress" $external | fromJson -}}
{{- $secret := ternary $external.existingSecret "" (eq $external.auth "keys") -}}
{{- $found = dict "endpoint" $address.endpoint "tls" $address.tls "region" $external.region "secret" $secret "accessKey" (printf "%saccess-key" $prefix) "secretKey" (printf "%ssecret-key" $prefix) -}}
{{- if $external.caSecret.name -}}{{- $_ := set $found "ca" $external.caSecret -}}{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* external store -> JSON {endpoint, tls}: host and port; a URL's scheme says whether there is TLS. */}}
{{- define "journalclip.storeAddress" -}}
{{- $endpoint := .endpoint -}}
{{- $tls := .tls -}}
{{- if contains "://" $endpoint -}}
{{- $parts := urlParse $endpoint -}}
{{- $tls = eq $parts.scheme "https" -}}
{{- $endpoint = $parts.host -}}
{{- end -}}
{{- if and $endpoint (not (regexMatch ":[0-9]+$" $endpoint)) -}}{{- $endpoint = printf "%s:%d" $endpoint (ternary 443 80 $tls) -}}{{- end -}}
{{- dict "endpoint" $endpoint "tls" $tls | toJson -}}
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

{{/*
{root, name, database: its values} -> JSON {secret, key, port, bundled}: of a PostgreSQL that is named, or of the bundled one;
{} where it is SQLite, which its own pod alone reads.
*/}}
{{- define "journalclip.database" -}}
{{- if .database.existingSecret -}}
{{- dict "secret" .database.existingSecret "key" .database.key "port" (int .database.port) "bundled" false | toJson -}}
{{- else if .root.Values.postgres.enabled -}}
{{- dict "secret" (include "journalclip.secretName" (dict "root" .root "of" "postgres")) "key" (printf "%s-uri" .name) "port" 5432 "bundled" true | toJson -}}
{{- else -}}{}{{- end -}}
{{- end -}}

{{/* root -> the same, of the catalogue; {} too where there is none. */}}
{{- define "journalclip.catalogue" -}}
{{- if .Values.catalogue.enabled -}}
{{- include "journalclip.database" (dict "root" . "name" "catalogue" "database" .Values.catalogue.database) -}}
{{- else -}}{}{{- end -}}
{{- end -}}

{{/* root -> JSON {url, model, secret, key}; {} where rules structure. */}}
{{- define "journalclip.llm" -}}
{{- $llm := .Values.llm -}}
{{- $found := dict -}}
{{- if eq $llm.mode "bundled" -}}
{{- $found = dict "url" (printf "http://%s-llm:8000/v1" (include "journalclip.fullname" .)) "model" $llm.model "secret" (include "journalclip.secretName" (dict "root" . "of" "llm")) "key" "api-key" -}}
{{- else if eq $llm.mode "external" -}}
{{- $found = dict "url" $llm.external.url "model" $llm.model "secret" $llm.external.existingSecret "key" "api-key" -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* {root, signer: bool} -> JSON {secret, key}; {} where candidates are not signed. */}}
{{- define "journalclip.signing" -}}
{{- $signing := .root.Values.signing -}}
{{- if $signing.enabled -}}
{{- dict "secret" (include "journalclip.secretName" (dict "root" .root "of" "signing")) "key" (ternary "sign" "verify" .signer) | toJson -}}
{{- else -}}{}{{- end -}}
{{- end -}}
