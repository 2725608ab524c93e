{{/*
Values that would lose calls, or of which one undoes another: each is refused with one line that names the value, what it
is, and what is expected. The rest of what can be wrong is the schema's and the server's to say.
*/}}
{{- define "imgsvc.checks" -}}
{{- $values := .Values -}}
{{- $limits := $values.resources.limits | default dict -}}
{{- $requests := $values.resources.requests | default dict -}}

{{- /* The end of a pod. */ -}}
{{- $seconds := include "imgsvc.secondsToEnd" . | int64 -}}
{{- $given := include "imgsvc.terminationGracePeriodSeconds" . | int64 -}}
{{- if lt $given $seconds -}}
{{- fail (printf "terminationGracePeriodSeconds: %d, expected at least %d: preStopSeconds %v, drainDelay %v, grace %v and 5; calls would be cut off" $given $seconds $values.preStopSeconds $values.drainDelay $values.grace) -}}
{{- end -}}
{{- if lt (addf $values.preStopSeconds $values.drainDelay) 2.0 -}}
{{- fail (printf "drainDelay: %v, expected at least 2 with preStopSeconds, %v: so long nodes send calls to a pod that is leaving" $values.drainDelay $values.preStopSeconds) -}}
{{- end -}}

{{- /* Cores and memory. */ -}}
{{- if not (or $limits.cpu $requests.cpu) -}}
{{- fail "resources.limits.cpu: none, expected it or resources.requests.cpu: the server would take every core of its node" -}}
{{- end -}}
{{- if not $limits.memory -}}
{{- fail "resources.limits.memory: none, expected a limit: the byte budget follows from it" -}}
{{- end -}}
{{- $message := include "imgsvc.bytes" $values.maxMessageBytes | int64 -}}
{{- $budget := include "imgsvc.byteBudget" . | int64 -}}
{{- $most := include "imgsvc.bytesForCalls" . | int64 -}}
{{- $memory := include "imgsvc.text" $limits.memory -}}
{{- if and $values.maxBytesInFlight (gt $budget $most) -}}
{{- fail (printf "maxBytesInFlight: %d bytes, expected at most %d: that is what resources.limits.memory, %s, leaves for calls" $budget $most $memory) -}}
{{- end -}}
{{- if lt $budget (mul 2 $message) -}}
{{- if $values.maxBytesInFlight -}}
{{- fail (printf "maxBytesInFlight: %d bytes, expected at least %d: twice maxMessageBytes" $budget (mul 2 $message)) -}}
{{- end -}}
{{- fail (printf "resources.limits.memory: %s, which makes a byte budget of %d, expected one of at least %d: twice maxMessageBytes" $memory $budget (mul 2 $message)) -}}
{{- end -}}

{{- /* How many pods. */ -}}
{{- $scaling := $values.autoscaling -}}
{{- if $scaling.enabled -}}
{{- if gt (int64 $scaling.minReplicas) (int64 $scaling.maxReplicas) -}}
{{- fail (printf "autoscaling.minReplicas: %v, expected at most maxReplicas, %v" $scaling.minReplicas $scaling.maxReplicas) -}}
{{- end -}}
{{- if not (or $scaling.cpuPercent $scaling.queueSeconds) -}}
{{- fail "autoscaling.cpuPercent: 0, expected more, or autoscaling.queueSeconds: there is nothing to scale on" -}}
{{- end -}}
{{- $refused := mulf 0.55 (default 1.0 $values.config.max_queue_seconds) -}}
{{- if ge (float64 $scaling.queueSeconds) $refused -}}
{{- fail (printf "autoscaling.queueSeconds: %v, expected less than %v, 0.55 of config.max_queue_seconds: calls that would wait so long are refused" $scaling.queueSeconds $refused) -}}
{{- end -}}
{{- if and $scaling.queueSeconds (not $values.metrics.enabled) -}}
{{- fail "autoscaling.queueSeconds: expected metrics.enabled: it is one of the metrics" -}}
{{- end -}}
{{- end -}}
{{- $budgeted := $values.podDisruptionBudget -}}
{{- if $budgeted.enabled -}}
{{- $least := include "imgsvc.leastReplicas" . | int64 -}}
{{- $available := include "imgsvc.text" (default "" $budgeted.minAvailable) -}}
{{- $unavailable := include "imgsvc.text" $budgeted.maxUnavailable -}}
{{- if and (not $available) (eq 0 (include "imgsvc.pods" (list $unavailable $least) | int)) -}}
{{- fail (printf "podDisruptionBudget.maxUnavailable: %s, expected more: no node could ever be drained" $unavailable) -}}
{{- end -}}
{{- if and $available (ge (include "imgsvc.pods" (list $available $least) | int64) $least) -}}
{{- fail (printf "podDisruptionBudget.minAvailable: %s, expected less than the least number of pods, %d: no node could ever be drained" $available $least) -}}
{{- end -}}
{{- end -}}

{{- /* What only works together. */ -}}
{{- if and (include "imgsvc.probesByHttp" .) (not $values.metrics.enabled) -}}
{{- fail "metrics.enabled: false, expected true: with TLS, or keys for health, the probes ask its port" -}}
{{- end -}}
{{- if and $values.tls.clientCertificates (not $values.tls.existingSecret) -}}
{{- fail "tls.clientCertificates: true, expected tls.existingSecret beside it" -}}
{{- end -}}
{{- if and $values.callers.toml $values.callers.existingSecret -}}
{{- fail "callers.existingSecret: expected either this or callers.toml" -}}
{{- end -}}
{{- if and $values.presets.toml $values.presets.existingConfigMap -}}
{{- fail "presets.existingConfigMap: expected either this or presets.toml" -}}
{{- end -}}
{{- if eq $values.cache.kind "redis" -}}
{{- $redis := $values.cache.redis -}}
{{- if eq (empty $redis.url) (empty $redis.existingSecret) -}}
{{- fail "cache.redis.url: expected either this or cache.redis.existingSecret" -}}
{{- end -}}
{{- if regexMatch "//[^/]*:[^/]*@" $redis.url -}}
{{- fail "cache.redis.url: expected no password in it: put the URL into a Secret, and name that by cache.redis.existingSecret" -}}
{{- end -}}
{{- end -}}
{{- if and $values.serviceMonitor.enabled (not $values.metrics.enabled) -}}
{{- fail "serviceMonitor.enabled: true, expected metrics.enabled" -}}
{{- end -}}
{{- if $values.networkPolicy.enabled -}}
{{- if and $values.serviceMonitor.enabled (not $values.networkPolicy.metrics) -}}
{{- fail "networkPolicy.metrics: empty, expected your Prometheus: it could not read what serviceMonitor.enabled tells it to" -}}
{{- end -}}
{{- if and (or (eq $values.cache.kind "redis") $values.config.otlp_endpoint) (not $values.networkPolicy.egress) -}}
{{- fail "networkPolicy.egress: empty, expected a rule for Redis, and for the receiver of traces: the servers could not reach them" -}}
{{- end -}}
{{- end -}}
{{- end -}}
