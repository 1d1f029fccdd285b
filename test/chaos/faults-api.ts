/** What befalls the API server and etcd, and the way from operators to them. */
import type { Fault } from './fault.ts'
import type { Mode } from './relay.ts'
import type { Site } from './site.ts'

const PASS: Mode = { kind: 'pass' }

function setApi(site: Site, mode: Mode): void {
  for (const relay of site.relays.api) relay.set(mode)
}

/** A fault that a relay makes: the API server itself is well, and the cluster changes on. */
function relayed(name: string, what: string, mode: Mode, holdMs: Fault['holdMs']): Fault {
  return {
    name,
    what,
    party: 'api',
    traffic: false,
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

const killed: Fault = {
  name: 'api-killed',
  what: 'the API server is killed and started again',
  party: 'api',
  traffic: false,
  holdMs: [500, 6_000],
  strike: async ({ lab }, signal) => lab.controlPlane.stop('kube-apiserver', 'kill', signal),
  heal: async ({ lab }, signal) => lab.controlPlane.start('kube-apiserver', signal),
}

const etcdKilled: Fault = {
  name: 'etcd-killed',
  what: 'etcd is killed and started again',
  party: 'api',
  traffic: false,
  holdMs: [500, 4_000],
  strike: async ({ lab }, signal) => lab.controlPlane.stop('etcd', 'kill', signal),
  heal: async ({ lab }, signal) => lab.controlPlane.start('etcd', signal),
}

/** The API server keeps recent changes itself: only one that has just started gives 410 for what etcd has forgotten. */
const compacted: Fault = {
  name: 'etcd-compacted',
  what: 'etcd is compacted while operators are cut off, so that their watches have expired',
  party: 'api',
  traffic: false,
  holdMs: [2_000, 6_000],
  strike: async (site) => setApi(site, { kind: 'cut' }),
  heal: async (site, signal) => {
    const { etcdUrl } = site.lab.controlPlane
    await compact(etcdUrl, signal)
    await site.lab.controlPlane.stop('kube-apiserver', 'kill', signal)
    await site.lab.controlPlane.start('kube-apiserver', signal)
    setApi(site, PASS)
  },
}

/** etcd's JSON gateway: what is asked for a key tells the revision of all (etcd API reference, ResponseHeader). */
async function compact(etcdUrl: string, signal: AbortSignal): Promise<void> {
  const post = async (path: string, body: object) => {
    const answer = await fetch(`${etcdUrl}/v3/${path}`, { method: 'POST', body: JSON.stringify(body), signal })
    if (!answer.ok) throw new Error(`etcd answers ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as { readonly header: { readonly revision: string } }
  }
  const { header } = await post('kv/range', { key: Buffer.from('none').toString('base64') })
  await post('kv/compaction', { revision: header.revision, physical: true })
}

/** One operator alone loses the API server; the other has to take over. */
const oneCut: Fault = {
  name: 'api-cut-for-one',
  what: 'one replica is cut off from the API server for longer than the Lease',
  party: 'api',
  traffic: false,
  holdMs: [16_000, 20_000],
  strike: async ({ relays, replicas }) => {
    const at = replicas.findIndex((one) => one.leads())
    relays.api[Math.max(at, 0)]?.set({ kind: 'cut' })
  },
  heal: async (site) => setApi(site, PASS),
}

export const API_FAULTS: readonly Fault[] = [
  killed,
  etcdKilled,
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
