{{- define "jspolicy.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name once, as Helm's own charts have it. It may have dots, and a digit first; a Service may not. */}}
{{- define "jspolicy.fullname" -}}
{{- $name := include "jspolicy.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if regexMatch "^[0-9]" .Release.Name -}}
{{- printf "%s-%s" $name .Release.Name | replace "." "-" | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | replace "." "-" | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | replace "." "-" | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Called with a list: the root, the component. */}}
{{- define "jspolicy.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "jspolicy.name" $root | quote }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Called as the one above. A label has no +, which versions may have. */}}
{{- define "jspolicy.ownLabels" -}}
{{- $root := index . 0 -}}
{{ include "jspolicy.selectorLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | replace "+" "_" | trunc 63 | quote }}
app.kubernetes.io/part-of: jspolicy
app.kubernetes.io/managed-by: {{ $root.Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | quote }}
{{- end -}}

{{/* Called with a list: the root, the component, and labels beside the chart's, where there are any: an earlier one wins. */}}
{{- define "jspolicy.labels" -}}
{{- $labels := include "jspolicy.ownLabels" . | fromYaml -}}
{{- range append (slice . 2) (index . 0).Values.jspolicy.extraLabels -}}
{{- $labels = merge $labels (default (dict) .) -}}
{{- end -}}
{{- toYaml $labels -}}
{{- end -}}

{{/* Of Pod templates, called as the one above: what changes with each version of the chart would restart every Pod. */}}
{{- define "jspolicy.podLabels" -}}
{{- omit (include "jspolicy.labels" . | fromYaml) "app.kubernetes.io/version" "helm.sh/chart" | toYaml -}}
{{- end -}}

{{- define "jspolicy.componentName" -}}
{{- printf "%s-%s" (include "jspolicy.fullname" (index . 0)) (index . 1) -}}
{{- end -}}

{{- define "jspolicy.serviceAccount" -}}
{{- $values := (index . 0).Values.serviceAccount -}}
{{- if not $values.create -}}
{{- default "default" $values.name -}}
{{- else if $values.name -}}
{{- printf "%s-%s" $values.name (index . 1) -}}
{{- else -}}
{{- include "jspolicy.componentName" . -}}
{{- end -}}
{{- end -}}

{{- define "jspolicy.natsName" -}}
{{- printf "%s-nats" (include "jspolicy.fullname" .) -}}
{{- end -}}

{{- define "jspolicy.natsSecret" -}}
{{- if .Values.nats.enabled -}}
{{- printf "%s-auth" (include "jspolicy.natsName" .) -}}
{{- else -}}
{{- .Values.nats.existingSecret -}}
{{- end -}}
{{- end -}}

{{- define "jspolicy.natsUrl" -}}
{{- if .Values.nats.enabled -}}
{{- $name := include "jspolicy.natsName" . -}}
{{- $urls := list -}}
{{- range $index := until (int .Values.nats.replicas) -}}
{{- $urls = append $urls (printf "nats://%s-%d.%s-headless.%s.svc:4222" $name $index $name $.Release.Namespace) -}}
{{- end -}}
{{- join "," $urls -}}
{{- else -}}
{{- .Values.nats.url -}}
{{- end -}}
{{- end -}}

{{/* Called with a list: the root, another repository than the first image's, or nothing. */}}
{{- define "jspolicy.image" -}}
{{- $values := (index . 0).Values -}}
{{- if and (kindIs "string" $values.image) (not (index . 1)) -}}
{{- $values.image -}}
{{- else if kindIs "string" $values.image -}}
{{- printf "%s:%s" (index . 1) (index . 0).Chart.AppVersion -}}
{{- else -}}
{{- printf "%s:%s" (default $values.image.repository (index . 1)) (default (index . 0).Chart.AppVersion $values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "jspolicy.pullPolicy" -}}
{{- if kindIs "map" .Values.image -}}{{ .Values.image.pullPolicy }}{{- else -}}IfNotPresent{{- end -}}
{{- end -}}

{{/* Variables as Pods have them, as JSON: from texts by name, or from such a list. */}}
{{- define "jspolicy.envList" -}}
{{- $list := list -}}
{{- if kindIs "map" . -}}
{{- range $name, $value := . -}}
{{- $list = append $list (dict "name" $name "value" (kindIs "string" $value | ternary $value (toJson $value))) -}}
{{- end -}}
{{- else -}}
{{- $list = . -}}
{{- end -}}
{{- toJson $list -}}
{{- end -}}

{{/* As jsPolicy's values have 443, which only root may listen on; the Service finds the port by its name. */}}
{{- define "jspolicy.webhookPort" -}}
{{- $port := int .Values.service.targetPort -}}
{{- ternary 8443 $port (lt $port 1024) -}}
{{- end -}}

{{- define "jspolicy.gatewayReplicas" -}}
{{- ternary .Values.replicaCount .Values.gateway.replicas (kindIs "invalid" .Values.gateway.replicas) -}}
{{- end -}}

{{/* A value whose texts may be templates, as YAML; nothing if it is empty. Called with a list: the root, the value. */}}
{{- define "jspolicy.rendered" -}}
{{- with index . 1 -}}
{{- tpl (kindIs "string" . | ternary . (toYaml .)) (index $ 0) -}}
{{- end -}}
{{- end -}}
