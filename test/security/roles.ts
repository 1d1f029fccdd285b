/** The chart's roles, one verb at a time. */
import { parseAllDocuments } from 'yaml'
import { CHART, valuesFile } from '../chart/helm.ts'
import type { Lab } from '../lab/lab.ts'

interface Rule {
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
  readonly verbs: readonly string[]
}

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly rules?: readonly Rule[]
  readonly roleRef?: { readonly kind: string; readonly name: string }
  readonly subjects?: readonly { readonly name: string }[]
}

/** One verb on one resource, in the role of one account. */
export interface Grant {
  readonly account: 'operator' | 'uninstall' | 'viewer'
  readonly kind: 'ClusterRole' | 'Role'
  readonly rule: Rule
}

/** `operator: patch services/status` */
export function grantText({ account, rule }: Grant): string {
  return `${account}: ${rule.verbs.join()} ${(rule.resources ?? rule.nonResourceURLs ?? []).join()}`
}

export const RELEASE = 'demo'
/** Of the Deployment and the Lease. */
export const FULL_NAME = 'demo-fairway'

/** Everything that the chart allows anybody, as single verbs. */
export async function readGrants(lab: Lab, signal: AbortSignal): Promise<readonly Grant[]> {
  const page = ['--set', 'page.enabled=true', '--set', 'page.listen=0.0.0.0:8090']
  const argv = ['template', RELEASE, CHART, '-n', 'fairway', '-f', valuesFile('minimal'), ...page]
  const text = await lab.helm([...argv, '--kube-version', '1.36.0'], signal)
  const manifests = parseAllDocuments(text).flatMap((document) => (document.toJS() as Manifest | null) ?? [])
  const roles = manifests.filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
  return roles.flatMap((role) => {
    const bindings = manifests.filter(
      ({ roleRef }) => roleRef?.kind === role.kind && roleRef.name === role.metadata.name,
    )
    const names = bindings.flatMap(({ subjects = [] }) => subjects.map(({ name }) => name))
    const accounts = names.length === 0 ? (['viewer'] as const) : names.map(accountOf)
    return accounts.flatMap((account) => singleGrants(account, role))
  })
}

function accountOf(name: string): Grant['account'] {
  return name.endsWith('uninstall') ? 'uninstall' : 'operator'
}

function singleGrants(account: Grant['account'], { kind, rules = [] }: Manifest): readonly Grant[] {
  return rules.flatMap((rule) => {
    const places = rule.resources?.map((one) => ({ resources: [one] })) ?? [{}]
    return places.flatMap((place) =>
      rule.verbs.map((verb) => ({ account, kind: kind as Grant['kind'], rule: { ...rule, ...place, verbs: [verb] } })),
    )
  })
}

const RBAC = '/apis/rbac.authorization.k8s.io/v1'

/** Gives accounts in a namespace what is granted, and resolves with a token of each. */
export async function grant(
  lab: Lab,
  namespace: string,
  grants: readonly Grant[],
  signal: AbortSignal,
): Promise<Readonly<Record<Grant['account'], string>>> {
  const post = (path: string, body: object) => lab.api.request(path, { method: 'POST', body }, signal)
  await post('/api/v1/namespaces', { metadata: { name: namespace } })
  const tokens = { operator: '', uninstall: '', viewer: '' }
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`
  for (const account of ['operator', 'uninstall', 'viewer'] as const) {
    await post(accounts, { metadata: { name: account } })
    for (const kind of ['ClusterRole', 'Role'] as const) {
      const own = grants.filter((one) => one.account === account && one.kind === kind)
      const name = `${namespace}-${account}`
      const place = kind === 'Role' ? `${RBAC}/namespaces/${namespace}` : RBAC
      const plural = kind === 'Role' ? 'role' : 'clusterrole'
      await post(`${place}/${plural}s`, { metadata: { name }, rules: own.map(({ rule }) => rule) })
      await post(`${place}/${plural}bindings`, {
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
        subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
      })
    }
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3_600 } }
    const answer = (await post(`${accounts}/${account}/token`, body)) as { readonly status: { readonly token: string } }
    tokens[account] = answer.status.token
  }
  return tokens
}
