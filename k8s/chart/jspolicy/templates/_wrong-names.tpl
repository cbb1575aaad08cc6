{{/* Names of things outside of the chart, which are found wrong by Pods only: called as those of _wrong.tpl. */}}

{{- define "jspolicy.wrong.names" -}}
{{- $found := . -}}
{{- with .root.Values -}}
{{- $form := "small letters, digits, dashes and dots, such as my-name" -}}
{{- $names := list
  (list "serviceAccount.name" .serviceAccount.name)
  (list "priorityClassName" .priorityClassName)
  (list "nats.existingSecret" .nats.existingSecret)
  (list "nats.storage.storageClassName" .nats.storage.storageClassName)
  (list "certificate.certManager.issuerRef.name" .certificate.certManager.issuerRef.name)
  (list "serviceMonitor.namespace" .serviceMonitor.namespace)
-}}
{{- range .imagePullSecrets }}{{ $names = append $names (list "a name in imagePullSecrets" .name) }}{{ end -}}
{{- range .audit.sinkSecrets }}{{ $names = append $names (list "a name in audit.sinkSecrets" .) }}{{ end -}}
{{- range list "gateway" "evaluator" "compiler" "controller" "audit" "nats" -}}
{{- $names = append $names (list (printf "%s.priorityClassName" .) (index $found.root.Values .).priorityClassName) -}}
{{- end -}}
{{- range $names -}}
{{- include "jspolicy.wrong.text" (list $found (index . 0) (index . 1) "^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$" $form) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "jspolicy.wrong.images" -}}
{{- $found := . -}}
{{- with .root.Values -}}
{{- /* As containers' references are: a host has a dot, a port or brackets, or is localhost. */}}
{{- $host := "([A-Za-z0-9-]+([.][A-Za-z0-9-]+)+(:[0-9]+)?|[A-Za-z0-9-]+:[0-9]+|localhost|[[][0-9a-fA-F:]+[]](:[0-9]+)?)" -}}
{{- $part := "[a-z0-9]+([._-]+[a-z0-9]+)*" -}}
{{- $repository := printf "(%s/)?%s(/%s)*" $host $part $part -}}
{{- $tag := "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}" -}}
{{- $digest := "@sha256:[0-9a-f]{64}" -}}
{{- $texts := list (list "compiler.image.repository" .compiler.image.repository) (list "nats.image.repository" .nats.image.repository) -}}
{{- $tags := list (list "nats.image.tag" .nats.image.tag (printf "^%s(%s)?$" $tag $digest) "2.15-alpine") -}}
{{- if kindIs "string" .image -}}
{{- include "jspolicy.wrong.text" (list $found "image" .image (printf "^%s(:%s(%s)?|%s)$" $repository $tag $digest $digest) "a name with its tag, such as registry.example/jspolicy:0.1.0") -}}
{{- else -}}
{{- $texts = append $texts (list "image.repository" .image.repository) -}}
{{- $tags = append $tags (list "image.tag" .image.tag (printf "^(%s(%s)?)?$" $tag $digest) "0.1.0") -}}
{{- end -}}
{{- range $texts -}}
{{- include "jspolicy.wrong.text" (list $found (index . 0) (index . 1) (printf "^%s$" $repository) "a name in small letters without its tag, such as registry.example/jspolicy") -}}
{{- end -}}
{{- range $tags -}}
{{- include "jspolicy.wrong.text" (list $found (index . 0) (index . 1) (index . 2) (printf "a tag, such as %s" (index . 3))) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Hosts and ranges of addresses, as the services read them. */}}
{{- define "jspolicy.wrong.addresses" -}}
{{- $found := . -}}
{{- with .root.Values -}}
{{- $byte := "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])" -}}
{{- $four := printf "%s([.]%s){3}" $byte $byte -}}
{{- $six := printf "([0-9a-fA-F]{0,4}:){2,7}([0-9a-fA-F]{0,4}|%s)" $four -}}
{{- $bits := list "/([0-9]|[12][0-9]|3[0-2])" "/([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])" -}}
{{- $range := printf "%s(%s)?|%s(%s)?" $four (index $bits 0) $six (index $bits 1) -}}
{{- range .audit.sinkRefusedAddresses -}}
{{- include "jspolicy.wrong.text" (list $found "audit.sinkRefusedAddresses" . (printf "^(link-local|loopback|private|none|%s)$" $range)
  "link-local, loopback, private, none, or a CIDR, such as 10.0.0.0/8") -}}
{{- end -}}
{{- range .networkPolicy.apiServers -}}
{{- include "jspolicy.wrong.text" (list $found "networkPolicy.apiServers" . (printf "^(%s%s|%s%s)$" $four (index $bits 0) $six (index $bits 1))
  "a CIDR, such as 10.0.0.1/32") -}}
{{- end -}}
{{- range .evaluator.grants.fetchHosts -}}
{{- include "jspolicy.wrong.text" (list $found "evaluator.grants.fetchHosts" .
  "^([*]|([*][.])?([^][:/?#@*\\s]+|[[][0-9a-fA-F:.]+[]])(:[0-9]{1,5})?)$" "a host, such as api.example.com, api.example.com:8443 or *.example.com") -}}
{{- end -}}
{{- end -}}
{{- end -}}
