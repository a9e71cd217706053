{{/*
Who may talk to whom. `network/default-deny.yaml` closes every pod of the release; each component then opens what it needs.
*/}}

{{/* {root, port}: a server beyond the release. Named peers in other namespaces are no addresses to some networks. */}}
{{- define "journalclip.beyond" -}}
- to:
    - namespaceSelector: {}
    {{- range .root.Values.networkPolicy.peers.externalCidrs }}
    - ipBlock: {cidr: {{ . | quote }}}
    {{- end }}
  ports:
    {{- range .ports }}
    - {protocol: TCP, port: {{ int . }}}
    {{- end }}
{{- end -}}

{{/* {root, component, port}: a server of the release. */}}
{{- define "journalclip.within" -}}
- to:
    - podSelector:
        matchLabels:
          {{- include "journalclip.selector" . | nindent 10 }}
  ports:
    - {protocol: TCP, port: {{ int .port }}}
{{- end -}}

{{/* {root, database: JSON of `journalclip.database`}: the bundled PostgreSQL, or one beyond the release. */}}
{{- define "journalclip.toDatabase" -}}
{{- if .database.bundled }}
{{- include "journalclip.within" (dict "root" .root "component" "postgres" "port" 5432) }}
{{- else }}
{{- include "journalclip.beyond" (dict "root" .root "ports" (list (int .database.port))) }}
{{- end }}
{{- end -}}

{{/* A URL's or an address's port: "https://h/v1" -> 443. */}}
{{- define "journalclip.port" -}}
{{- $parts := urlParse (ternary .url (printf "%s://%s" (ternary "https" "http" (default false .tls)) .url) (contains "://" .url)) -}}
{{- $port := regexFind ":[0-9]+$" $parts.host | trimPrefix ":" -}}
{{- default (ternary "443" "80" (eq $parts.scheme "https")) $port -}}
{{- end -}}

{{/* {root, needs, ports: [further ports beyond]}: what a component with these needs may open. */}}
{{- define "journalclip.egress" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
- to:
    {{- toYaml $values.networkPolicy.peers.dns | nindent 4 }}
  ports:
    {{- range $values.networkPolicy.peers.dnsPorts }}
    - {protocol: UDP, port: {{ int . }}}
    - {protocol: TCP, port: {{ int . }}}
    {{- end }}
{{- if has "kafka" .needs }}
{{- if eq $values.kafka.mode "bundled" }}
{{ include "journalclip.within" (dict "root" $root "component" "kafka" "port" 9092) }}
{{- else if eq $values.kafka.mode "strimzi" }}
- to:
    - podSelector:
        matchLabels:
          strimzi.io/cluster: {{ include "journalclip.fullname" $root }}
  ports:
    - {protocol: TCP, port: 9093}
{{- else }}
{{- $ports := list -}}
{{- range splitList "," $values.kafka.external.servers }}{{- $ports = append $ports (default "9092" (regexFind ":[0-9]+$" (trim .) | trimPrefix ":")) -}}{{- end }}
{{- with $values.kafka.external.oauth.tokenUrl }}{{- $ports = append $ports (include "journalclip.port" (dict "url" .)) -}}{{- end }}
{{ include "journalclip.beyond" (dict "root" $root "ports" (uniq $ports)) }}
{{- end }}
{{- end }}
{{- if has "objectStore" .needs }}
{{- if eq $values.objectStore.mode "bundled" }}
{{ include "journalclip.within" (dict "root" $root "component" "object-store" "port" 9000) }}
{{- else }}
{{- $address := include "journalclip.storeAddress" $values.objectStore.external | fromJson }}
{{ include "journalclip.beyond" (dict "root" $root "ports" (list (include "journalclip.port" (dict "url" $address.endpoint "tls" $address.tls)))) }}
{{- if eq $values.objectStore.external.auth "workloadIdentity" }}
# Where the cloud gives the pod its credentials: a token service, or an address of the node.
{{ include "journalclip.beyond" (dict "root" $root "ports" (list 443)) }}
- to:
    - ipBlock: {cidr: 169.254.0.0/16}
  ports:
    - {protocol: TCP, port: 80}
{{- end }}
{{- end }}
{{- end }}
{{- if has "mlflow" .needs }}
{{- if eq $values.mlflow.mode "bundled" }}
{{ include "journalclip.within" (dict "root" $root "component" "mlflow" "port" 5000) }}
{{- else }}
{{ include "journalclip.beyond" (dict "root" $root "ports" (list (include "journalclip.port" (dict "url" $values.mlflow.external.uri)))) }}
{{- end }}
{{- end }}
{{- if has "llm" .needs }}
{{- if eq $values.llm.mode "bundled" }}
{{ include "journalclip.within" (dict "root" $root "component" "llm" "port" 8000) }}
{{- else if eq $values.llm.mode "external" }}
{{ include "journalclip.beyond" (dict "root" $root "ports" (list (include "journalclip.port" (dict "url" $values.llm.external.url)))) }}
{{- end }}
{{- end }}
{{- if has "catalogue" .needs }}
{{- with include "journalclip.catalogue" $root | fromJson }}
{{ include "journalclip.toDatabase" (dict "root" $root "database" .) }}
{{- end }}
{{- end }}
{{- if and (has "sessions" .needs) $values.inference.sessions.existingSecret }}
{{ include "journalclip.toDatabase" (dict "root" $root "database" (dict "port" (int $values.inference.sessions.port) "bundled" false)) }}
{{- end }}
{{- if has "hub" .needs }}
{{ include "journalclip.beyond" (dict "root" $root "ports" (list 443)) }}
{{- end }}
{{- if has "kubernetes" .needs }}
# The API server: its service's port, and the one behind it.
{{ include "journalclip.beyond" (dict "root" $root "ports" (list 443 6443)) }}
{{- end }}
{{- with $values.monitoring.otlpEndpoint }}
{{ include "journalclip.beyond" (dict "root" $root "ports" (list (include "journalclip.port" (dict "url" .)))) }}
{{- end }}
{{- range compact (list $values.proxy.https $values.proxy.http) | uniq }}
{{ include "journalclip.beyond" (dict "root" $root "ports" (list (include "journalclip.port" (dict "url" .)))) }}
{{- end }}
{{- with .beyondPorts }}
{{ include "journalclip.beyond" (dict "root" $root "ports" .) }}
{{- end }}
{{- end -}}

{{/* Peers, or any namespace where none are named. */}}
{{- define "journalclip.peers" -}}
{{- if . }}{{ toYaml . }}{{- else -}}- namespaceSelector: {}{{- end -}}
{{- end -}}

{{/* {root, component, needs, metrics: bool, ingress: YAML of further rules, egress: the same} */}}
{{- define "journalclip.networkPolicy" -}}
{{- if .root.Values.networkPolicy.enabled }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "journalclip.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "journalclip.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  {{- if or .metrics .ingress }}
  ingress:
    {{- if .metrics }}
    - from:
        {{- include "journalclip.peers" .root.Values.networkPolicy.peers.monitoringFrom | nindent 8 }}
      ports:
        - {protocol: TCP, port: metrics}
    {{- end }}
    {{- with .ingress }}
    {{- . | nindent 4 }}
    {{- end }}
  {{- else }}
  ingress: []
  {{- end }}
  egress:
    {{- include "journalclip.egress" . | nindent 4 }}
    {{- with .egress }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end }}
{{- end -}}
