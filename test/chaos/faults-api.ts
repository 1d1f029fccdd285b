/** What befalls the API server and etcd, and the way from operators to them. */
import { compactEtcd } from '../lab/compact-etcd.ts'
import type { Fault } from './fault.ts'
import type { Mode } from './relay.ts'
import type { Site } from './site.ts'

const SHARED = { party: 'api', traffic: false } as const
const PASS: Mode = { kind: 'pass' }

function setApi(site: Site, mode: Mode): void {
  for (const relay of site.relays.api) relay.set(mode)
}

/** A fault that a relay makes: the API server itself is well, and the cluster changes on. */
function relayed(name: string, what: string, mode: Mode, holdMs: Fault['holdMs']): Fault {
  return {
    ...SHARED,
    name,
    what,
    holdMs,
    strike: async (site) => setApi(site, mode),
    heal: async (site) => setApi(site, PASS),
  }
}

function answering(status: number, reason: string): Fault {
  return relayed(
    `api-${status}`,
    `the API server answers ${status}`,
    { kind: 'status', status, reason },
    [2_000, 8_000],
  )
}

function killed(name: string, what: string, daemon: 'kube-apiserver' | 'etcd', holdMs: Fault['holdMs']): Fault {
  return {
    ...SHARED,
    name,
    what: `${what} is killed and started again`,
    holdMs,
    strike: async ({ lab }, signal) => lab.controlPlane.stop(daemon, 'kill', signal),
    heal: async ({ lab }, signal) => lab.controlPlane.start(daemon, signal),
  }
}

/** The API server keeps recent changes itself: only one that has just started gives 410 for what etcd has forgotten. */
const compacted: Fault = {
  ...SHARED,
  name: 'etcd-compacted',
  what: 'etcd is compacted while operators are cut off, so that their watches have expired',
  holdMs: [2_000, 6_000],
  strike: async (site) => setApi(site, { kind: 'cut' }),
  heal: async (site, signal) => {
    const { etcdUrl } = site.lab.controlPlane
    await compactEtcd(etcdUrl, signal)
    await site.lab.controlPlane.stop('kube-apiserver', 'kill', signal)
    await site.lab.controlPlane.start('kube-apiserver', signal)
    setApi(site, PASS)
  },
}

/** One operator alone loses the API server; the other has to take over. */
const oneCut: Fault = {
  ...SHARED,
  name: 'api-cut-for-one',
  what: 'one replica is cut off from the API server for longer than the Lease',
  holdMs: [16_000, 20_000],
  strike: async ({ relays, replicas }) => {
    const at = replicas.findIndex((one) => one.leads())
    relays.api[Math.max(at, 0)]?.set({ kind: 'cut' })
  },
  heal: async (site) => setApi(site, PASS),
}

export const API_FAULTS: readonly Fault[] = [
  killed('api-killed', 'the API server', 'kube-apiserver', [500, 6_000]),
  killed('etcd-killed', 'etcd', 'etcd', [500, 4_000]),
  compacted,
  oneCut,
  relayed(
    'api-slow',
    'each request to the API server takes two seconds',
    { kind: 'slow', delayMs: 2_000 },
    [4_000, 9_000],
  ),
  relayed('api-cut', 'operators are cut off from the API server', { kind: 'cut' }, [3_000, 14_000]),
  relayed('api-garbage', 'the API server answers garbage', { kind: 'garbage' }, [2_000, 8_000]),
  answering(401, 'Unauthorized'),
  answering(403, 'Forbidden'),
  answering(410, 'Expired'),
  answering(429, 'TooManyRequests'),
  answering(500, 'InternalError'),
]
