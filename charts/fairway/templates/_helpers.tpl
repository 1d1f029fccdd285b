{{- define "fairway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The release's name, with the chart's name unless it is in there already. Names of objects are DNS labels: 63 characters at most. */}}
{{- define "fairway.fullname" -}}
{{- $name := include "fairway.name" . }}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $full .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of what is only there for a while, by its purpose. */}}
{{- define "fairway.purposeName" -}}
{{- printf "%s-%s" (include "fairway.fullname" .root | trunc 50 | trimSuffix "-") .purpose }}
{{- end }}

{{/* Roles are not namespaced: two releases of one name in two namespaces must not share them. */}}
{{- define "fairway.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "fairway.fullname" .) }}
{{- end }}

{{/* A Service's name begins with a letter and has no dots, which a release's may. */}}
{{- define "fairway.serviceName" -}}
{{- include "fairway.fullname" . | replace "." "-" | trimAll "0123456789-" }}
{{- end }}

{{- define "fairway.selectorLabels" -}}
app.kubernetes.io/name: {{ include "fairway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Of everything, whatever its purpose. */}}
{{- define "fairway.commonLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "fairway.labels" -}}
{{ include "fairway.selectorLabels" . }}
{{ include "fairway.commonLabels" . }}
{{- end }}

{{/*
Name, namespace, labels and annotations of an object. `root`: the chart's; `name`; `cluster`: true where it has no namespace; `labels` and
`annotations`: further ones.
*/}}
{{- define "fairway.metadata" -}}
name: {{ .name }}
{{- if not .cluster }}
namespace: {{ .root.Release.Namespace }}
{{- end }}
labels:
  {{- include "fairway.labels" .root | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge dict (default dict .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What a pod that is not the operator's is called, so that no Deployment, budget or Service selects it. */}}
{{- define "fairway.helperName" -}}
{{- printf "%s-%s" (include "fairway.name" .root | trunc 50 | trimSuffix "-") .purpose }}
{{- end }}

{{- define "fairway.helperPodLabels" -}}
app.kubernetes.io/name: {{ include "fairway.helperName" . }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .root.Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{ include "fairway.commonLabels" .root }}
{{- end }}

{{- define "fairway.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "fairway.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name: name the existing ServiceAccount, because serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "fairway.image" -}}
{{- $repository := required "image.repository: name the repository that you pushed the image to, like registry.example/fairway" .Values.image.repository }}
{{- $image := printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) }}
{{- with .Values.image.digest }}
{{- $image = printf "%s@%s" $image . }}
{{- end }}
{{- $image }}
{{- end }}

{{/* Whether the page is for port-forwarding alone. */}}
{{- define "fairway.pageOpen" -}}
{{- if and .Values.page.enabled (not (regexMatch `^(127\.|\[::1\])` .Values.page.listen)) }}true{{ end }}
{{- end }}

{{- define "fairway.pagePort" -}}
{{- regexFind `[0-9]+$` .Values.page.listen }}
{{- end }}

{{/* What any pod of the chart is allowed: Pod Security Standards, restricted. The group reads the Secrets, which others do not. */}}
{{- define "fairway.podSecurity" -}}
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "fairway.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{- define "fairway.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "fairway.volumeMounts" -}}
volumeMounts:
  # The folder, not the file alone: a file mounted by subPath never sees an edit of the ConfigMap.
  - name: config
    mountPath: /etc/fairway
    readOnly: true
  {{- range .Values.proxySecrets }}
  - name: proxy-{{ .name }}
    mountPath: /etc/fairway/{{ .name }}
    readOnly: true
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "fairway.volumes" -}}
volumes:
  - name: config
    configMap:
      name: {{ include "fairway.fullname" . }}
  {{- range .Values.proxySecrets }}
  - name: proxy-{{ .name }}
    secret:
      secretName: {{ .secretName }}
      defaultMode: 0440
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
