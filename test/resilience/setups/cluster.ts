/** What the operator lacks in its cluster: permissions, and a leader. */
import type { Complaint, Saying } from './complaints.ts'
import type { Site } from './site.ts'

const RBAC = '/apis/rbac.authorization.k8s.io/v1'
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases'

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

export interface ClusterSetup {
  readonly what: string
  readonly flags: readonly string[]
  readonly breaks: (site: Site) => Promise<unknown>
  readonly says: readonly Saying[]
  /** Does what the remedies say. */
  readonly mend: (site: Site, found: readonly Complaint[]) => Promise<unknown>
}

const ACCOUNT = ['--service-account', 'default/fairway', '--lease-namespace', 'default']

export const CLUSTER_SETUPS: readonly ClusterSetup[] = [
  {
    what: 'a ServiceAccount without a role',
    flags: ACCOUNT,
    breaks: async ({ api }) => {
      await api(`${RBAC}/clusterroles`, 'POST', { metadata: { name: 'fairway' }, rules: [] })
      const subjects = [{ kind: 'ServiceAccount', namespace: 'default', name: 'fairway' }]
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'fairway' }
      await api(`${RBAC}/clusterrolebindings`, 'POST', { metadata: { name: 'fairway' }, subjects, roleRef })
    },
    says: [
      [
        'ServiceAccount default/fairway: ApiForbidden',
        /^ServiceAccount default\/fairway may not watch services$/,
        /^Add \{apiGroups: \[""\], resources: \["services"\], verbs: \["watch"\]\} to the rules of Fairway's role$/,
      ],
      [
        'ServiceAccount default/fairway: ApiForbidden',
        /may not update leases in namespace default$/,
        /resourceNames: \["fairway"\]/,
      ],
    ],
    mend: addRules,
  },
  {
    what: 'a role that lacks one verb',
    flags: ACCOUNT,
    breaks: async (site) => {
      const { rules } = await readRole(site)
      await writeRules(
        site,
        (rules ?? []).filter(({ resources }) => !resources.includes('services/status')),
      )
    },
    says: [
      [
        'ServiceAccount default/fairway: ApiForbidden',
        /^ServiceAccount default\/fairway may not patch services\/status$/,
        /^Add \{apiGroups: \[""\], resources: \["services\/status"\], verbs: \["patch"\]\}/,
      ],
    ],
    mend: addRules,
  },
  {
    what: 'an operator that has never led',
    flags: ['--lease-namespace', 'default', '--lease-name', 'stale'],
    breaks: async () => undefined,
    says: [
      [
        'Lease default/stale: LeaseLost',
        /^there is no such Lease: no operator has ever led$/,
        /^Check that its pods run \(kubectl/,
      ],
    ],
    mend: async (site) => writeLease(site, new Date()),
  },
  {
    what: 'a leader that is gone',
    flags: ['--lease-namespace', 'default', '--lease-name', 'stale'],
    breaks: async (site) => writeLease(site, new Date(Date.now() - 3_600_000)),
    says: [
      [
        'Lease default/stale: LeaseLost',
        /^pod-1 holds it and has not renewed it for 3[0-9]{3} s$/,
        /^Check that its pods run \(kubectl/,
      ],
    ],
    mend: async (site) => writeLease(site, new Date()),
  },
]

async function readRole({ api }: Site) {
  return api<{ readonly rules: readonly Rule[] | null }>(`${RBAC}/clusterroles/fairway`)
}

async function writeRules({ api }: Site, rules: readonly Rule[]): Promise<void> {
  await api(`${RBAC}/clusterroles/fairway`, 'PATCH', { rules })
}

/** Puts the rules that remedies name into the role, as somebody does who copies them. */
async function addRules(site: Site, found: readonly Complaint[]): Promise<void> {
  const { rules } = await readRole(site)
  const forbidden = found.filter(({ head }) => head.endsWith(': ApiForbidden'))
  const added = forbidden.map(({ remedy }) => {
    const text = /\{.*\}/.exec(remedy)?.[0] ?? ''
    return JSON.parse(text.replaceAll(/(\w+):/g, '"$1":')) as Rule
  })
  await writeRules(site, [...(rules ?? []), ...added])
}

async function writeLease({ api }: Site, renewed: Date): Promise<void> {
  const renewTime = renewed.toISOString().replace('Z', '000Z')
  const spec = { holderIdentity: 'pod-1', leaseDurationSeconds: 15, renewTime }
  await api(`${LEASES}/stale`, 'PATCH', { spec }).catch(() =>
    api(LEASES, 'POST', { metadata: { name: 'stale' }, spec }),
  )
}
