{{/* The server's options, as a dict of its variables. */}}
{{- define "imgsvc.environment" -}}
{{- $variables := dict -}}
{{- range $name, $value := .Values.config -}}
{{- $_ := set $variables $name (include "imgsvc.text" $value) -}}
{{- end -}}
{{- $_ := set $variables "host" "0.0.0.0" -}}
{{- $_ := set $variables "port" "50051" -}}
{{- $_ := set $variables "max_message_bytes" (include "imgsvc.bytes" .Values.maxMessageBytes) -}}
{{- $_ := set $variables "max_bytes_in_flight" (include "imgsvc.byteBudget" .) -}}
{{- if not (.Values.resources.limits | default dict).cpu -}}
{{- $_ := set $variables "cores" (include "imgsvc.numCores" .) -}}
{{- end -}}
{{- $_ := set $variables "drain_delay" (include "imgsvc.text" .Values.drainDelay) -}}
{{- $_ := set $variables "grace" (include "imgsvc.text" .Values.grace) -}}
{{- if .Values.metrics.enabled -}}
{{- $_ := set $variables "metrics_host" "0.0.0.0" -}}
{{- $_ := set $variables "metrics_port" "9464" -}}
{{- end -}}
{{- if .Values.tls.existingSecret -}}
{{- $_ := set $variables "require_tls" "true" -}}
{{- $_ := set $variables "tls_cert" "/etc/imgsvc/tls/tls.crt" -}}
{{- $_ := set $variables "tls_key" "/etc/imgsvc/tls/tls.key" -}}
{{- if .Values.tls.clientCertificates -}}
{{- $_ := set $variables "tls_client_ca" "/etc/imgsvc/tls/ca.crt" -}}
{{- end -}}
{{- end -}}
{{- if or .Values.callers.toml .Values.callers.existingSecret -}}
{{- $_ := set $variables "callers" "/etc/imgsvc/callers/callers.toml" -}}
{{- end -}}
{{- if or .Values.presets.toml .Values.presets.existingConfigMap -}}
{{- $_ := set $variables "presets" "/etc/imgsvc/presets/presets.toml" -}}
{{- end -}}
{{- $_ := set $variables "cache" .Values.cache.kind -}}
{{- if eq .Values.cache.kind "memory" -}}
{{- $_ := set $variables "cache_bytes" (include "imgsvc.bytes" .Values.cache.bytes) -}}
{{- else if eq .Values.cache.kind "redis" -}}
{{- if .Values.cache.redis.url -}}
{{- $_ := set $variables "cache_redis_url" .Values.cache.redis.url -}}
{{- else -}}
{{- $_ := set $variables "cache_redis_url_file" (printf "/etc/imgsvc/redis/%s" .Values.cache.redis.secretKey) -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := $variables }}
- name: IMGSVC_CFG_{{ upper $name }}
  value: {{ $value | quote }}
{{- end -}}
{{- end -}}
