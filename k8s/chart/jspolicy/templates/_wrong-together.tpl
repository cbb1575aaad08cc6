{{/* Values that are right one by one, and do not fit each other: called as those of _wrong.tpl. */}}

{{/* A quantity of memory in MiB, as a text; nothing where there is none. */}}
{{- define "jspolicy.mebibytes" -}}
{{- $quantity := toString . -}}
{{- $units := dict "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $unit := regexFind "[A-Za-z]*$" $quantity -}}
{{- if and (regexMatch "^[0-9.]+[A-Za-z]*$" $quantity) (hasKey $units $unit) -}}
{{- divf (mulf (regexFind "^[0-9.]+" $quantity | float64) (get $units $unit | float64)) 1048576 -}}
{{- end -}}
{{- end -}}

{{/* Ports and volumes that the chart has itself. */}}
{{- define "jspolicy.wrong.taken" -}}
{{- $found := . -}}
{{- with .root.Values.service -}}
{{- /* Below 1024 another one is taken: jspolicy.webhookPort. */}}
{{- if eq (int .targetPort) 9080 -}}
{{- include "jspolicy.wrong.add" (list $found "service.targetPort is 9080, where health and metrics are: write another one, such as 8443") -}}
{{- end -}}
{{- if eq (int .port) 8080 -}}
{{- include "jspolicy.wrong.add" (list $found "service.port is 8080, the Service's port of metrics: write another one, such as 443") -}}
{{- end -}}
{{- end -}}
{{- range .root.Values.jspolicy.extraVolumes -}}
{{- if has .name (list "tmp" "nats" "spool" "work" "npm") -}}
{{- include "jspolicy.wrong.add" (list $found (printf "jspolicy.extraVolumes has %s, which is the chart's own: take another name" .name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Who is killed before it has ended by itself leaves requests without an answer. */}}
{{- define "jspolicy.wrong.ends" -}}
{{- $found := . -}}
{{- with .root.Values -}}
{{- /* Seconds. The API server waits 30 s for a webhook at most. */}}
{{- $delay := divf .gateway.shutdownDelayMs 1000 | ceil | int -}}
{{- $drain := int .evaluator.spool.drainSeconds -}}
{{- $bundle := mul 3 .compiler.bundleTimeoutSeconds | add 10 | min 600 | int -}}
{{- $needs := list
  (list "gateway" (add $delay 35) (printf "%d s of gateway.shutdownDelayMs, 30 s for what is in flight, 5 s to close" $delay))
  (list "evaluator" (add $drain 35) (printf "30 s for what is in flight, %d s of evaluator.spool.drainSeconds, 5 s to close" $drain))
  (list "compiler" $bundle "three times compiler.bundleTimeoutSeconds for what is compiled, 10 s to close")
  (list "controller" 10 "10 s to hand over")
  (list "audit" 15 "5 s each for the turn, sinks and the rest")
-}}
{{- if and .nats.enabled (gt (int .nats.replicas) 1) -}}
{{- $needs = append $needs (list "nats" 40 "33 s to move clients and leaders to other servers, the rest to close") -}}
{{- end -}}
{{- range $needs -}}
{{- $given := (index $found.root.Values (index . 0)).terminationGracePeriodSeconds | int -}}
{{- if lt $given (index . 1 | int) -}}
{{- include "jspolicy.wrong.add" (list $found (printf "%s.terminationGracePeriodSeconds is %d: write %d at least: %s" (index . 0) $given (index . 1 | int) (index . 2))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "jspolicy.wrong.sizes" -}}
{{- $found := . -}}
{{- with .root.Values -}}
{{- $volume := include "jspolicy.mebibytes" .evaluator.spool.sizeLimit -}}
{{- $spool := int .evaluator.spool.maxMiB -}}
{{- if and $volume (lt (float64 $volume) (mul 2 $spool | float64)) -}}
{{- include "jspolicy.wrong.add" (list $found (printf "evaluator.spool.sizeLimit is %s: write %dMi at least: maxMiB, %d, for what waits, and as much for what is put aside" .evaluator.spool.sizeLimit (mul 2 $spool) $spool)) -}}
{{- end -}}
{{- $limit := include "jspolicy.mebibytes" (dig "limits" "memory" "" (default (dict) .evaluator.resources)) -}}
{{- $sandboxes := mul (int .evaluator.sandboxProcesses) (int .evaluator.sandboxMemoryMiB) -}}
{{- if and $limit (lt (float64 $limit) (float64 $sandboxes)) -}}
{{- include "jspolicy.wrong.add" (list $found (printf "evaluator.resources.limits.memory is %v: write more than %dMi: %d sandboxProcesses of %d sandboxMemoryMiB, and Node and copies of objects beside them" .evaluator.resources.limits.memory $sandboxes (int .evaluator.sandboxProcesses) (int .evaluator.sandboxMemoryMiB))) -}}
{{- end -}}
{{- if .nats.enabled -}}
{{- $limit = include "jspolicy.mebibytes" (dig "limits" "memory" "" (default (dict) .nats.resources)) -}}
{{- $streams := include "jspolicy.mebibytes" .nats.maxMemory -}}
{{- if and $limit $streams (le (float64 $limit) (float64 $streams)) -}}
{{- include "jspolicy.wrong.add" (list $found (printf "nats.maxMemory is %s: write less than nats.resources.limits.memory, %v" .nats.maxMemory .nats.resources.limits.memory)) -}}
{{- end -}}
{{- /* JetStream refuses a stream whose limit does not fit: 1 GiB of the record and 256 MiB of dead letters; bundles need the rest. */}}
{{- $given := concat (include "jspolicy.envList" .env | fromJsonArray) (default list .audit.env) | toJson -}}
{{- $storage := include "jspolicy.mebibytes" .nats.storage.size -}}
{{- if and $storage (lt (float64 $storage) 2048.0) (not (contains "\"VIOLATIONS_MAX_MIB\"" $given)) -}}
{{- include "jspolicy.wrong.add" (list $found (printf "nats.storage.size is %s: write 2Gi at least, or let violations take less than 1024 MiB by env.VIOLATIONS_MAX_MIB" .nats.storage.size)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "jspolicy.wrong.replicas" -}}
{{- $found := . -}}
{{- range $component := list "gateway" "evaluator" -}}
{{- with (index $found.root.Values $component).autoscaling -}}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) -}}
{{- include "jspolicy.wrong.add" (list $found (printf "%s.autoscaling.minReplicas is %d: write at most maxReplicas, %d" $component (int .minReplicas) (int .maxReplicas))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What Kubernetes or JetStream cannot follow from the release that is there: nothing where the API server is not asked, as by helm template. */}}
{{- define "jspolicy.wrong.release" -}}
{{- $found := . -}}
{{- $name := include "jspolicy.name" .root -}}
{{- $deployment := include "jspolicy.componentName" (list .root "gateway") -}}
{{- with (lookup "apps/v1" "Deployment" .root.Release.Namespace $deployment).spec -}}
{{- $before := dig "matchLabels" "app.kubernetes.io/name" $name .selector -}}
{{- if ne $before $name -}}
{{- include "jspolicy.wrong.add" (list $found (printf "nameOverride makes the name %s: write %s, which the selector of Deployment %s has: Kubernetes does not change it" $name $before $deployment)) -}}
{{- end -}}
{{- end -}}
{{- if .root.Values.nats.enabled -}}
{{- $nats := .root.Values.nats -}}
{{- $set := include "jspolicy.natsName" .root -}}
{{- with (lookup "apps/v1" "StatefulSet" .root.Release.Namespace $set).spec -}}
{{- if gt (int .replicas) (int $nats.replicas) -}}
{{- include "jspolicy.wrong.add" (list $found (printf "nats.replicas is %d: write %d, which StatefulSet %s has: copies of streams would be lost with their servers; docs/operations.md says how to begin anew with fewer" (int $nats.replicas) (int .replicas) $set)) -}}
{{- end -}}
{{- with (first (default (list (dict)) .volumeClaimTemplates)).spec -}}
{{- $size := dig "resources" "requests" "storage" "" . -}}
{{- $kept := list
  (list "size" $nats.storage.size $size (eq (include "jspolicy.mebibytes" $nats.storage.size) (include "jspolicy.mebibytes" $size)))
  (list "storageClassName" $nats.storage.storageClassName (default "" .storageClassName) (eq (default "" $nats.storage.storageClassName) (default "" .storageClassName)))
  (list "accessMode" $nats.storage.accessMode (first .accessModes) (eq $nats.storage.accessMode (first .accessModes)))
-}}
{{- range $kept -}}
{{- if not (index . 3) -}}
{{- include "jspolicy.wrong.add" (list $found (printf "nats.storage.%s is %q: write %q, which StatefulSet %s has: Kubernetes does not change its claims" (index . 0) (index . 1) (index . 2) $set)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
