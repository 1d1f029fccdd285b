/** What people and other programs do to Services, and on the proxy machine. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { frontend, pass, tableOf } from '../../contract/tables.ts'
import { waitFor } from '../../lab/wait.ts'
import type { Site } from './site.ts'

/** Of an edge on a machine that has much else to do. */
export const PATIENT_MS = 60_000

export type Meta = Readonly<Record<string, string>>

export function prefixed<T>(annotations: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`fairway.dev/${key}`, value]))
}

export function ports(...numbers: readonly number[]): readonly object[] {
  return numbers.map((port) => ({ name: `p${port}`, port }))
}

/** The path of a Service by its name, or NAMESPACE/NAME. */
export function pathOf(service: string): string {
  const [name, namespace = 'default'] = service.split('/').toReversed()
  return `/api/v1/namespaces/${namespace}/services/${name}`
}

export async function addService({ api }: Site, service: string, annotations: Meta, spec: object): Promise<void> {
  const [name, namespace = 'default'] = service.split('/').toReversed()
  const metadata = { name, annotations: prefixed(annotations) }
  await api(`/api/v1/namespaces/${namespace}/services`, 'POST', { metadata, spec: { type: 'LoadBalancer', ...spec } })
}

/** Deletes one, and waits until the operator has let go of it. */
export async function removeService({ api, signal }: Site, service: string): Promise<void> {
  await api(pathOf(service), 'DELETE')
  const isGone = () =>
    api(pathOf(service)).then(
      () => false,
      () => true,
    )
  await waitFor(`${service} to be gone`, isGone, { timeoutMs: 30_000 }, signal)
}

interface Status {
  readonly status: { readonly loadBalancer: { readonly ingress?: readonly { readonly ip: string }[] } }
}

/** Waits until a Service shows an address. */
export async function shows({ api, signal }: Site, service: string): Promise<void> {
  const isShown = async () => (await api<Status>(pathOf(service))).status.loadBalancer.ingress?.length
  await waitFor(`${service} to show an address`, isShown, { timeoutMs: 30_000 }, signal)
}

/** Writes another address onto a Service as often as the operator takes it off, as another controller does, until it is left alone. */
export async function fightOver(site: Site): Promise<void> {
  const { api, signal } = site
  const path = pathOf('contested')
  await shows(site, 'contested')
  const ingress = [{ ip: '10.9.9.9' }]
  const isOurs = async () => (await api<Status>(path)).status.loadBalancer.ingress?.[0]?.ip !== '10.9.9.9'
  for (let round = 0; round < 10; round++) {
    await api(`${path}/status?fieldManager=metallb-controller`, 'PATCH', { status: { loadBalancer: { ingress } } })
    const taken = await waitFor('the operator to write again', isOurs, { timeoutMs: 4_000 }, signal).catch(() => false)
    if (!taken) return
  }
  throw new Error('the operator went on')
}

/** Takes a port of the proxy machine, as sshd does. Gives what ends it. */
export async function listenOn(address: string, port: number): Promise<() => Promise<void>> {
  const server = createServer().listen(port, address)
  await once(server, 'listening')
  return async () => {
    server.close()
    await once(server, 'close')
  }
}

/** Has another cluster serve a port on the same edge. Gives what ends it. */
export async function writeAsNeighbour(
  { harness, machines, signal }: Site,
  address: string,
  port: number,
): Promise<() => Promise<void>> {
  const owner = { cluster: 'neighbour', className: 'public', uid: 'uid-of-neighbour' }
  const driver = harness.driver({ owner, timeoutMs: PATIENT_MS })
  const groups = { nodes: [{ name: 'other', address: machines.address(1) }] }
  await pass(driver, tableOf(groups, frontend({ address, port, targetPort: 30_080, group: 'nodes' })), signal)
  return async () => void (await pass(driver, tableOf({}), signal))
}
