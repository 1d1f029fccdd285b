/** Packets that are lost between two parties, in both directions. Delay is made by relays: this kernel may have no netem. */
import type { Fault } from './fault.ts'
import { CLIENTS, losePackets, NODES, passAll } from './namespace.ts'
import type { Site } from './site.ts'

const PERCENT = 30

function lost(name: string, what: string, traffic: boolean, matches: (site: Site) => readonly string[]): Fault {
  return {
    name,
    what: `${PERCENT}% of the packets ${what} are lost`,
    party: 'network',
    traffic,
    holdMs: [3_000, 10_000],
    strike: async (site, signal) => losePackets(PERCENT, matches(site), signal),
    heal: async (_, signal) => passAll(signal),
  }
}

function ofPort(url: string): readonly string[] {
  const { port } = new URL(url)
  return [`tcp dport ${port}`, `tcp sport ${port}`]
}

export const NETWORK_FAULTS: readonly Fault[] = [
  lost('loss-api', 'between operators and the API server', false, ({ relays }) =>
    relays.api.flatMap(({ url }) => ofPort(url)),
  ),
  lost('loss-etcd', 'between the API server and etcd', false, ({ lab }) => ofPort(lab.controlPlane.etcdUrl)),
  lost('loss-edge', 'between operators and the edge', false, ({ relays }) => ofPort(relays.edge.url)),
  lost('loss-clients', 'between clients and HAProxy', true, () => [
    `ip saddr ${CLIENTS.allowed}`,
    `ip daddr ${CLIENTS.allowed}`,
  ]),
  lost('loss-nodes', 'between HAProxy and the nodes', true, () => [`ip daddr ${NODES}`]),
]
