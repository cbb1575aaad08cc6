{{/*
Another engine in the cluster: whoever the API server asks about the engine's kinds, and somebody holds its Lease. One that
has ended has given it back. Called as those of _wrong.tpl; finds nothing where the API server is not asked.
*/}}
{{- define "jspolicy.wrong.engine" -}}
{{- $own := .root.Release.Namespace -}}
{{- $asked := lookup "admissionregistration.k8s.io/v1" "ValidatingWebhookConfiguration" "" "jspolicy" -}}
{{- $namespace := dig "clientConfig" "service" "namespace" $own (first (default (list (dict)) $asked.webhooks)) -}}
{{- if ne $namespace $own -}}
{{- with (lookup "coordination.k8s.io/v1" "Lease" $namespace "jspolicy-controller").spec -}}
{{- if .holderIdentity -}}
{{- fail (printf "an engine works in the namespace %s, and a cluster has one: upgrade that release, or uninstall it first. If it is gone: kubectl delete lease jspolicy-controller --namespace %s" $namespace $namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
