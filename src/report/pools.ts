import { measurePools } from '../desired/pool-use.ts'
import type { ClassSurvey } from './survey.ts'

export interface PoolUse {
  readonly name: string
  readonly addresses: readonly string[]
  /** Addresses that somebody has. Several Services may share one. */
  readonly used: number
  /** As a decimal text: an IPv6 range has more than a JSON number can say. */
  readonly free: string
  readonly total: string
}

/** How much of each pool of a class is given away, to Services and to frontends of the configuration. */
export function poolUses({ spec, desired }: Pick<ClassSurvey, 'spec' | 'desired'>): readonly PoolUse[] {
  return measurePools(spec, desired).map(({ pool: { name, addresses }, used, size }) => {
    // What was given before a pool avoided its edges counts as used, and is not there to be given.
    const free = size - BigInt(used)
    return {
      name,
      addresses: addresses.map(({ text }) => text),
      used,
      free: String(free < 0n ? 0n : free),
      total: String(size),
    }
  })
}
