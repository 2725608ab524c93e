{{/* What Kubernetes' quantities are in numbers. values.schema.json has let through what they can be. */}}

{{- define "imgsvc.bytes" -}}
{{- $text := include "imgsvc.text" . -}}
{{- $number := regexFind "^[0-9]+(\\.[0-9]+)?" $text -}}
{{- $unit := trimPrefix $number $text -}}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 -}}
{{- $units = merge $units (dict "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776) -}}
{{- mulf (float64 $number) (get $units $unit) | floor | int64 -}}
{{- end -}}

{{/* Cores of "2", "1500m" or 1.5, rounded up: as the server does with its quota. */}}
{{- define "imgsvc.cores" -}}
{{- $text := include "imgsvc.text" . -}}
{{- if hasSuffix "m" $text -}}
{{- divf (float64 (trimSuffix "m" $text)) 1000 | ceil | int64 -}}
{{- else -}}
{{- ceil (float64 $text) | int64 -}}
{{- end -}}
{{- end -}}

{{/* A value as text. Numbers of a values file are floats, and print as 5e+07. */}}
{{- define "imgsvc.text" -}}
{{- if kindIs "float64" . -}}
{{- if eq (floor .) . }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{/* How many of some pods a number or percents are: percents are rounded up, as Kubernetes does. */}}
{{- define "imgsvc.pods" -}}
{{- $text := index . 0 -}}
{{- if hasSuffix "%" $text -}}
{{- divf (mulf (float64 (trimSuffix "%" $text)) (float64 (index . 1))) 100 | ceil | int64 -}}
{{- else -}}
{{- int64 $text -}}
{{- end -}}
{{- end -}}
