{{/* Values that would do nothing, or not what was meant, without a word: called as those of _wrong.tpl. */}}

{{- define "jspolicy.wrong.unused" -}}
{{- $found := . -}}
{{- with .root.Values -}}
{{- if .nats.enabled -}}
{{- range $name := list "url" "existingSecret" -}}
{{- if index $found.root.Values.nats $name -}}
{{- include "jspolicy.wrong.add" (list $found (printf "nats.%s is not used, since the chart has servers of its own: write nats.enabled: false too, or leave it out" $name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .podDisruptionBudget -}}
{{- $empty := list "" "<nil>" -}}
{{- if not (or (has (toString .maxUnavailable) $empty) (has (toString .minAvailable) $empty)) -}}
{{- include "jspolicy.wrong.add" (list $found "podDisruptionBudget.maxUnavailable and minAvailable are both set: write one of them") -}}
{{- end -}}
{{- if has (toString .maxUnavailable) (list "0" "0%" "00%") -}}
{{- include "jspolicy.wrong.add" (list $found (printf "podDisruptionBudget.maxUnavailable is %v: write 1 at least, or no node could be drained" .maxUnavailable)) -}}
{{- end -}}
{{- end -}}
{{- if and .serviceMonitor.enabled .podMonitor.enabled -}}
{{- include "jspolicy.wrong.add" (list $found "serviceMonitor.enabled and podMonitor.enabled are both true, and all would be counted twice: leave one out") -}}
{{- end -}}
{{- $interval := include "jspolicy.milliseconds" .serviceMonitor.interval -}}
{{- $timeout := include "jspolicy.milliseconds" .serviceMonitor.scrapeTimeout -}}
{{- if and $interval $timeout (gt (int64 $timeout) (int64 $interval)) -}}
{{- include "jspolicy.wrong.add" (list $found (printf "serviceMonitor.scrapeTimeout is %s: write at most interval, %s" .serviceMonitor.scrapeTimeout .serviceMonitor.interval)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A duration as Prometheus writes it, in milliseconds, as a text; nothing where there is none. */}}
{{- define "jspolicy.milliseconds" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 "w" 604800000 "y" 31536000000 -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+(ms|[smhdwy])" (toString .) -1 -}}
{{- $sum = add $sum (mul (regexFind "^[0-9]+" . | int64) (get $units (regexFind "[a-z]+$" .) | int64)) -}}
{{- end -}}
{{- if $sum }}{{ $sum }}{{ end -}}
{{- end -}}

{{/*
Kinds of other projects that the cluster has not. Kinds are known from an API server, and from tools that tell all of them by
--api-versions; `helm template` alone knows groups and versions only, and goes on.
*/}}
{{- define "jspolicy.wrong.kinds" -}}
{{- $found := . -}}
{{- $apis := .root.Capabilities.APIVersions -}}
{{- if $apis.Has "apps/v1/Deployment" -}}
{{- with .root.Values -}}
{{- $operator := "the Prometheus operator" -}}
{{- $needs := list
  (list "certificate.certManager.enabled" .certificate.certManager.enabled "cert-manager.io/v1/Certificate" "cert-manager")
  (list "serviceMonitor.enabled" .serviceMonitor.enabled "monitoring.coreos.com/v1/ServiceMonitor" $operator)
  (list "podMonitor.enabled" .podMonitor.enabled "monitoring.coreos.com/v1/PodMonitor" $operator)
  (list "prometheusRule.enabled" .prometheusRule.enabled "monitoring.coreos.com/v1/PrometheusRule" $operator)
  (list "evaluator.autoscaling.prometheusUrl" (and .evaluator.autoscaling.enabled .evaluator.autoscaling.prometheusUrl) "keda.sh/v1alpha1/ScaledObject" "KEDA")
-}}
{{- range $needs -}}
{{- if and (index . 1) (not ($apis.Has (index . 2))) -}}
{{- include "jspolicy.wrong.add" (list $found (printf "%s needs %s, and the cluster has no kind %s: install it first, or leave the value out" (index . 0) (index . 3) (base (index . 2)))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
