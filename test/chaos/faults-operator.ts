/** What befalls the replicas of the operator. */
import type { Fault } from './fault.ts'
import { rolesOf } from './replicas.ts'

const SHARED = { party: 'operator', traffic: false } as const
/** A Deployment starts them again by itself. */
const heal = async () => {}

function stopped(name: string, what: string, holdMs: Fault['holdMs']): Fault {
  return {
    ...SHARED,
    name,
    what,
    holdMs,
    strike: async ({ replicas }) => rolesOf(replicas).leader.signal('SIGSTOP'),
    // To those that run it means nothing.
    heal: async ({ replicas }) => replicas.forEach((one) => one.signal('SIGCONT')),
  }
}

function clockMoved(name: string, what: string, offset: string): Fault {
  return {
    ...SHARED,
    name,
    what,
    holdMs: [3_000, 10_000],
    strike: async ({ replicas }) => rolesOf(replicas).leader.setClock(offset),
    heal: async ({ replicas }) => replicas.forEach((one) => one.setClock('+0')),
  }
}

export const OPERATOR_FAULTS: readonly Fault[] = [
  {
    ...SHARED,
    name: 'leader-killed',
    what: 'the leader is killed',
    holdMs: [500, 4_000],
    strike: async ({ replicas }) => rolesOf(replicas).leader.signal('SIGKILL'),
    heal,
  },
  {
    ...SHARED,
    name: 'operators-killed',
    what: 'all replicas are killed at once',
    holdMs: [500, 4_000],
    strike: async ({ replicas }) => replicas.forEach((one) => one.signal('SIGKILL')),
    heal,
  },
  {
    ...SHARED,
    name: 'leader-moved',
    what: 'the leader ends in good order',
    holdMs: [500, 4_000],
    strike: async ({ replicas }) => rolesOf(replicas).leader.signal('SIGTERM'),
    heal,
  },
  stopped('leader-stopped', 'the leader is stopped for a moment (SIGSTOP)', [1_000, 6_000]),
  stopped('leader-stopped-long', 'the leader is stopped past its Lease, and goes on', [17_000, 22_000]),
  clockMoved('clock-ahead', "the leader's clock is an hour ahead", '+1h'),
  clockMoved('clock-behind', "the leader's clock is an hour behind", '-1h'),
]
