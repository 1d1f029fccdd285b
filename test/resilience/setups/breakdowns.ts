/** What breaks in a set-up that was well: programs end, nodes are cut off, certificates and clocks are off. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { issueServerCertificate } from '../../../src/edge/certificates.ts'
import type { Saying } from './complaints.ts'
import { addService, removeService } from './service-hands.ts'
import { NODE_PORT, type NodeWishes, type Site } from './site.ts'

export interface Breakdown {
  readonly what: string
  /** Gives what the remedy says. */
  readonly breaks: (site: Site) => Promise<() => Promise<unknown>>
  /** The Service that explain is asked about; otherwise `web`. */
  readonly service?: string
  /** What doctor says, and of proxies explain, too. */
  readonly says: (site: Site) => readonly Saying[]
}

const DAY_MS = 86_400_000

export const BREAKDOWNS: readonly Breakdown[] = [
  {
    what: 'the edge does not run',
    breaks: async ({ harness: { edge } }) => {
      await edge.end('SIGKILL')
      return () => edge.start()
    },
    says: () => [
      ['proxy edge-1: ProxyUnreachable', /cannot be reached: connection refused$/, /^Check that fairway edge runs/],
    ],
  },
  {
    what: 'HAProxy does not run behind a running edge',
    breaks: async (site) => {
      await site.harness.edge.proxy.kill()
      const done = await change(site)
      return async () => {
        await site.harness.edge.proxy.start()
        await done()
      }
    },
    says: () => [['proxy edge-1: ProxyUnreachable', /is not known to serve its table: .*HAProxy/i, /HAProxy/i]],
  },
  {
    what: "HAProxy does not take its administrator's own configuration any more",
    breaks: async (site) => {
      const mend = await site.harness.rejectAll()
      const done = await change(site)
      return async () => {
        await mend()
        await done()
      }
    },
    service: 'changed',
    says: () => [
      [
        'Service default/changed: ProxyRejected',
        /HAProxy rejects its configuration: .*haproxy\.cfg:\d+\] : unknown keyword 'nonsense'.* Correct the files of its admin/,
        /^Do what it says there/,
      ],
    ],
  },
  {
    what: "an edge whose certificate begins tomorrow: somebody's clock is wrong",
    breaks: async (site) => {
      const { edge } = site.harness
      const authority = { cert: read(edge.dir, 'ca.crt'), key: read(edge.dir, 'ca.key') }
      const issued = await issueServerCertificate(authority, [site.address(100)], new Date(Date.now() + DAY_MS))
      writeFileSync(join(edge.dir, 'edge.crt'), issued.cert)
      writeFileSync(join(edge.dir, 'edge.key'), issued.key)
      await restart(site)
      return async () => {
        const who = ['--cluster', 'lab', '--name', 'edge-1', '--address', site.address(100)]
        await site.run('edge', 'init', ...who, '--dir', edge.dir, '--force')
        await restart(site)
      }
    },
    says: () => [
      ['proxy edge-1: ProxyUnreachable', /its certificate is not trusted: certificate is not yet valid/, /clock/],
    ],
  },
]

/** Of nodes, all at once: what takes longest is the silence of a firewall. */
export const NODE_BREAKDOWNS: readonly Breakdown[] = [
  {
    what: 'the node ports of a node are firewalled',
    breaks: async ({ machines }) => machines.forbid(`ip daddr ${machines.address(2)} tcp dport ${NODE_PORT} drop`),
    says: ({ machines }) => [
      [
        'node n2: NoTargets',
        new RegExp(`^${machines.address(2)}:${NODE_PORT} of n2, for tcp/.*:80, does not answer from here`),
        /^Check firewalls between here and the node/,
      ],
    ],
  },
  {
    what: 'kube-proxy does not run on a node',
    breaks: async ({ machines }) => {
      await machines.node(3).stop()
      return () => machines.node(3).start()
    },
    says: ({ machines }) => [
      ['node n3: NoTargets', /refuses connections from here/, /^Check kube-proxy on the node/],
      [
        `n3 (${machines.address(3)}): NoTargets`,
        /^proxy edge-1 finds it down for 1 of 1 frontend, such as tcp\/.*:80: http:\/\/.*:10256\/healthz does not answer 200 from there$/,
        /look at kube-proxy/,
      ],
    ],
  },
  {
    what: 'the health port of a node is firewalled, and its node ports are not',
    breaks: async ({ machines }) => machines.forbid(`ip daddr ${machines.address(4)} tcp dport 10256 drop`),
    says: ({ machines }) => [
      [
        `n4 (${machines.address(4)}): NoTargets`,
        /^proxy edge-1 finds it down for 1 of 1 frontend/,
        new RegExp(
          `^On the proxy, run curl -m 3 http://${machines.address(4)}:10256/healthz: open that port in firewalls`,
        ),
      ],
    ],
  },
]

/** Nodes that take no traffic, and what explain says of them. */
export const NODES_OUT: readonly (readonly [name: string, wants: NodeWishes, says: RegExp])[] = [
  ['n5', { address: '192.0.2.5', ready: 'False' }, /n5 +out +192\.0\.2\.5 +it is not ready → kubectl describe node n5/],
  [
    'n6',
    {},
    /n6 +out +- +it has no ExternalIP or InternalIP of IPv4 that may be a target → Look at its addresses \(kubectl get node -o wide\)/,
  ],
  [
    'n7',
    { address: '192.0.2.7', labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } },
    /n7 +out +192\.0\.2\.7 +its label .* excludes it → kubectl label node n7 node\.kubernetes\.io\/exclude-from-external-load-balancers-/,
  ],
]

/** Without a change nothing is asked of HAProxy for half a minute. Gives what undoes it. */
async function change(site: Site): Promise<() => Promise<void>> {
  await addService(site, 'changed', {}, { ports: [{ port: 20_301 }] })
  return () => removeService(site, 'changed')
}

async function restart({ harness: { edge } }: Site): Promise<void> {
  await edge.end('SIGTERM')
  await edge.start()
}

function read(dir: string, name: string): string {
  return readFileSync(join(dir, name), 'utf8')
}
