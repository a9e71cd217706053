{{/*
What people lay over a pod: the same keys at the top of the values, for every pod, and at the part. Maps are merged and
lists joined, the part's last; of single words the part's counts. {root, layers: [values...], gpus, gpu} -> JSON
*/}}
{{- define "journalclip.hatches" -}}
{{- $found := dict "affinity" dict "topologySpreadConstraints" list "priorityClassName" "" "schedulerName" "" "runtimeClassName" "" -}}
{{- $maps := list "podLabels" "podAnnotations" "nodeSelector" "podSecurityContext" "securityContext" -}}
{{- $lists := list "tolerations" "extraEnv" "extraEnvFrom" "extraVolumes" "extraVolumeMounts" -}}
{{- range $maps -}}{{- $_ := set $found . dict -}}{{- end -}}
{{- range $lists -}}{{- $_ := set $found . list -}}{{- end -}}
{{- range $layer := prepend .layers .root.Values -}}
{{- range $maps -}}
{{- if get $layer . -}}{{- $_ := set $found . (include "journalclip.merged" (dict "base" (get $found .) "over" (get $layer .)) | fromJson) -}}{{- end -}}
{{- end -}}
{{- range $lists -}}{{- $_ := set $found . (concat (get $found .) (default list (get $layer .))) -}}{{- end -}}
{{- range list "affinity" "topologySpreadConstraints" "priorityClassName" "schedulerName" "runtimeClassName" -}}
{{- if get $layer . -}}{{- $_ := set $found . (get $layer .) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if gt (int (default 0 .gpus)) 0 -}}
{{- $gpu := include "journalclip.gpu" . | fromJson -}}
{{- $_ := set $found "nodeSelector" (merge (get $found "nodeSelector") $gpu.nodeSelector) -}}
{{- $_ := set $found "tolerations" (concat (get $found "tolerations") $gpu.tolerations) -}}
{{- if not $found.runtimeClassName -}}{{- $_ := set $found "runtimeClassName" $gpu.runtimeClassName -}}{{- end -}}
{{- end -}}
{{- $_ := set $found "tolerations" (uniq $found.tolerations) -}}
{{- $found | toJson -}}
{{- end -}}

{{/* {root, gpu: the part's, or nothing} -> JSON {resource, nodeSelector, tolerations, runtimeClassName} */}}
{{- define "journalclip.gpu" -}}
{{- $all := .root.Values.gpu -}}
{{- $own := default dict .gpu -}}
{{- $resource := default $all.resource $own.resource -}}
{{- $taint := default (default (printf "%s/gpu" (splitList "/" $resource | first)) $all.taint) $own.taint -}}
{{- $tolerations := concat (default list $all.tolerations) (default list $own.tolerations) -}}
{{- if ne $taint "none" -}}{{- $tolerations = prepend $tolerations (dict "key" $taint "operator" "Exists" "effect" "NoSchedule") -}}{{- end -}}
{{- dict "resource" $resource "tolerations" $tolerations
    "nodeSelector" (include "journalclip.merged" (dict "base" (default dict $all.nodeSelector) "over" (default dict $own.nodeSelector)) | fromJson)
    "runtimeClassName" (default $all.runtimeClassName $own.runtimeClassName) | toJson -}}
{{- end -}}

{{/* {root, component, anti: bool, hatches}: where a pod may run. */}}
{{- define "journalclip.placement" -}}
{{- with .hatches.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .hatches.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .hatches.affinity }}
affinity:
  {{- toYaml .hatches.affinity | nindent 2 }}
{{- else if .anti }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "journalclip.selector" . | nindent 14 }}
{{- end }}
{{- with .hatches.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .hatches.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .hatches.schedulerName }}
schedulerName: {{ . }}
{{- end }}
{{- with .hatches.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- end -}}
