import type { Sibling } from '../model/driver.ts'
import { describeProblem, type Problem } from '../model/problems.ts'
import type { FrontendKey } from '../model/table.ts'
import { createDeciders, type Deciders } from './deciders.ts'
import type { Log, RunningClass } from './interfaces.ts'
import type { ProxyResult } from './program-proxy.ts'
import { createSettled, type Settled } from './settled.ts'

/** What a class remembers from pass to pass, and may lose. */
export interface Memory {
  /** What decides for the class; made anew where its configuration is another one. */
  deciders(running: Pick<RunningClass, 'spec' | 'rules'>): Deciders
  /** Who needs no writing; made anew where the class, its configuration or its proxies are others. */
  settled(running: RunningClass): Settled
  /**
   * The strays that were not removed from a proxy before. One that came back has a writer: another Fairway in the cluster, or a class that reaches the
   * same proxy by another URL. To remove it again and again would cut what it serves each time, so it is left alone, and the log says so.
   */
  withoutReturned(proxy: string, strays: readonly Sibling[], log: Log): readonly Sibling[]
  /** Strays are gone from a proxy. */
  noteRemoved(proxy: string, strays: readonly Sibling[]): void
  /** Logs what is new about the frontends of the configuration, which have no Service to tell. */
  reportFixed(
    keys: ReadonlySet<FrontendKey>,
    problems: readonly Problem[],
    results: readonly ProxyResult[],
    log: Log,
  ): void
  /** Frontends of the configuration that were wanted last. */
  readonly fixed: ReadonlySet<FrontendKey>
}

export function createMemory(): Memory {
  const removed = new Map<string, 'removed' | 'told'>()
  const reported = new Map<string, ReadonlySet<string>>()
  let fixed: ReadonlySet<FrontendKey> = new Set()
  let deciders: Deciders | undefined
  let settled: { readonly of: RunningClass; readonly services: Settled } | undefined
  const report = (about: string, problems: ReadonlyMap<string, Problem>, log: Log) => {
    const before = reported.get(about) ?? new Set()
    for (const [text, { code }] of problems) if (!before.has(text)) log.warn({ code }, text)
    for (const text of before) if (!problems.has(text)) log.info({}, `no longer so: ${text}`)
    reported.set(about, new Set(problems.keys()))
  }
  return {
    deciders: ({ spec, rules }) => {
      if (deciders?.spec !== spec || deciders.rules !== rules) deciders = createDeciders(spec, rules)
      return deciders
    },
    settled: (running) => {
      if (settled?.of !== running) settled = { of: running, services: createSettled() }
      return settled.services
    },
    withoutReturned: (proxy, strays, log) =>
      strays.filter((stray) => {
        const state = removed.get(nameOf(proxy, stray))
        if (state === 'removed') {
          removed.set(nameOf(proxy, stray), 'told')
          log.warn({ proxy, key: stray.key }, sayReturned(proxy, stray))
        }
        return state === undefined
      }),
    noteRemoved: (proxy, strays) => {
      for (const stray of strays) removed.set(nameOf(proxy, stray), 'removed')
    },
    reportFixed: (keys, problems, results, log) => {
      fixed = keys
      report('', new Map(problems.map((problem) => [describeProblem(problem), problem])), log)
      for (const result of results) {
        // A proxy that cannot be reached has said nothing new.
        if (result.problem === undefined) report(result.proxy, complaintsOf(keys, result), log)
      }
    },
    get fixed() {
      return fixed
    },
  }
}

function nameOf(proxy: string, { className, key }: Sibling): string {
  return `${proxy} ${className} ${key}`
}

function sayReturned(proxy: string, { className, key }: Sibling): string {
  return `${key} of class ${className} came back to proxy ${proxy} after it was removed, and is left alone. If no other Fairway put it there, give the proxy the same URL in every class, or remove the entry by hand`
}

/** Why frontends of the configuration are not served, or by whom they are claimed. */
function complaintsOf(
  keys: ReadonlySet<FrontendKey>,
  { proxy, refused, notices }: ProxyResult,
): ReadonlyMap<string, Problem> {
  const all = [...Array.from(refused, ([key, problem]) => ({ key, problem })), ...notices]
  const ours = all.filter(({ key }) => keys.has(key))
  return new Map(
    ours.map(({ key, problem }) => [
      `${key} of the configuration on proxy ${proxy}: ${describeProblem(problem)}`,
      problem,
    ]),
  )
}
