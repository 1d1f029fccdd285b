/**
 * The measured process of the benchmark `growth`: reads Services page by page as a cache does, makes a pass over them, tells how much memory that takes, and
 * how long passes take. Arguments: how many nodes, how many rounds, and the pages.
 */
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { ServiceObject } from '../../src/kube/objects.ts'
import type { GrowthSample } from './growth.ts'
import { median } from './table.ts'
import { createThinker, type Scene, serve } from './thinker.ts'
import { readyNodes, servicesOf } from './world.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const [nodes, rounds, ...pages] = process.argv.slice(2)
const scene = readScene()
const proxy = serve(scene)
const think = createThinker()
think(scene, proxy)
collect()
collect()
const { heapUsed, rss } = process.memoryUsage()
// Over Services that nobody has seen before, as after a restart; the last of them are remembered, and one of those changes.
const full = takeRounds(() => {
  const fresh = readScene()
  const first = createThinker()
  return () => first(fresh, proxy)
})
const single = takeRounds((round) => {
  think(scene, proxy)
  const changed = { ...scene, services: scene.services.map((one, at) => (at === round ? withSetting(one) : one)) }
  return () => think(changed, proxy)
})
const sample: GrowthSample = { heap: heapUsed, resident: rss, fullMs: full, singleMs: single }
process.stdout.write(JSON.stringify(sample))

function readScene(): Scene {
  const services = pages.flatMap((page) => servicesOf(readFileSync(page, 'utf8')))
  return { services, nodes: readyNodes(Number(nodes)), slices: [] }
}

/** Median of the times, in milliseconds, of what `prepare` gives. What preparing leaves behind is collected first. */
function takeRounds(prepare: (round: number) => () => unknown): number {
  const times = Array.from({ length: Number(rounds) }, (_, round) => {
    const work = prepare(round)
    collect()
    const startedAt = performance.now()
    work()
    return performance.now() - startedAt
  })
  return median(times)
}

function withSetting(service: ServiceObject): ServiceObject {
  const annotations = { ...service.metadata.annotations, 'fairway.dev/balance': 'least-connections' }
  return { ...service, metadata: { ...service.metadata, annotations } }
}
