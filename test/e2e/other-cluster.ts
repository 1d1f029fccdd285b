/** Another cluster with an operator of its own, from source, that programs the same proxies. */
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Lab, type LabProcess, startLab } from '../lab/lab.ts'
import { otherConfig, steady } from './config.ts'
import { haproxySteady } from './haproxy-config.ts'
import { accessFromHost, type PreparedMachine } from './haproxy-world.ts'
import { namespace } from './objects.ts'
import { createServices, type Services } from './services.ts'

const program = resolve(import.meta.dirname, '../../src/main.ts')

export interface OtherCluster {
  readonly operator: LabProcess
  readonly services: Services
  stop(signal: AbortSignal): Promise<void>
}

/** Its API server is its own; its nodes are those of the lab, so that what it serves is answered. */
export async function startOtherCluster(
  lab: Lab,
  adminUrl: string,
  machine: PreparedMachine,
  signal: AbortSignal,
): Promise<OtherCluster> {
  const other = await startLab({ mode: 'api' }, signal)
  try {
    for (const node of lab.addresses) await addNode(other, node.name, node.v4, signal)
    await other.api.request('/api/v1/namespaces', { method: 'POST', body: { metadata: { name: namespace } } }, signal)
    const services = createServices(other.api)
    await services.create({ name: 'web', ports: [steady] }, signal)
    const onHaproxy = { 'fairway.dev/class': 'haproxy' }
    await services.create({ name: 'web-haproxy', annotations: onHaproxy, ports: [haproxySteady] }, signal)
    const config = join(other.dir, 'fairway.yaml')
    const haproxy = await accessFromHost(other, machine, signal)
    writeFileSync(config, JSON.stringify(otherConfig({ edge1: adminUrl, haproxy })))
    const files = ['--config', config, '--kubeconfig', other.kubeconfig]
    const operator = other.spawn('host', 'fairway', [process.execPath, program, 'run', ...files, '--health-port', '0'])
    return { operator, services, stop: async (stopSignal) => other.stop(stopSignal) }
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
