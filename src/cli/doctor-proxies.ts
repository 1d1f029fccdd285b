import { findLayer4, type Layer4 } from '../caddy/find-layer4.ts'
import type { Config, ProxyConfig } from '../config/schema.ts'
import { createEdgeClient } from '../drivers/edge/client.ts'
import { parse, tablePath } from '../drivers/edge/read.ts'
import { healthAnswerSchema } from '../model/edge-wire.ts'
import { FairwayError, type Problem } from '../model/problems.ts'
import type { ProxySurvey, Survey } from '../report/survey.ts'
import type { Sighting } from '../report/target-health.ts'
import { SILENT } from './silent.ts'
import { VERSION } from './version.ts'

const USER_AGENT = `fairway/${VERSION} (doctor)`

/** What a Caddy that serves nothing of ours lacks to do so, by the URL of its API. One that serves something has it. */
export async function findLacking(
  { classes }: Config,
  survey: Survey,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Problem>> {
  const idle = classes.flatMap((one) =>
    one.proxies.filter(({ name }) => lookUp(survey, one.name, name)?.observed?.table.frontends.length === 0),
  )
  const found = await Promise.all(idle.map(async (proxy) => [proxy.access.url, await askCaddy(proxy, signal)] as const))
  return new Map(found.flatMap(([url, told]) => (typeof told === 'string' ? [] : [[url, told]])))
}

async function askCaddy({ name, access }: ProxyConfig, signal: AbortSignal): Promise<Layer4> {
  if (access.kind !== 'caddy') return 'unknown'
  const { url, timeout: timeoutMs, certFile, keyFile, caFile } = access
  const tls = { certFile, keyFile, caFile }
  return orElse('unknown', () => findLayer4({ proxy: name, url, tls, timeoutMs, userAgent: USER_AGENT }, signal))
}

/** How the programs behind edges see their targets. Those that cannot say so are left out. */
export async function askEdges(
  { cluster, classes }: Config,
  uid: string,
  survey: Survey,
  signal: AbortSignal,
): Promise<readonly Sighting[]> {
  const asked = classes.flatMap(({ name: className, proxies }) =>
    proxies.map(async ({ name: proxy, access }): Promise<readonly Sighting[]> => {
      const observed = lookUp(survey, className, proxy)?.observed
      if (access.kind !== 'edge' || observed === undefined || observed.trouble !== undefined) return []
      const { url, tokenFile, timeout: timeoutMs, certFile, keyFile, caFile } = access
      const owner = { cluster, className, uid }
      const tls = { certFile, keyFile, caFile }
      const options = { proxy, url, tls, tokenFile, owner, timeoutMs, epoch: 0, log: SILENT, userAgent: USER_AGENT }
      const client = createEdgeClient(options)
      try {
        return await orElse([], async () => {
          const answer = await client.get(`${tablePath(owner)}/health`, signal)
          return parse(options, healthAnswerSchema, answer).targets.map((one) => ({ proxy, className, ...one }))
        })
      } finally {
        await client.close()
      }
    }),
  )
  return (await Promise.all(asked)).flat()
}

function lookUp({ classes }: Survey, className: string, proxy: string): ProxySurvey | undefined {
  return classes.find(({ spec }) => spec.name === className)?.proxies.find(({ name }) => name === proxy)
}

/** What is not told is no finding: the reading before has shown that the proxy answers. */
async function orElse<T>(otherwise: T, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof FairwayError) return otherwise
    throw error
  }
}
