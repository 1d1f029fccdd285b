/** A machine as poor-mans-k8s-lb has it, driven as the operator drives it. */

import type { WebhookOptions } from '../../src/drivers/webhook/options.ts'
import { createWebhookDriver } from '../../src/drivers/webhook.ts'
import type { Driver } from '../../src/model/driver.ts'
import type { DriverSettings, Harness } from './harness.ts'
import { local } from './net.ts'
import { PROD } from './tables.ts'
import { type Site, type SiteWishes, startSite } from './webhook-site.ts'

export interface WebhookHarness extends Harness {
  readonly site: Site
  readonly driver: (settings?: Partial<DriverSettings & WebhookOptions>) => Driver
}

function cannot(): never {
  throw new Error('nobody can do that to a webhook')
}

export async function startWebhookSite(wishes: Partial<SiteWishes> = {}): Promise<WebhookHarness> {
  const site = await startSite({ address: local(1), bind: local(5), ...wishes })
  const drivers: Driver[] = []
  const driver: WebhookHarness['driver'] = (settings = {}) => {
    const { url, tokenFile, caFile } = site
    const created = createWebhookDriver({
      proxy: 'vm-1',
      url,
      tls: { caFile },
      tokenFile,
      header: 'X-Funkypenguin-Token',
      sendProxy: 'v1',
      resendMs: 600_000,
      spacingMs: 300,
      owner: PROD,
      declares: (address) => address === local(5),
      timeoutMs: 5_000,
      log: { debug: () => {}, info: () => {}, warn: () => {} },
      ...settings,
    })
    drivers.push(created)
    return settled(created, site)
  }
  return {
    site,
    driver,
    writes: async () => (await site.runs()).length,
    kill: site.kill,
    restart: site.restart,
    driverBound: cannot,
    addForeign: cannot,
    foreignText: cannot,
    edit: cannot,
    rejectAll: cannot,
    openSockets: cannot,
    configuredSockets: cannot,
    close: async () => {
      await Promise.all(drivers.map((one) => one.close()))
      await site.close()
    },
  }
}

/** A driver whose calls have come to their end when it has: the script runs on after a call is answered. */
function settled(driver: Driver, site: Site): Driver {
  return {
    ...driver,
    apply: async (plan, signal) => {
      const applied = await driver.apply(plan, signal)
      await site.runs()
      return applied
    },
  }
}
