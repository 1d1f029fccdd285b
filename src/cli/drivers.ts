import { drivers } from '../drivers/index.ts'
import type { MakeDriver } from '../operator/classes.ts'
import type { Log } from '../operator/interfaces.ts'

/** Who writes, and whether it still may. */
export interface Writing {
  readonly userAgent: string
  /** The Lease's transition count; 0 without a Lease. */
  readonly epoch: number
  /** Throws when this process may not write any more. */
  readonly fence: () => void
}

/** Makes the driver that a proxy of the configuration asks for: one case for each kind of `src/drivers`. */
export function driverMaker(log: Log, writing: Writing): MakeDriver {
  return ({ proxy: { name, listen, access }, owner, declares, sharesAddresses }) => {
    const { kind, url, certFile, keyFile, caFile, timeout } = access
    const { epoch, ...who } = writing
    const common = {
      ...who,
      proxy: name,
      url,
      tls: { certFile, keyFile, caFile },
      owner,
      timeoutMs: timeout,
      log: log.child({ driver: kind }),
    }
    switch (access.kind) {
      case 'caddy':
        // Behind a shared address another proxy may answer the dial.
        return drivers.caddy.create({ ...common, listen, declares, probe: access.probe && !sharesAddresses })
      case 'edge':
        return drivers.edge.create({ ...common, epoch, tokenFile: access.tokenFile })
      case 'webhook': {
        const { tokenFile, header, sendProxy, resend: resendMs, spacing: spacingMs } = access
        return drivers.webhook.create({ ...common, declares, tokenFile, header, sendProxy, resendMs, spacingMs })
      }
      case 'dataplane': {
        const { userFile, probe, reloadTimeout } = access
        const settings = { listen, declares, probe: probe && !sharesAddresses }
        return drivers.dataplane.create({ ...common, ...settings, userFile, reloadTimeoutMs: reloadTimeout })
      }
    }
    return access satisfies never
  }
}
