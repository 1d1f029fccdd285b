import { drivers } from '../drivers/index.ts'
import type { MakeDriver } from '../operator/classes.ts'
import type { Log } from '../operator/interfaces.ts'

/** Who writes, and whether it still may. */
export interface Writing {
  readonly userAgent: string
  /** Throws when this process may not write any more. */
  readonly fence: () => void
}

/** Makes the driver that a proxy of the configuration asks for. */
export function driverMaker(log: Log, writing: Writing): MakeDriver {
  return ({ proxy, owner, declares, sharesAddresses }) => {
    const { url, certFile, keyFile, caFile, probe, timeout } = proxy.caddy
    return drivers.caddy.create({
      proxy: proxy.name,
      url,
      tls: { certFile, keyFile, caFile },
      owner,
      listen: proxy.listen,
      declares,
      // Behind a shared address another proxy may answer the dial.
      probe: probe && !sharesAddresses,
      timeoutMs: timeout,
      ...writing,
      log: log.child({ driver: 'caddy' }),
    })
  }
}
