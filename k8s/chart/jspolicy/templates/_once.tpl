{{/* The Pod of a task that ends. Called with a dict: root, component, args, account, env, mounts, volumes. */}}
{{- define "jspolicy.oncePodSpec" -}}
{{- $root := .root -}}
restartPolicy: Never
{{- if .account }}
serviceAccountName: {{ .account }}
{{- end }}
automountServiceAccountToken: {{ ne (default "" .account) "" }}
enableServiceLinks: false
{{- with include "jspolicy.rendered" (list $root $root.Values.nodeSelector) }}
nodeSelector: {{- . | nindent 2 }}
{{- end }}
{{- with include "jspolicy.rendered" (list $root $root.Values.tolerations) }}
tolerations: {{- . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  seccompProfile: { type: RuntimeDefault }
containers:
  - name: {{ .component }}
    image: {{ include "jspolicy.image" (list $root "") | quote }}
    imagePullPolicy: {{ include "jspolicy.pullPolicy" $root }}
    args: {{- toYaml .args | nindent 6 }}
    {{- with .env }}
    env: {{- toYaml . | nindent 6 }}
    {{- end }}
    securityContext: {{- toYaml $root.Values.securityContext | nindent 6 }}
    resources:
      requests: { cpu: 50m, memory: 64Mi }
      limits: { memory: 256Mi }
    {{- with .mounts }}
    volumeMounts: {{- toYaml . | nindent 6 }}
    {{- end }}
{{- with .volumes }}
volumes: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
