{{/*
The Deployment of a component. Called with a dict: root, component, main (what Node runs), replicas, resources, image,
ports, env, volumes, mounts, and, where there are any, command and args.
*/}}
{{- define "jspolicy.deployment" -}}
{{- $root := .root -}}
{{- $component := .component -}}
{{- $values := index $root.Values $component -}}
{{- $names := list $root $component -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "jspolicy.componentName" $names }}
  labels: {{- include "jspolicy.labels" $names | nindent 4 }}
spec:
  {{- if not (dig "autoscaling" "enabled" false $values) }}
  replicas: {{ .replicas }}
  {{- else }}
  {{- /* As many as there are: where an upgrade takes the number away, the API server makes it 1 until the autoscaler looks. */}}
  {{- with (lookup "apps/v1" "Deployment" $root.Release.Namespace (include "jspolicy.componentName" $names)).spec }}
  replicas: {{ .replicas }}
  {{- end }}
  {{- end }}
  revisionHistoryLimit: 3
  strategy:
    rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }
  selector:
    matchLabels: {{- include "jspolicy.selectorLabels" $names | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "jspolicy.podLabels" (append (append $names $values.podLabels) $root.Values.jspolicy.podLabels) | nindent 8 }}
      {{- $annotations := merge (dict) (default (dict) $values.podAnnotations) }}
      {{- range $name, $text := .checksums }}
      {{- $_ := set $annotations (printf "checksum/%s" $name) ($text | sha256sum) }}
      {{- end }}
      {{- /* None, not an empty list of them: that would take away what `kubectl rollout restart` notes, and restart Pods. */}}
      {{- with $annotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ include "jspolicy.serviceAccount" $names | quote }}
      automountServiceAccountToken: {{ .kubernetes }}
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
      {{- include "jspolicy.placement" (dict "root" $root "component" $component "rolling" true) | nindent 6 }}
      securityContext:
        runAsNonRoot: true
        fsGroup: 65532
        seccompProfile: { type: RuntimeDefault }
      containers:
        - name: {{ $component }}
          image: {{ include "jspolicy.image" (list $root .image) | quote }}
          imagePullPolicy: {{ include "jspolicy.pullPolicy" $root }}
          {{- with .command }}
          command: {{- toYaml . | nindent 12 }}
          {{- end }}
          args:
            {{- if .args }}
            {{- toYaml .args | nindent 12 }}
            {{- else }}
            - --external-memory-accounted-in-global-limit
            - --initial-heap-size=128
            - --single-threaded-gc
            - services/{{ $component }}/dist/main.js
            {{- end }}
          env:
            {{- include "jspolicy.env" (dict
              "own" (printf "%s\n%s" (include "jspolicy.commonEnv" (dict "root" $root "component" $component)) .env)
              "given" (concat (include "jspolicy.envList" $root.Values.env | fromJsonArray) (default list $values.env))
            ) | nindent 12 }}
          ports:
            - { name: health, containerPort: 9080 }
            {{- with .ports }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          {{- if $root.Values.readinessProbe.enabled }}
          # Ready: policies are loaded, and the bus is there. Who waits for the bus is not ready, and not started anew either.
          readinessProbe:
            httpGet: { path: /readyz, port: health }
            periodSeconds: 2
            timeoutSeconds: 2
            failureThreshold: 2
          {{- end }}
          {{- if $root.Values.livenessProbe.enabled }}
          startupProbe:
            httpGet: { path: /healthz, port: health }
            periodSeconds: 1
            failureThreshold: 120
          # Slow is not dead: only a process that answers nothing for a minute is started anew.
          livenessProbe:
            httpGet: { path: /healthz, port: health }
            periodSeconds: 10
            timeoutSeconds: 10
            failureThreshold: 6
          {{- end }}
          securityContext: {{- toYaml $root.Values.securityContext | nindent 12 }}
          resources: {{- toYaml .resources | nindent 12 }}
          volumeMounts:
            - { name: tmp, mountPath: /tmp }
            {{- if include "jspolicy.natsSecret" $root }}
            - { name: nats, mountPath: /etc/jspolicy/nats, readOnly: true }
            {{- end }}
            {{- with .mounts }}
            {{- . | nindent 12 }}
            {{- end }}
            {{- with $root.Values.jspolicy.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        - { name: tmp, emptyDir: { sizeLimit: 64Mi } }
        {{- with include "jspolicy.natsSecret" $root }}
        - name: nats
          secret:
            secretName: {{ . | quote }}
            items: [{ key: ca.crt, path: ca.crt }]
        {{- end }}
        {{- with .volumes }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- with $root.Values.jspolicy.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end -}}

{{/* Where Pods may run. What a component says takes the place of what the chart says. */}}
{{- define "jspolicy.placement" -}}
{{- $root := .root -}}
{{- $values := index $root.Values .component -}}
{{- $labels := include "jspolicy.selectorLabels" (list $root .component) -}}
{{- with default $root.Values.priorityClassName $values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with include "jspolicy.rendered" (list $root (default $root.Values.nodeSelector $values.nodeSelector)) }}
nodeSelector: {{- . | nindent 2 }}
{{- end }}
{{- with include "jspolicy.rendered" (list $root (default $root.Values.tolerations $values.tolerations)) }}
tolerations: {{- . | nindent 2 }}
{{- end }}
affinity:
{{- with include "jspolicy.rendered" (list $root (default $root.Values.affinity $values.affinity)) }}
  {{- . | nindent 2 }}
{{- else }}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels: {{- $labels | nindent 14 }}
{{- end }}
topologySpreadConstraints:
{{- with include "jspolicy.rendered" (list $root (default $root.Values.topologySpreadConstraints $values.topologySpreadConstraints)) }}
  {{- . | nindent 2 }}
{{- else }}
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    {{- if .rolling }}
    # Without it the Pods that a rollout replaces count too.
    matchLabelKeys: [pod-template-hash]
    {{- end }}
    labelSelector:
      matchLabels: {{- $labels | nindent 8 }}
{{- end }}
{{- end -}}

{{/*
What the chart sets, without what is given, then what is given: a name that stands twice would be merged by chance at an
upgrade. Called with a dict: own (YAML), given (a list).
*/}}
{{- define "jspolicy.env" -}}
{{- $names := list -}}
{{- range .given }}{{ $names = append $names .name }}{{ end -}}
{{- $list := list -}}
{{- range fromYamlArray .own -}}
{{- if not (has .name $names) }}{{ $list = append $list . }}{{ end -}}
{{- end -}}
{{- toYaml (concat $list .given) -}}
{{- end -}}

{{- define "jspolicy.commonEnv" -}}
{{- $root := .root -}}
- { name: KUBE_NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
- { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
- { name: LOG_LEVEL, value: {{ $root.Values.logLevel | quote }} }
- { name: HEALTH_PORT, value: "9080" }
- { name: HOME, value: /tmp }
- { name: NATS_URL, value: {{ include "jspolicy.natsUrl" $root | quote }} }
{{- if $root.Values.nats.enabled }}
- { name: NATS_USER, value: {{ .component }} }
- { name: NATS_PASSWORD, valueFrom: { secretKeyRef: { name: {{ include "jspolicy.natsSecret" $root | quote }}, key: {{ .component }} } } }
- { name: NATS_CA_FILE, value: /etc/jspolicy/nats/ca.crt }
{{- else if $root.Values.nats.existingSecret }}
- { name: NATS_USER, valueFrom: { secretKeyRef: { name: {{ include "jspolicy.natsSecret" $root | quote }}, key: user, optional: true } } }
- { name: NATS_PASSWORD, valueFrom: { secretKeyRef: { name: {{ include "jspolicy.natsSecret" $root | quote }}, key: password, optional: true } } }
- { name: NATS_CA_FILE, value: /etc/jspolicy/nats/ca.crt }
{{- end }}
{{- end -}}

{{/*
Called with a list: the root, the component, its replicas. One Pod of those that there are at least may always be taken, or no
node could be drained; of NATS never more than one, whose majority must live.
*/}}
{{- define "jspolicy.podDisruptionBudget" -}}
{{- $root := index . 0 -}}
{{- $autoscaling := default (dict) (index $root.Values (index . 1)).autoscaling -}}
{{- $replicas := int (ternary $autoscaling.minReplicas (index . 2) (eq true $autoscaling.enabled)) -}}
{{- if and $root.Values.podDisruptionBudget.create (gt $replicas 1) -}}
{{- $names := list $root (index . 1) -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "jspolicy.componentName" $names }}
  labels: {{- include "jspolicy.labels" $names | nindent 4 }}
spec:
  {{- with $root.Values.podDisruptionBudget }}
  {{- $least := kindIs "invalid" .minAvailable | ternary "" (toString .minAvailable) }}
  {{- $most := kindIs "invalid" .maxUnavailable | ternary "" (toString .maxUnavailable) }}
  {{- if ne (index $ 1) "nats" }}
  # Who is not ready serves nobody: it must not hold up a drain. A server of NATS may still have what others lack.
  unhealthyPodEvictionPolicy: AlwaysAllow
  {{- end }}
  {{- if eq (index $ 1) "nats" }}
  maxUnavailable: 1
  {{- else if not $least }}
  maxUnavailable: {{ default "1" $most }}
  {{- else if hasSuffix "%" $least }}
  {{- if lt (mul (trimSuffix "%" $least | int) $replicas | add 99) (mul 100 $replicas) }}
  minAvailable: {{ $least }}
  {{- else }}
  {{- /* Kubernetes rounds up: it would keep every Pod. */}}
  maxUnavailable: 1
  {{- end }}
  {{- else }}
  minAvailable: {{ min (int $least) (sub $replicas 1) }}
  {{- end }}
  {{- end }}
  selector:
    matchLabels: {{- include "jspolicy.selectorLabels" $names | nindent 6 }}
{{- end -}}
{{- end -}}

{{/* Called with a list: the root, the component. */}}
{{- define "jspolicy.horizontalPodAutoscaler" -}}
{{- $root := index . 0 -}}
{{- with (index $root.Values (index . 1)).autoscaling -}}
{{- if .enabled -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "jspolicy.componentName" $ }}
  labels: {{- include "jspolicy.labels" $ | nindent 4 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: {{ include "jspolicy.componentName" $ }} }
  minReplicas: {{ .minReplicas }}
  maxReplicas: {{ .maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: { type: Utilization, averageUtilization: {{ .targetCPUUtilizationPercentage }} }
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Called with a list: the root, the component. */}}
{{- define "jspolicy.account" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.serviceAccount.create -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "jspolicy.serviceAccount" . | quote }}
  labels: {{- include "jspolicy.labels" . | nindent 4 }}
automountServiceAccountToken: false
{{- end -}}
{{- end -}}

{{/* Binds a component's account to a ClusterRole. Called with a list: the root, the component, the role, the binding's name. */}}
{{- define "jspolicy.clusterRoleBinding" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.clusterRoleBinding.create -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ index . 3 }}
  labels: {{- include "jspolicy.labels" (list $root (index . 1)) | nindent 4 }}
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {{ index . 2 | quote }} }
subjects:
  - { kind: ServiceAccount, name: {{ include "jspolicy.serviceAccount" . | quote }}, namespace: {{ $root.Release.Namespace | quote }} }
{{- end -}}
{{- end -}}
