/** A real API server with thousands of objects, as the benchmarks of the way to the proxy need it. Nothing runs on its nodes. */

import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { createInterface } from 'node:readline'
import { type Lab, startLab } from '../lab/lab.ts'
import { step, toStderr } from '../lab/progress.ts'

const SERVICES = '/api/v1/namespaces/default/services'
/** Two thousand and more node ports are no default. */
const NODE_PORTS = '10000-59999'
const IN_FLIGHT = 16
/** Services on one address, each with a port of its own. */
const PER_ADDRESS = 250
const FIRST_PORT = 10_000
/** Those that come later have an address of theirs, so that it is known before they have it. */
const LATER_ADDRESS = '127.100.1.1'

export const POOL = ['127.100.0.1-127.100.0.40', LATER_ADDRESS]

export interface Place {
  readonly address: string
  readonly port: number
}

export interface BenchCluster {
  readonly lab: Lab
  readonly createService: (number: number, signal: AbortSignal) => Promise<Place>
  /** Sets the condition `Ready` of a node. */
  readonly setReady: (node: number, ready: boolean, signal: AbortSignal) => Promise<void>
  /** How many Services have an address published. */
  readonly countPublished: (signal: AbortSignal) => Promise<number>
}

/** Starts an API server, and fills it. */
export async function startCluster(services: number, nodes: number, signal: AbortSignal): Promise<BenchCluster> {
  const apiServerArgs = [`--service-node-port-range=${NODE_PORTS}`]
  const lab = await startLab({ mode: 'api', apiServerArgs, progress: toStderr }, signal)
  try {
    await step(toStderr, `${services} Services and ${nodes} nodes`, () => fill(lab, services, nodes, signal))
  } catch (error) {
    await lab.stop(AbortSignal.timeout(30_000))
    throw error
  }
  return {
    lab,
    createService: async (number, createSignal) => {
      const place = { address: LATER_ADDRESS, port: FIRST_PORT + number }
      await createService(lab, `later-${number}`, place, createSignal)
      return place
    },
    setReady: (node, ready, readySignal) => setReady(lab, node, ready, readySignal),
    countPublished: async (countSignal) => {
      const { items } = (await lab.api.request(SERVICES, {}, countSignal)) as ServiceList
      return items.filter(({ status }) => (status.loadBalancer.ingress ?? []).length > 0).length
    },
  }
}

interface ServiceList {
  readonly items: readonly { readonly status: { readonly loadBalancer: { readonly ingress?: readonly unknown[] } } }[]
}

/** Where the Service of a number is. */
export function placeOf(number: number): Place {
  return {
    address: `127.100.0.${1 + Math.floor(number / PER_ADDRESS)}`,
    port: FIRST_PORT + (number % PER_ADDRESS),
  }
}

async function fill(lab: Lab, services: number, nodes: number, signal: AbortSignal): Promise<void> {
  const work = [
    ...Array.from({ length: services }, (_, n) => () => createService(lab, `service-${n}`, placeOf(n), signal)),
    ...Array.from({ length: nodes }, (_, n) => () => createNode(lab, n, signal)),
  ]
  await inLanes(work, IN_FLIGHT)
}

/** Does all of it, so much of it at a time. */
export async function inLanes(work: readonly (() => Promise<unknown>)[], lanes: number): Promise<void> {
  const left = [...work]
  const drain = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) await next()
  }
  await Promise.all(Array.from({ length: lanes }, drain))
}

async function createService(lab: Lab, name: string, { address, port }: Place, signal: AbortSignal): Promise<void> {
  const annotations = { 'fairway.dev/address': address }
  const spec = { type: 'LoadBalancer', selector: { app: name }, ports: [{ name: 'https', port }] }
  await lab.api.request(SERVICES, { method: 'POST', body: { metadata: { name, annotations }, spec } }, signal)
}

async function createNode(lab: Lab, n: number, signal: AbortSignal): Promise<void> {
  const name = nodeName(n)
  await lab.api.request('/api/v1/nodes', { method: 'POST', body: { metadata: { name } } }, signal)
  const addresses = [{ type: 'InternalIP', address: `10.${16 + (n >> 8)}.${n & 255}.1` }]
  await patchNode(lab, name, { addresses, conditions: [{ type: 'Ready', status: 'True' }] }, signal)
}

function setReady(lab: Lab, node: number, ready: boolean, signal: AbortSignal): Promise<void> {
  return patchNode(lab, nodeName(node), { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] }, signal)
}

async function patchNode(lab: Lab, name: string, status: object, signal: AbortSignal): Promise<void> {
  await lab.api.request(`/api/v1/nodes/${name}/status`, { method: 'PATCH', body: { status } }, signal)
}

function nodeName(n: number): string {
  return `node-${n}`
}

export interface Sighting {
  readonly name: string
  /** Of performance.now(). */
  readonly at: number
}

/** A plain watch on the Services that are created from now on; calls back when it sees one. Ends with the signal. */
export async function watchCreated({ lab }: BenchCluster, seen: (one: Sighting) => void, signal: AbortSignal) {
  const { metadata } = (await lab.api.request(`${SERVICES}?limit=1`, {}, signal)) as {
    readonly metadata: { readonly resourceVersion: string }
  }
  const { server, caFile, token } = lab.controlPlane.access
  const url = new URL(`${SERVICES}?watch=1&resourceVersion=${metadata.resourceVersion}`, server)
  const headers = { authorization: `Bearer ${token}` }
  await new Promise<void>((resolve, reject) => {
    const sent = request(url, { headers, ca: readFileSync(caFile), signal }, (response) => {
      const lines = createInterface({ input: response })
      lines.on('line', (line) => {
        const at = performance.now()
        // The line is parsed only where it may be one of those that are waited for.
        if (line.startsWith('{"type":"ADDED"')) seen({ name: nameIn(line), at })
      })
      lines.on('error', () => {})
      resolve()
    })
    sent.on('error', reject).end()
  })
}

function nameIn(line: string): string {
  const { object } = JSON.parse(line) as { readonly object: { readonly metadata: { readonly name: string } } }
  return object.metadata.name
}
