/** The account of an operator at a lab's API server, with the role of the chart, and what can happen to it. */
import { writeFileSync } from 'node:fs'
import type { Lab } from '../../lab/lab.ts'

const NAMESPACE = 'default'
const ROLES = '/apis/rbac.authorization.k8s.io/v1'
const ACCOUNTS = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`

export interface Account {
  /** A kubeconfig with a token of the account. */
  writeKubeconfig(file: string): Promise<void>
  /** Makes all tokens of the account invalid, as when they have expired. */
  revoke(): Promise<void>
  /** What it may do holds in one namespace only from now on. */
  confine(): Promise<void>
}

/** `server`: by what its kubeconfig reaches the API server. */
export async function createAccount(lab: Lab, server: string, name: string, signal: AbortSignal): Promise<Account> {
  const send = (path: string, method: 'POST' | 'DELETE', body?: object) =>
    lab.api.request(path, { method, ...(body === undefined ? {} : { body }) }, signal)
  const subjects = [{ kind: 'ServiceAccount', name, namespace: NAMESPACE }]
  const roleRef = (kind: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name })
  await send(ACCOUNTS, 'POST', { metadata: { name } })
  await send(`${ROLES}/clusterroles`, 'POST', { metadata: { name }, rules: RULES })
  await send(`${ROLES}/clusterrolebindings`, 'POST', { metadata: { name }, roleRef: roleRef('ClusterRole'), subjects })
  const inNamespace = `${ROLES}/namespaces/${NAMESPACE}`
  await send(`${inNamespace}/roles`, 'POST', { metadata: { name }, rules: LEASES })
  await send(`${inNamespace}/rolebindings`, 'POST', { metadata: { name }, roleRef: roleRef('Role'), subjects })
  return {
    writeKubeconfig: async (file) => {
      const { status } = (await send(`${ACCOUNTS}/${name}/token`, 'POST', { spec: { expirationSeconds: 3_600 } })) as {
        readonly status: { readonly token: string }
      }
      writeFileSync(file, kubeconfig({ here: { server, token: status.token } }, 'here'))
    },
    revoke: async () => {
      await send(`${ACCOUNTS}/${name}`, 'DELETE')
    },
    confine: async () => {
      await send(`${ROLES}/clusterrolebindings/${name}`, 'DELETE')
      const metadata = { name: `${name}-here` }
      await send(`${inNamespace}/rolebindings`, 'POST', { metadata, roleRef: roleRef('ClusterRole'), subjects })
    },
  }
}

/** As charts/fairway/templates/rbac.yaml has them. */
const RULES = [
  { apiGroups: [''], resources: ['services'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['nodes'], verbs: ['list', 'watch'] },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
  { apiGroups: [''], resources: ['services/status'], verbs: ['patch'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  { apiGroups: [''], resources: ['namespaces'], resourceNames: ['kube-system'], verbs: ['get'] },
]
const LEASES = [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create', 'get', 'update'] }]

interface Context {
  readonly server: string
  readonly token: string
}

/** Does not look at certificates: a name that leads to another cluster is part of what happens here. */
export function kubeconfig(contexts: Readonly<Record<string, Context>>, current: string): string {
  const all = Object.entries(contexts)
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: all.map(([name, { server }]) => ({ name, cluster: { server, 'insecure-skip-tls-verify': true } })),
    users: all.map(([name, { token }]) => ({ name, user: { token } })),
    contexts: all.map(([name]) => ({ name, context: { cluster: name, user: name } })),
    'current-context': current,
  })
}
