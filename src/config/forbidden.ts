import { canonicalAddress, inRange } from '../model/address.ts'
import type { Config } from './schema.ts'

/** Whether an address may never be a target because it is ours: of a pool of any class, of a proxy's admin API, or bound by a proxy. */
export function forbiddenTargets(config: Config): (address: string) => boolean {
  const ranges = config.classes.flatMap(({ pools }) => pools.flatMap(({ addresses }) => addresses))
  const own = new Set(
    config.classes.flatMap(({ proxies }) =>
      proxies.flatMap(({ access, listen }) => [
        canonicalAddress(new URL(access.url).hostname.replace(/^\[|\]$/g, '')) ?? '',
        ...Object.keys(listen),
        ...Object.values(listen),
      ]),
    ),
  )
  return (address) => own.has(address) || ranges.some((range) => inRange(range, address))
}
