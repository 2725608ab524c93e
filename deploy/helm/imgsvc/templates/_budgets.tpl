{{/* What follows from the values: cores, bytes, seconds. values.yaml has the reasons. */}}

{{- define "imgsvc.numCores" -}}
{{- $limits := .Values.resources.limits | default dict -}}
{{- $requests := .Values.resources.requests | default dict -}}
{{- include "imgsvc.cores" ($limits.cpu | default $requests.cpu) -}}
{{- end -}}

{{/* Bytes of the memory limit that are for requests and answers, in the byte budget or on their way to it. */}}
{{- define "imgsvc.bytesForCalls" -}}
{{- $kept := 0 -}}
{{- if eq .Values.cache.kind "memory" -}}
{{- $kept = include "imgsvc.bytes" .Values.cache.bytes -}}
{{- else if eq .Values.cache.kind "redis" -}}
{{- $kept = 67108864 -}}
{{- end -}}
{{- $helpers := mul 33554432 (include "imgsvc.numCores" .) -}}
{{- sub (include "imgsvc.bytes" .Values.resources.limits.memory) (add 268435456 $helpers $kept) -}}
{{- end -}}

{{- define "imgsvc.byteBudget" -}}
{{- if .Values.maxBytesInFlight -}}
{{- include "imgsvc.bytes" .Values.maxBytesInFlight -}}
{{- else -}}
{{- div (include "imgsvc.bytesForCalls" .) 2 -}}
{{- end -}}
{{- end -}}

{{/* The server ends one second after its drain delay and its grace; the rest is for a node that is busy. */}}
{{- define "imgsvc.secondsToEnd" -}}
{{- addf .Values.preStopSeconds .Values.drainDelay .Values.grace 5 | ceil | int64 -}}
{{- end -}}

{{- define "imgsvc.terminationGracePeriodSeconds" -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds -}}
{{- include "imgsvc.secondsToEnd" . -}}
{{- else -}}
{{- int64 .Values.terminationGracePeriodSeconds -}}
{{- end -}}
{{- end -}}

{{- define "imgsvc.leastReplicas" -}}
{{- ternary .Values.autoscaling.minReplicas .Values.replicas .Values.autoscaling.enabled | int64 -}}
{{- end -}}

{{/* Kubernetes' gRPC probes speak no TLS and have no keys. */}}
{{- define "imgsvc.probesByHttp" -}}
{{- if or .Values.tls.existingSecret .Values.config.health_needs_key }}true{{ end -}}
{{- end -}}
