/** The chart and the image on a real cluster, with a real proxy outside it. One lab for the whole run. */
import { after, before } from 'node:test'
import { toStderr } from '../lab/progress.ts'
import { badProxies } from './bad-proxies.ts'
import { badServices } from './bad-services.ts'
import { changes } from './changes.ts'
import { fixed } from './fixed.ts'
import { haproxy } from './haproxy.ts'
import { haproxySharing } from './haproxy-sharing.ts'
import { haproxyTrouble } from './haproxy-trouble.ts'
import { ingress } from './ingress.ts'
import { lifecycle } from './lifecycle.ts'
import { neighbours } from './neighbours.ts'
import { policies } from './policies.ts'
import { reconfigured } from './reconfigured.ts'
import { scenarios } from './scenario.ts'
import { serving } from './serving.ts'
import { sni } from './sni.ts'
import { startWorld, type World } from './world.ts'

// Another lab may have to end first, and the image to be built.
const STARTS_WITHIN_MS = 1_500_000

let world: World | undefined
const ending = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => ending.abort(new Error(`ended by ${name}`)))

before(
  async () => {
    world = await startWorld(toStderr, ending.signal)
  },
  { timeout: STARTS_WITHIN_MS },
)

after(
  async () => {
    await world?.stop(AbortSignal.timeout(90_000))
  },
  { timeout: 120_000 },
)

const scenario = scenarios(() => {
  if (world === undefined) throw new Error('the lab did not start')
  return world
})

serving(scenario)
ingress(scenario)
policies(scenario)
sni(scenario)
fixed(scenario)
lifecycle(scenario)
changes(scenario)
badServices(scenario)
badProxies(scenario)
haproxy(scenario)
haproxySharing(scenario)
haproxyTrouble(scenario)
reconfigured(scenario)
neighbours(scenario)
