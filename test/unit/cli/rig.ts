/** The command line's view of a cluster in memory, whose operator is the real one. */
import { takeSurvey } from '../../../src/cli/survey.ts'
import { parseConfig } from '../../../src/config/load.ts'
import type { EndpointSliceObject, NodeObject, ServiceObject } from '../../../src/kube/objects.ts'
import { FairwayError, type ProblemCode } from '../../../src/model/problems.ts'
import type { Line } from '../../../src/report/lines.ts'
import type { Survey } from '../../../src/report/survey.ts'
import { createWorld, type World, type WorldWishes } from '../../support/operator-world.ts'

/** The class of `createWorld`, as fairway.yaml has it. */
export const CONFIG = {
  cluster: 'prod-a',
  classes: [
    {
      name: 'public',
      default: true,
      pools: [{ name: 'main', addresses: ['203.0.113.10-203.0.113.12'] }],
      proxies: [{ name: 'edge-1', caddy: { url: 'https://operator:secret@10.1.0.100:2021', caFile: '/ca.crt' } }],
    },
  ],
}

export interface Scene {
  readonly config?: object
  readonly nodes?: readonly NodeObject[]
  readonly slices?: readonly EndpointSliceObject[]
  readonly proxies?: 'empty' | 'unasked'
}

/** A cluster in which the operator has done all that it can for some Services. */
export async function settledWorld(services: readonly ServiceObject[], wishes: WorldWishes = {}): Promise<World> {
  const world = createWorld({ standing: true, ...wishes })
  world.put(...services)
  await world.pass()
  await world.pass()
  return world
}

/** What a command would see of a world. */
export function surveyOf(world: World, scene: Scene = {}): Promise<Survey> {
  const { config = CONFIG, nodes = world.nodes, slices = [], proxies } = scene
  const services = [...world.services.values()]
  const named = new Map(world.proxies.map((proxy, index) => [`edge-${index + 1}`, proxy]))
  return takeSurvey(
    {
      config: parseConfig(JSON.stringify(config), 'fairway.yaml'),
      uid: 'uid of kube-system',
      state: {
        services,
        nodes,
        slicesOf: ({ namespace, name }) =>
          slices.filter(({ metadata, service }) => `${metadata.namespace}/${service}` === `${namespace}/${name}`),
      },
      notes: [],
      proxies:
        proxies ??
        (({ proxy: { name } }) => {
          const found = named.get(name)
          if (found === undefined) throw new Error(`the world has no proxy ${name}`)
          return found.driver
        }),
    },
    AbortSignal.timeout(10_000),
  )
}

export function textOf(lines: readonly Line[]): string {
  return `\n${lines.map(({ text }) => text).join('\n')}\n`
}

/** A proxy cannot be reached. */
export function away(code: ProblemCode = 'ProxyUnreachable') {
  const message = 'proxy edge-1 at https://10.1.0.100:2021 cannot be reached: connection refused'
  return new FairwayError({ code, kind: 'transient', message, remedy: 'Check that Caddy runs' }).problem
}
