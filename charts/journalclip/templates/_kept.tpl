{{/*
Secrets that are made once. What the cluster has already is taken again, so an upgrade or a rollback rotates nothing.
`lookup` finds nothing where Helm only renders (`helm template`, and GitOps tools that render by it): there, name secrets
of your own. The checks say so where it matters.
*/}}

{{/* {root, name} -> JSON of the data of a secret that is there, still in base64. */}}
{{- define "journalclip.kept" -}}
{{- (lookup "v1" "Secret" .root.Release.Namespace .name).data | default dict | toJson -}}
{{- end -}}

{{/* {kept, key, former, length}: what is kept under a key, or under the name it had before, or a new random value. */}}
{{- define "journalclip.keptValue" -}}
{{- $former := default "" .former -}}
{{- if hasKey .kept .key -}}{{- index .kept .key | b64dec -}}{{- else if hasKey .kept $former -}}{{- index .kept $former | b64dec -}}{{- else -}}{{- randAlphaNum (int .length) -}}{{- end -}}
{{- end -}}
