import { type Pool, poolAddresses } from '../desired/pools.ts'
import { inRange } from '../model/address.ts'
import { type AddressView, type ClassView, MOST_CELLS, type PoolView } from '../model/view.ts'
import { poolUses } from './pools.ts'
import { proxyStatus } from './status.ts'
import type { ClassSurvey } from './survey.ts'

/** The pools of a class with who has their addresses, and its proxies. */
export function viewClass(one: ClassSurvey): ClassView {
  const users = countUsers(one)
  const uses = poolUses(one)
  return {
    name: one.spec.name,
    default: one.standing,
    pools: one.spec.pools.flatMap((pool, index) => {
      const use = uses[index]
      if (use === undefined) return []
      const { name, addresses: ranges, used, free, total } = use
      return { name, ranges, used, free, total, ...cellsOf(pool, Number(total), users) }
    }),
    proxies: one.proxies.map((proxy) => {
      const { name, endpoint, state, frontends, refused, pending } = proxyStatus(proxy)
      return { name, endpoint, state: state === 'not asked' ? 'unreachable' : state, frontends, refused, pending }
    }),
  }
}

/** How many Services and frontends of the configuration have each address. */
function countUsers({ spec, desired }: ClassSurvey): ReadonlyMap<string, number> {
  const users = new Map<string, number>()
  for (const { addresses } of [...spec.fixed, ...desired.placements])
    for (const address of addresses) users.set(address, (users.get(address) ?? 0) + 1)
  return users
}

function cellsOf(
  pool: Pool,
  total: number,
  users: ReadonlyMap<string, number>,
): Pick<PoolView, 'addresses' | 'isWhole'> {
  const cell = (address: string): AddressView => ({ address, users: users.get(address) ?? 0 })
  const taken = [...users.keys()].filter((address) => pool.addresses.some((range) => inRange(range, address)))
  if (total > MOST_CELLS) return { addresses: taken.slice(0, MOST_CELLS).map(cell), isWhole: false }
  const own = [...poolAddresses(pool, 'IPv4'), ...poolAddresses(pool, 'IPv6')]
  return { addresses: [...new Set([...own, ...taken])].map(cell), isWhole: true }
}
