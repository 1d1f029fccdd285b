import { shownUrl } from '../http/endpoint.ts'
import type { KubeClient } from '../kube/client.ts'
import { reviewPath, reviewToken } from '../kube/token-review.ts'
import { canonicalAddress } from '../model/address.ts'
import type { View } from '../model/view.ts'
import type { MakeDriver } from '../operator/classes.ts'
import type { Caches } from '../operator/cluster.ts'
import { type ClassKnowledge, createKnowledge, type Knowledge, type OperatorObserver } from '../operator/view.ts'
import type { ClassSurvey } from '../report/survey.ts'
import { makeView } from '../report/view.ts'
import { createPageApp, type PageAddress, type PageSource, servePage } from '../server/page.ts'
import { createTokenGuard, guardLoopback, type JudgeToken } from '../server/page-access.ts'
import { readPageFiles } from '../server/page-files.ts'
import { invalid } from './settings.ts'

export interface PageOptions {
  /** Where it listens: `127.0.0.1:8090`. */
  readonly listen: string
  readonly cluster: string
  /** Whether other replicas may do the work. */
  readonly isElected: boolean
  readonly client: KubeClient
  readonly caches: Pick<Caches, 'troubles'>
}

/** What the operator tells the page. */
export interface Page {
  readonly observer: OperatorObserver
  watch(makeDriver: MakeDriver): MakeDriver
}

/** Serves the status page until the signal ends it. On another address than loopback every look needs a token. Rejects when it cannot be bound. */
async function startPage(options: PageOptions, signal: AbortSignal): Promise<Page> {
  const at = readListen(options.listen)
  const knowledge = createKnowledge(Date.now)
  const guard = isLoopback(at.address) ? guardLoopback : createTokenGuard(judgeBy(options.client), Date.now)
  const app = createPageApp(sourceOf(knowledge, options), await readPageFiles(), guard)
  await servePage(app, at, signal)
  return { observer: knowledge, watch: (makeDriver) => knowledge.watch(makeDriver) }
}

/** The page that `fairway run` is asked for, if it is. */
export async function openPage(
  { page: listen, leaseNamespace }: { readonly page?: string | undefined; readonly leaseNamespace: string | undefined },
  cluster: string,
  world: Pick<PageOptions, 'client' | 'caches'>,
  signal: AbortSignal,
): Promise<Page | undefined> {
  if (listen === undefined || listen === '') return undefined
  return startPage({ ...world, listen, cluster, isElected: leaseNamespace !== undefined }, signal)
}

/** Throws ConfigInvalid. */
export function readListen(listen: string): PageAddress {
  const parts = /^(?:\[(?<six>[\da-f:.]+)\]|(?<four>[\d.]+)):(?<port>\d{1,5})$/i.exec(listen)?.groups
  const address = canonicalAddress(parts?.['six'] ?? parts?.['four'] ?? '')
  const port = Number(parts?.['port'])
  if (address === undefined || port > 65_535)
    throw invalid(`--page "${listen}" is not an address and a port`, 'Write it as 127.0.0.1:8090 or [::1]:8090')
  return { address, port }
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

/** In RBAC's words: `nonResourceURLs: [/fairway], verbs: [get]`. */
const RIGHT = { path: '/fairway', verb: 'get' }

function judgeBy(client: KubeClient): JudgeToken {
  return async (token, signal) => {
    const user = await reviewToken(client, token, signal)
    if (user === undefined) return 'unknown'
    return (await reviewPath(client, user, RIGHT, signal)) ? 'allowed' : 'forbidden'
  }
}

/** What the page is made of. */
export function sourceOf(
  knowledge: Knowledge,
  { cluster, isElected, caches }: Omit<PageOptions, 'listen' | 'client'>,
): PageSource {
  return {
    revision: () => knowledge.version,
    view: () => viewOf(knowledge, cluster),
    pulse: () => ({
      role: knowledge.isRunning ? 'leading' : isElected ? 'following' : 'starting',
      passes: knowledge
        .classes()
        .map(({ spec, endedAtMs }) => ({ className: spec.name, endedAt: new Date(endedAtMs).toISOString() })),
      troubles: caches.troubles(),
    }),
  }
}

function viewOf(knowledge: Knowledge, cluster: string): View | undefined {
  const known = knowledge.classes()
  const newest = known.toSorted((a, b) => b.endedAtMs - a.endedAtMs)[0]
  if (newest === undefined) return undefined
  const { selections, nodes } = newest
  return makeView({ cluster, classes: known.map(surveyOf), selections, nodes, changes: knowledge.changes() })
}

function surveyOf({ spec, standing, desired, proxies }: ClassKnowledge): ClassSurvey {
  return {
    spec,
    standing,
    desired,
    writes: [],
    proxies: proxies.map(({ endpoint, ...proxy }) => {
      const [kind = '', url = ''] = endpoint.split(' ')
      return { ...proxy, kind, url: URL.canParse(url) ? shownUrl({ proxy: proxy.name, url }) : url }
    }),
  }
}
