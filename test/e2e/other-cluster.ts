/** Another cluster with an operator of its own, from source, that programs the same proxy. */
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Lab, type LabProcess, startLab } from '../lab/lab.ts'
import { otherConfig, steady } from './config.ts'

const program = resolve(import.meta.dirname, '../../src/main.ts')

export interface OtherCluster {
  readonly operator: LabProcess
  stop(signal: AbortSignal): Promise<void>
}

/** Its API server is its own; its nodes are those of the lab, so that what it serves is answered. */
export async function startOtherCluster(lab: Lab, adminUrl: string, signal: AbortSignal): Promise<OtherCluster> {
  const other = await startLab({ mode: 'api' }, signal)
  try {
    for (const node of lab.addresses) await addNode(other, node.name, node.v4, signal)
    const service = {
      metadata: { name: 'web', annotations: { 'fairway.dev/class': 'public' } },
      spec: { type: 'LoadBalancer', ports: [steady] },
    }
    await other.api.request('/api/v1/namespaces/default/services', { method: 'POST', body: service }, signal)
    const config = join(other.dir, 'fairway.yaml')
    writeFileSync(config, JSON.stringify(otherConfig(adminUrl)))
    const files = ['--config', config, '--kubeconfig', other.kubeconfig]
    const operator = other.spawn('host', 'fairway', [process.execPath, program, 'run', ...files, '--health-port', '0'])
    return { operator, stop: async (stopSignal) => other.stop(stopSignal) }
  } catch (error) {
    await other.stop(AbortSignal.timeout(30_000))
    throw error
  }
}

async function addNode(other: Lab, name: string, address: string, signal: AbortSignal): Promise<void> {
  const body = { metadata: { name } }
  await other.api.request('/api/v1/nodes', { method: 'POST', body }, signal)
  const conditions = [{ type: 'Ready', status: 'True' }]
  const status = { status: { addresses: [{ type: 'InternalIP', address }], conditions } }
  await other.api.request(`/api/v1/nodes/${name}/status`, { method: 'PATCH', body: status }, signal)
}
