/** Stand-ins for nodes: a Node object, and a process in the node's namespace in place of kube-proxy and pods. */
import { join } from 'node:path'
import type { NodeAddresses } from './addresses.ts'
import { type ApiAccess, type ApiClient, createApiClient } from './api-client.ts'
import { enterNamespace } from './network.ts'
import { type Daemon, recordOf, startDaemon, stopProcesses } from './process.ts'
import { waitFor } from './wait.ts'

export interface LightNode {
  readonly name: string
  readonly addresses: NodeAddresses
  /** Ends the process; the Node object stays and says Ready. */
  stop(signal: AbortSignal): Promise<void>
}

/** Creates the Node objects, Ready and with their addresses, and starts what answers on them. */
export async function startLightNodes(
  nodes: readonly NodeAddresses[],
  labDir: string,
  access: ApiAccess,
  signal: AbortSignal,
): Promise<readonly LightNode[]> {
  const api = createApiClient(access)
  try {
    const daemons = nodes.map((node) => startProcess(node, labDir, access))
    for (const node of nodes) await createNodeObject(node, api, signal)
    await Promise.all(nodes.map(async (node, index) => answers(node, daemons[index], signal)))
    return nodes.map((node, index) => ({
      name: node.name,
      addresses: node,
      stop: async (stopSignal) => {
        const record = recordOf(daemons[index]?.pid ?? 0)
        if (record) await stopProcesses([record], 0, stopSignal)
      },
    }))
  } finally {
    api.close()
  }
}

function startProcess(node: NodeAddresses, labDir: string, access: ApiAccess): Daemon {
  const program = join(import.meta.dirname, 'light-node-main.ts')
  const argv = [process.execPath, program, node.name, access.server, access.caFile]
  const env = { PATH: process.env['PATH'], LAB_TOKEN: access.token }
  return startDaemon(labDir, `${node.name}-light`, enterNamespace(node.name, argv), { env })
}

async function answers(node: NodeAddresses, daemon: Daemon | undefined, signal: AbortSignal): Promise<void> {
  const probe = async (limit: AbortSignal) => (await fetch(`http://${node.v4}:10256/healthz`, { signal: limit })).ok
  await waitFor(`${node.name} to answer`, probe, { timeoutMs: 15_000, daemons: daemon ? [daemon] : [] }, signal)
}

/** As a kubelet would: the object first, then what it reports, which only the subresource takes. */
async function createNodeObject(node: NodeAddresses, api: ApiClient, signal: AbortSignal): Promise<void> {
  const labels = { 'kubernetes.io/hostname': node.name, 'kubernetes.io/os': 'linux' }
  const body = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: node.name, labels },
    spec: { podCIDRs: [node.pods.v4] },
  }
  await api.request('/api/v1/nodes', { method: 'POST', body }, signal)
  const now = new Date().toISOString()
  const ready = { type: 'Ready', status: 'True', reason: 'LabStandIn', lastHeartbeatTime: now, lastTransitionTime: now }
  const addresses = [
    { type: 'InternalIP', address: node.v4 },
    { type: 'Hostname', address: node.name },
  ]
  const status = { conditions: [ready], addresses, nodeInfo: { operatingSystem: 'linux', kubeletVersion: 'stand-in' } }
  await api.request(`/api/v1/nodes/${node.name}/status`, { method: 'PATCH', body: { status } }, signal)
}
