{{/*
What the schema cannot say in words. Each of these looks at something in the values and adds to the problems of its dict
(root, problems) what is wrong, and what to write.
*/}}

{{/* Called with a list: the dict, the problem. */}}
{{- define "jspolicy.wrong.add" -}}
{{- $_ := set (index . 0) "problems" (append (index . 0).problems (index . 1)) -}}
{{- end -}}

{{/* Called with a list: the dict, the value's name, the value, what it must match, what to write. */}}
{{- define "jspolicy.wrong.text" -}}
{{- $text := kindIs "invalid" (index . 2) | ternary "" (toString (index . 2)) -}}
{{- if not (regexMatch (index . 3) $text) -}}
{{- include "jspolicy.wrong.add" (list (index . 0) (printf "%s is %q: write %s" (index . 1) $text (index . 4))) -}}
{{- end -}}
{{- end -}}

{{/* A name with nothing behind its colon is null, and Helm takes the chart's value away. The others need these. */}}
{{- define "jspolicy.wrong.missing" -}}
{{- $found := . -}}
{{- /* Made from values.yaml by npm run chart. */}}
{{- range .root.Files.Get "files/needed-values.json" | fromJsonArray -}}
{{- $parent := dict -}}
{{- $value := $found.root.Values -}}
{{- range splitList "." . -}}
{{- $parent = $value -}}
{{- $value = index (kindIs "map" $parent | ternary $parent (dict)) . -}}
{{- end -}}
{{- if and (kindIs "map" $parent) (kindIs "invalid" $value) -}}
{{- include "jspolicy.wrong.add" (list $found (printf "%s is null: leave it out, or write what it should be; after --reuse-values, use --reset-then-reuse-values" .)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "jspolicy.wrong.texts" -}}
{{- $found := . -}}
{{- with .root.Values -}}
{{- $name := list "^([a-z]([-a-z0-9]*[a-z0-9])?)?$" "small letters, digits and dashes, a letter first, such as my-policies" -}}
{{- $size := list "^[1-9][0-9]*(Ki|Mi|Gi|Ti)$" "a size, such as 512Mi or 4Gi" -}}
{{- $share := list "^([0-9]+|[0-9]{1,2}%|100%)?$" "a number, such as 1, or a share, such as 50%" -}}
{{- $duration := list "^([0-9]+(ms|[smhdwy]))*$" "a duration, such as 30s or 1m" -}}
{{- $texts := list
  (list "nameOverride" .nameOverride $name)
  (list "fullnameOverride" .fullnameOverride $name)
  (list "podDisruptionBudget.maxUnavailable" .podDisruptionBudget.maxUnavailable $share)
  (list "podDisruptionBudget.minAvailable" .podDisruptionBudget.minAvailable $share)
  (list "evaluator.grants.filesDir" .evaluator.grants.filesDir (list "^(/.*)?$" "an absolute path, such as /lists"))
  (list "evaluator.spool.sizeLimit" .evaluator.spool.sizeLimit $size)
  (list "evaluator.autoscaling.prometheusUrl" .evaluator.autoscaling.prometheusUrl
    (list "^(https?://[^/].*)?$" "an address, such as http://prometheus.monitoring:9090"))
  (list "compiler.workDir.sizeLimit" .compiler.workDir.sizeLimit $size)
  (list "nats.maxMemory" .nats.maxMemory $size)
  (list "nats.storage.size" .nats.storage.size (list "^[1-9][0-9]*(Mi|Gi|Ti)$" (index $size 1)))
  (list "serviceMonitor.path" .serviceMonitor.path (list "^(/.*)?$" "a path, such as /metrics"))
  (list "serviceMonitor.interval" .serviceMonitor.interval $duration)
  (list "serviceMonitor.scrapeTimeout" .serviceMonitor.scrapeTimeout $duration)
  (list "podMonitor.interval" .podMonitor.interval $duration)
-}}
{{- if not .nats.enabled -}}
{{- range splitList "," (default "" .nats.url | trimSuffix ",") -}}
{{- /* Credentials, which it may not hold, are not repeated. */}}
{{- $texts = append $texts (list "nats.url" (regexReplaceAll "[^/]*@" (trim .) "(credentials)@") (list
  "^((nats|tls)://)?([^][/:@ ]+|[[][0-9a-fA-F:]+[]])(:[0-9]+)?/?$" "the address of NATS, such as nats://nats.example:4222, since nats.enabled is false")) -}}
{{- end -}}
{{- end -}}
{{- range .webhook.exemptNamespaces -}}
{{- $texts = append $texts (list "webhook.exemptNamespaces" . (list
  "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$" "the name of a namespace: small letters, digits and dashes")) -}}
{{- end -}}
{{- range $name, $spec := .policies -}}
{{- $texts = append $texts (list (printf "policies.%s.violationPolicy" $name) $spec.violationPolicy (list
  "(?i)^(deny|warn|dry)?$" "Deny, Warn or Dry")) -}}
{{- $texts = append $texts (list "a name in policies" $name (list
  "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?){2,}$" "at least three parts with dots between, such as no-latest.example.com")) -}}
{{- end -}}
{{- range $name, $_ := .sinks -}}
{{- $texts = append $texts (list "a name in sinks" $name (list
  "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$" "small letters, digits, dashes and dots, such as security")) -}}
{{- end -}}
{{- range $texts -}}
{{- include "jspolicy.wrong.text" (list $found (index . 0) (index . 1) (index (index . 2) 0) (index (index . 2) 1)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Labels of the values stand beside the chart's own, which selectors have. */}}
{{- define "jspolicy.wrong.labels" -}}
{{- $found := . -}}
{{- $own := include "jspolicy.ownLabels" (list .root "") | fromYaml -}}
{{- $groups := dict "jspolicy.extraLabels" .root.Values.jspolicy.extraLabels "jspolicy.podLabels" .root.Values.jspolicy.podLabels -}}
{{- range list "gateway" "evaluator" "compiler" "controller" "audit" "nats" -}}
{{- $_ := set $groups (printf "%s.podLabels" .) (index $found.root.Values .).podLabels -}}
{{- end -}}
{{- range list "serviceMonitor" "podMonitor" "prometheusRule" "dashboard" -}}
{{- $_ := set $groups (printf "%s.labels" .) (index $found.root.Values .).labels -}}
{{- end -}}
{{- range $group, $labels := $groups -}}
{{- range $name, $value := $labels -}}
{{- if hasKey $own $name -}}
{{- include "jspolicy.wrong.add" (list $found (printf "%s has %s, which is the chart's own: take another name" $group $name)) -}}
{{- end -}}
{{- include "jspolicy.wrong.text" (list $found (printf "a name in %s" $group) $name
  "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$" "a label's name, such as team or example.com/team") -}}
{{- include "jspolicy.wrong.text" (list $found (printf "%s.%s" $group $name) $value
  "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$" "letters, digits, dashes, dots and underscores, 63 at most") -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "jspolicy.wrong.quantities" -}}
{{- $found := . -}}
{{- $groups := dict "jspolicy" .root.Values.jspolicy.resources -}}
{{- range list "gateway" "evaluator" "compiler" "controller" "audit" "nats" -}}
{{- $_ := set $groups . (index $found.root.Values .).resources -}}
{{- end -}}
{{- range $group, $resources := $groups -}}
{{- range $bound := list "requests" "limits" -}}
{{- range $name, $quantity := default (dict) (get (default (dict) $resources) $bound) -}}
{{- $example := eq $name "cpu" | ternary "500m or 2" (contains "memory" $name | ternary "512Mi or 1Gi" "1 or 1Gi") -}}
{{- include "jspolicy.wrong.text" (list $found (printf "%s.resources.%s.%s" $group $bound $name) $quantity
  "^([0-9]+[.]?[0-9]*|[.][0-9]+)(m|[kMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?$" (printf "a quantity, such as %s" $example)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
