import type { Permission } from '../kube/access-review.ts'

const FOLLOW = ['list', 'watch'] as const

/** Where replicas elect their leader. */
export interface LeaseName {
  readonly namespace: string
  readonly name: string
}

/** What the operator's role must allow, as the chart's has it. */
export function neededPermissions(lease: LeaseName | undefined): readonly Permission[] {
  const leases = (lease === undefined ? [] : ['create', 'get', 'update']).map((verb) => ({
    verb,
    group: 'coordination.k8s.io',
    resource: 'leases',
    namespace: lease?.namespace ?? '',
    // A request to create cannot be limited to a name.
    ...(verb === 'create' ? {} : { name: lease?.name ?? '' }),
  }))
  return [
    ...FOLLOW.map((verb) => ({ verb, group: '', resource: 'services' })),
    // One is read anew, to name who else writes its status.
    { verb: 'get', group: '', resource: 'services' },
    ...FOLLOW.map((verb) => ({ verb, group: '', resource: 'nodes' })),
    ...FOLLOW.map((verb) => ({ verb, group: 'discovery.k8s.io', resource: 'endpointslices' })),
    { verb: 'patch', group: '', resource: 'services', subresource: 'status' },
    { verb: 'create', group: '', resource: 'events' },
    { verb: 'patch', group: '', resource: 'events' },
    { verb: 'get', group: '', resource: 'namespaces', name: 'kube-system' },
    ...leases,
  ]
}
