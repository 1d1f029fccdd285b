import { accountedKeys } from '../../src/desired/desire.ts'
import type { ServiceId } from '../../src/desired/spec.ts'
import type { EndpointSliceObject, NodeObject, ServiceObject } from '../../src/kube/objects.ts'
import type { Change, Observed, Plan } from '../../src/model/driver.ts'
import { EMPTY_TABLE, type FrontendKey, serviceName, type Table } from '../../src/model/table.ts'
import { groupSlices } from '../../src/operator/cluster.ts'
import { createDeciders, type Deciders } from '../../src/operator/deciders.ts'
import { namedKeys } from '../../src/operator/release.ts'
import type { Wish } from '../../src/plan/plan-proxy.ts'
import { planStrays } from '../../src/plan/strays.ts'
import { ALL_CAPABILITIES, classSpec, observed, PUBLIC, pool } from '../support/builders.ts'
import { POOL } from './world.ts'

const PROXY = 'edge-1'
const SPEC = classSpec({ pools: [pool('main', [POOL])] })
const RULES = [PUBLIC]
const GUARD = { maxRemoval: 0.5, minFrontends: 10 }

/** What the caches hold. */
export interface Scene {
  readonly services: readonly ServiceObject[]
  readonly nodes: readonly NodeObject[]
  readonly slices: readonly EndpointSliceObject[]
}

/** The part of an operator that thinks, with one class and one proxy: one pass, from what the proxy has to what is to be changed there. */
export type Thinker = (scene: Scene, proxy: Table) => readonly Change[]

/** Knows nothing yet. */
export function createThinker(): Thinker {
  const deciders = createDeciders(SPEC, RULES)
  return (scene, proxy) => decide(deciders, scene, read(proxy)).changes
}

/** What a proxy serves once it has heard of a scene: parsed, as a driver gives it. */
export function serve(scene: Scene): Table {
  const { table } = decide(createDeciders(SPEC, RULES), scene, read(EMPTY_TABLE))
  return JSON.parse(JSON.stringify(table)) as Table
}

/** As an edge answers while nothing changes there: with the table that was read before, and the rest anew. */
function read(table: Table): Observed {
  return { ...observed(table), capabilities: structuredClone(ALL_CAPABILITIES) }
}

/** As src/operator/pass.ts has it, without what waits for others. */
function decide(deciders: Deciders, scene: Scene, proxy: Observed): Plan {
  return deciders.planFor(PROXY)(proxy, wishFor(deciders, scene)).plan
}

function wishFor({ select, desire }: Deciders, { services, nodes, slices }: Scene): Wish {
  const selections = select(services)
  let index: ReadonlyMap<string, readonly EndpointSliceObject[]> | undefined
  const slicesOf = (service: ServiceId) => {
    index ??= groupSlices(slices)
    return index.get(serviceName(service)) ?? []
  }
  const { table, held, nodeGroups } = desire(selections, { services, nodes, slicesOf })
  const named = namedKeys(selections)
  let accounted: ReadonlySet<FrontendKey> | undefined
  const isAccounted = (key: FrontendKey) => {
    accounted ??= accountedKeys(services)
    return accounted.has(key)
  }
  return {
    table,
    held,
    keep: new Set(),
    nodeGroups,
    accounted: { has: isAccounted },
    strays: (there) => planStrays(there, new Set([SPEC.name]), named, new Set()),
    guard: GUARD,
  }
}
