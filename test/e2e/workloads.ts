/** The pods behind the Services: one of each kind on every node. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Certificate } from '../lab/certificates.ts'
import { agnhostImage, productImage } from '../lab/images.ts'
import type { Lab } from '../lab/lab.ts'
import { namespace } from './objects.ts'

/** Ports of the pods called `seer`. */
export const seerPorts = { plain: 8000, proxied: 8001, proxiedToo: 8002 } as const

/** Port of the pods `web` where datagrams are answered. */
export const udpPort = 8081

/** Port of the pods that speak TLS. */
export const tlsPort = 8443

/** Manifests of everything that answers, all the time: `web` is Kubernetes' test server, `seer` tells whom it sees. */
export function workloads(): readonly object[] {
  return [...basics(), daemonSet('web', { containers: [web()] }), daemonSet('seer', seerSpec())]
}

/** Manifests of pods called `dns`, which answer as both `web` and `seer` do: by TCP and by UDP. */
export function bothProtocols(): readonly object[] {
  const { containers, ...spec } = seerSpec()
  return [...basics(), daemonSet('dns', { ...spec, containers: [...containers, web()] })]
}

function basics(): readonly object[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'seer', namespace }, data: seerFiles() },
  ]
}

function web(): object {
  return {
    name: 'web',
    image: agnhostImage,
    imagePullPolicy: 'Never',
    args: ['netexec', '--http-port=8080', `--udp-port=${udpPort}`],
    readinessProbe: { httpGet: { path: '/hostname', port: 8080 }, periodSeconds: 1 },
  }
}

/** A pod of label `app` on one node that answers as the pods `seer` do, and goes on for some seconds when it is deleted. */
export function seerPod(name: string, app: string, nodeName: string): object {
  // Its process is the first of the container, so SIGTERM does not end it: that comes with the end of the grace period.
  return pod(name, app, { ...seerSpec(), nodeName, terminationGracePeriodSeconds: 4 })
}

/** A pod that speaks TLS on port 8443, with a certificate from the Secret of its own name. It answers `/hostname` with that name. */
export function tlsPod(name: string): object {
  const container = {
    name: 'tls',
    image: agnhostImage,
    imagePullPolicy: 'Never',
    args: [
      'netexec',
      `--http-port=${tlsPort}`,
      '--tls-cert-file=/certificate/tls.crt',
      '--tls-private-key-file=/certificate/tls.key',
    ],
    readinessProbe: { httpGet: { path: '/hostname', port: tlsPort, scheme: 'HTTPS' }, periodSeconds: 1 },
    volumeMounts: [{ name: 'certificate', mountPath: '/certificate' }],
  }
  const volumes = [{ name: 'certificate', secret: { secretName: name } }]
  return pod(name, name, { containers: [container], volumes, terminationGracePeriodSeconds: 0 })
}

export function tlsSecret(name: string, { certFile, keyFile }: Certificate): object {
  const data = { 'tls.crt': readFileSync(certFile, 'utf8'), 'tls.key': readFileSync(keyFile, 'utf8') }
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    type: 'kubernetes.io/tls',
    stringData: data,
  }
}

export async function applyAll(lab: Lab, items: readonly object[], signal: AbortSignal): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  await lab.kubectl(['apply', '-f', '-'], signal, { input })
}

/** Waits until single pods are ready. */
export async function podsReady(lab: Lab, names: readonly string[], signal: AbortSignal): Promise<void> {
  const pods = names.map((name) => `pod/${name}`)
  await lab.kubectl(['-n', namespace, 'wait', '--for=condition=Ready', ...pods, '--timeout=45s'], signal)
}

/** Deletes single pods without waiting for their end; those that are gone are no error. */
export async function deletePods(lab: Lab, names: readonly string[], signal: AbortSignal): Promise<void> {
  await lab.kubectl(['-n', namespace, 'delete', 'pod', ...names, '--ignore-not-found', '--wait=false'], signal)
}

const seerPaths = { seer: 'e2e/seer-main.ts', header: 'lab/proxy-header.ts', manifest: 'package.json' } as const

function seerFiles(): Record<string, string> {
  return { seer: read(seerPaths.seer), header: read(seerPaths.header), manifest: '{"type":"module"}' }
}

function read(path: string): string {
  return readFileSync(join(import.meta.dirname, '..', path), 'utf8')
}

function toItem([key, path]: [string, string]): object {
  return { key, path }
}

/** Node from the product's image: the one image of the lab that has an interpreter. */
function seer(): object {
  return {
    name: 'seer',
    image: productImage,
    imagePullPolicy: 'Never',
    command: ['node', '/sources/e2e/seer-main.ts'],
    args: [seerPorts.plain, seerPorts.proxied, seerPorts.proxiedToo].map(String),
    env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
    readinessProbe: { httpGet: { path: '/', port: seerPorts.plain }, periodSeconds: 1 },
    volumeMounts: [{ name: 'sources', mountPath: '/sources' }],
  }
}

function seerSpec(): { readonly containers: readonly object[]; readonly volumes: readonly object[] } {
  // Where the sources lie in the repository, so that their imports hold.
  const items = Object.entries(seerPaths).map(toItem)
  return { containers: [seer()], volumes: [{ name: 'sources', configMap: { name: 'seer', items } }] }
}

function pod(name: string, app: string, spec: object): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels: { app } }, spec }
}

function daemonSet(name: string, podSpec: object): object {
  const labels = { app: name }
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { terminationGracePeriodSeconds: 0, tolerations: [{ operator: 'Exists' }], ...podSpec },
      },
    },
  }
}
