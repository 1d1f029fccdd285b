/** All benchmarks by name, in the order in which they run when none is named: what is quick comes first. */
import { benchBurst } from './burst.ts'
import { benchCaddy } from './caddy-driver.ts'
import { benchDataPath } from './data-path.ts'
import { benchEdge } from './edge.ts'
import { benchNodeLeaves } from './edge-leaves.ts'
import { benchFlaps } from './flaps.ts'
import { benchGrowth } from './growth.ts'
import { benchPass } from './pass.ts'
import { benchReaction } from './reaction.ts'
import { benchScale } from './scale.ts'
import { benchSync } from './sync.ts'
import type { Row } from './table.ts'

export interface Bench {
  /** `write`: its own document in docs/bench, where it has one, is written anew. `proxy`: a name of programs.ts. */
  readonly run: (signal: AbortSignal, write: boolean, proxy?: string) => Promise<readonly Row[]>
  /** Whether it needs the lab's programs. */
  readonly lab: boolean
  /** What it is about, for people. */
  readonly title: string
}

export const BENCHES: Readonly<Record<string, Bench>> = {
  pass: { run: benchPass, lab: false, title: 'What a pass takes to think' },
  growth: { run: benchGrowth, lab: false, title: 'Time and memory at 1,000 to 10,000 Services' },
  sync: { run: benchSync, lab: true, title: 'Caches: from start to full' },
  leaves: { run: benchNodeLeaves, lab: true, title: 'One of 1,000 nodes leaves' },
  caddy: { run: benchCaddy, lab: true, title: 'A new Service at a Caddy' },
  'data-path': { run: benchDataPath, lab: true, title: 'Traffic through what is rendered' },
  burst: { run: benchBurst, lab: true, title: '2,000 Services at once' },
  scale: { run: benchScale, lab: true, title: 'Cold start and memory at 5,000 Services and 1,000 nodes' },
  reaction: { run: benchReaction, lab: true, title: 'One new Service among 5,000' },
  flaps: { run: benchFlaps, lab: true, title: '100 of 1,000 nodes flap' },
  edge: { run: benchEdge, lab: true, title: 'A change on its way to the proxy' },
}
