import type { Observed, Sibling } from '../model/driver.ts'
import type { FrontendKey } from '../model/table.ts'
import { addressIn } from './hold.ts'

/** Frontends by the class that gave them. */
export type KeysByClass = ReadonlyMap<string, ReadonlySet<FrontendKey>>

/**
 * What nobody else will ever take off a proxy: entries that this cluster made there for classes that do not use it any more, or that the
 * configuration has no more. `users` are the classes that use the proxy, `named` what Services hold that still name a class which is not there:
 * a slip in the configuration must not cut them off. `keepAt`: addresses of which it is not known who holds what there.
 */
export function planStrays(
  observed: Observed,
  users: ReadonlySet<string>,
  named: KeysByClass,
  keepAt: ReadonlySet<string>,
): readonly Sibling[] {
  return observed.siblings.filter(
    ({ className, key }) =>
      !users.has(className) && named.get(className)?.has(key) !== true && !keepAt.has(addressIn(key)),
  )
}
