import type { ClassRule } from '../../src/desired/select.ts'
import type { NodeObject, ServiceObject } from '../../src/kube/objects.ts'
import type { ServiceWant } from '../../src/kube/status.ts'
import type { Capabilities } from '../../src/model/driver.ts'
import { FairwayError } from '../../src/model/problems.ts'
import { serviceName } from '../../src/model/table.ts'
import { createEvidence } from '../../src/operator/evidence.ts'
import type { ClusterWriter, Log, Proxy, RunningClass } from '../../src/operator/interfaces.ts'
import { createMemory, type Memory } from '../../src/operator/memory.ts'
import { type PassResult, runPass } from '../../src/operator/pass.ts'
import { classSpec, node, PUBLIC } from './builders.ts'
import { createMemoryProxy, type MemoryProxy } from './memory-driver.ts'

export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
  isLevelEnabled: () => false,
}

/** Keeps the warnings and errors: `warn: message`. */
export function logInto(lines: string[]): Log {
  const log: Log = {
    ...silentLog,
    warn: (_, message) => void lines.push(`warn: ${message}`),
    error: (_, message) => void lines.push(`error: ${message}`),
    child: () => log,
  }
  return log
}

export function proxyOf(name: string, { driver }: MemoryProxy, usedBy: readonly string[]): Proxy {
  return { name, endpoint: `memory ${name}`, usedBy: new Set(usedBy), driver }
}

/** Another class of the same cluster and configuration, by default on the same proxies. */
export function classBeside(world: World, name: string, wishes: Partial<RunningClass> = {}): RunningClass {
  const { running } = world
  return { ...running, spec: { ...running.spec, name }, speaksForStrays: false, ...wishes }
}

/** A cluster in memory: Services as the API server would keep them, what was written to them, what was told. */
export interface World {
  readonly services: Map<string, ServiceObject>
  nodes: readonly NodeObject[]
  /** `default/web: add finalizer, condition fairway.dev/Allocated`, in the order of the writes that changed something. */
  readonly writes: string[]
  /** `default/web Warning PortTaken: message` */
  readonly told: string[]
  /** Warnings and errors: `warn: message`. */
  readonly logged: string[]
  readonly writer: ClusterWriter
  readonly proxies: readonly MemoryProxy[]
  running: RunningClass
  /** While true, no write goes through. */
  frozen: boolean
  nowMs: number
  put(...services: readonly ServiceObject[]): void
  get(name: string): ServiceObject
  /** One pass of `running`, or of another class of the same cluster. */
  pass(running?: RunningClass): Promise<PassResult>
}

export interface WorldWishes {
  /** How many, or what they can do; named edge-1, edge-2 … */
  readonly proxies?: number | readonly Capabilities[]
  readonly rules?: readonly ClassRule[]
  readonly standing?: boolean
  readonly running?: Partial<RunningClass>
}

export function createWorld(wishes: WorldWishes = {}): World {
  const { proxies: wanted = 1 } = wishes
  const proxies =
    typeof wanted === 'number'
      ? Array.from({ length: wanted }, () => createMemoryProxy())
      : wanted.map((can) => createMemoryProxy(can))
  const rules = wishes.rules ?? [PUBLIC]
  const memories = new Map<string, Memory>()
  const world: World = {
    services: new Map(),
    nodes: [node('n1', ['InternalIP 10.0.0.1']), node('n2', ['InternalIP 10.0.0.2'])],
    writes: [],
    told: [],
    logged: [],
    get writer() {
      return writerOf(world)
    },
    proxies,
    frozen: false,
    nowMs: Date.UTC(2026, 0, 1),
    running: {
      spec: classSpec(),
      standing: wishes.standing ?? false,
      proxies: proxies.map((proxy, index) => proxyOf(`edge-${index + 1}`, proxy, ['public'])),
      rules,
      speaksForStrays: true,
      guard: { maxRemoval: 0.5, minFrontends: 10 },
      evidence: createEvidence(new Map([['public', proxies.map((_, index) => `edge-${index + 1}`)]])),
      cleanupPatienceMs: 600_000,
      ...wishes.running,
    },
    put: (...services) => {
      for (const one of services) world.services.set(serviceName(one.metadata), one)
    },
    get: (name) => {
      const found = world.services.get(name)
      if (found === undefined) throw new Error(`there is no Service ${name}`)
      return found
    },
    pass: (running = world.running) => {
      const view = { services: () => [...world.services.values()], nodes: () => world.nodes, slicesOf: () => [] }
      const memory = memories.get(running.spec.name) ?? createMemory()
      memories.set(running.spec.name, memory)
      const log = logInto(world.logged)
      const context = { running, view, writer: world.writer, memory, now: () => world.nowMs, log }
      return runPass(context, AbortSignal.timeout(10_000))
    },
  }
  return world
}

function writerOf(world: World): ClusterWriter {
  return {
    write: async (service, want) => {
      const name = serviceName(service.metadata)
      const current = world.services.get(name)
      if (world.frozen)
        throw new FairwayError({ code: 'ApiUnreachable', kind: 'transient', message: 'frozen', remedy: 'wait' })
      if (current === undefined || current.metadata.uid !== service.metadata.uid) return false
      const next = applyWant(current, want)
      if (JSON.stringify(next) === JSON.stringify(current)) return true
      world.writes.push(name)
      if (next.metadata.deletionTimestamp !== undefined && next.metadata.finalizers.length === 0)
        world.services.delete(name)
      else world.services.set(name, next)
      return true
    },
    tell: (service, event) => {
      world.told.push(`${serviceName(service.metadata)} ${event.type} ${event.reason}: ${event.message}`)
    },
  }
}

/** What the API server makes of a status patch, as far as these tests look. */
function applyWant(service: ServiceObject, want: ServiceWant): ServiceObject {
  const changed = new Set(want.conditions.map(({ type }) => type))
  const kept = service.status.conditions.filter(
    ({ type }) => !changed.has(type) && !want.removeConditions?.includes(type),
  )
  const conditions = [
    ...kept,
    ...want.conditions.map((one) => ({ ...one, lastTransitionTime: '2026-01-01T00:00:00Z' })),
  ]
  const { add, remove = [] } = want.finalizers
  const finalizers = [...new Set([...service.metadata.finalizers, ...(add === undefined ? [] : [add])])]
  const annotations = { ...service.metadata.annotations, ...want.annotations }
  return {
    ...service,
    metadata: {
      ...service.metadata,
      finalizers: finalizers.filter((name) => !remove.includes(name)),
      annotations: Object.fromEntries(
        Object.entries(annotations).flatMap(([key, value]) => (value === null ? [] : [[key, value]])),
      ),
    },
    status: {
      conditions: conditions.toSorted((a, b) => a.type.localeCompare(b.type)),
      loadBalancer: {
        ingress:
          want.ingress?.map(({ ip, ipMode, ports = [] }) => ({ ip, ipMode, ports })) ??
          service.status.loadBalancer.ingress,
      },
    },
  }
}
