/** The pods behind the Services: one of each kind on every node. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { agnhostImage, productImage } from '../lab/images.ts'
import { namespace } from './objects.ts'

/** Ports of the pods called `seer`. */
export const seerPorts = { plain: 8000, proxied: 8001, proxiedToo: 8002 } as const

/** Manifests of everything that answers: `web` is Kubernetes' test server, `seer` tells whom it sees. */
export function workloads(): readonly object[] {
  const web = {
    name: 'web',
    image: agnhostImage,
    imagePullPolicy: 'Never',
    args: ['netexec', '--http-port=8080', '--udp-port=8081'],
    readinessProbe: { httpGet: { path: '/hostname', port: 8080 }, periodSeconds: 1 },
  }
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'seer', namespace }, data: seerFiles() },
    daemonSet('web', { containers: [web] }),
    daemonSet('seer', {
      containers: [seer()],
      // Where the sources lie in the repository, so that their imports hold.
      volumes: [{ name: 'sources', configMap: { name: 'seer', items: Object.entries(seerPaths).map(toItem) } }],
    }),
  ]
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
