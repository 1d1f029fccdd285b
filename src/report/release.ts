import { describeProblem, type Problem } from '../model/problems.ts'
import { countOf, type Line, line, paragraphs } from './lines.ts'
import { API_VERSION } from './survey.ts'

/** What becomes of all that the proxies serve when Fairway goes. */
export type ReleaseMode = 'keep' | 'drain'

/** What came of emptying one proxy for one class. */
export interface DrainedProxy {
  readonly className: string
  readonly proxy: string
  /** Frontends that were taken off. */
  readonly removed: number
  /** Set when it could not be emptied. */
  readonly problem: Problem | undefined
}

/** `fairway release`, for programs: what was done. */
export interface ReleaseReport {
  readonly apiVersion: typeof API_VERSION
  readonly kind: 'Release'
  readonly mode: ReleaseMode
  /** Empty when the proxies were not asked. */
  readonly proxies: readonly DrainedProxy[]
  /** Services that are free of us. */
  readonly released: readonly string[]
  /** Services that still bear something of ours, and why. */
  readonly left: readonly LeftService[]
}

export interface LeftService {
  readonly name: string
  readonly problem: Problem
  /** Whether another run, or a person, has to do something about it before Fairway may go. */
  readonly blocks: boolean
}

export function releaseReport(
  mode: ReleaseMode,
  proxies: readonly DrainedProxy[],
  services: Pick<ReleaseReport, 'released' | 'left'>,
): ReleaseReport {
  return { apiVersion: API_VERSION, kind: 'Release', mode, proxies, ...services }
}

/** 0: Fairway may go. 1: something is left. */
export function releaseExit({ proxies, left }: ReleaseReport): number {
  return proxies.some(({ problem }) => problem !== undefined) || left.some(({ blocks }) => blocks) ? 1 : 0
}

/** Names of a long list: the document has them all. */
const MOST_NAMES = 20

export function releaseLines(report: ReleaseReport): readonly Line[] {
  const { mode, proxies, released, left } = report
  const shown = left.slice(0, MOST_NAMES)
  return paragraphs(
    mode === 'keep'
      ? [line('Proxies: left as they are. What they serve goes on, and follows no change any more.')]
      : proxies.map(proxyLine),
    [line(releasedText(mode, released), released.length > 0 ? 'good' : 'plain')],
    shown.map(({ name, problem }) => line(`${name}: ${describeProblem(problem)}`, 'bad')),
    left.length > shown.length
      ? [line(`… and ${countOf(left.length - shown.length, 'more Service', 'more Services')}`)]
      : [],
    releaseExit(report) === 0
      ? [line('Fairway may go.', 'good')]
      : [line('Not all is done. Mend what is named above, and run it again; what is done stays done.', 'bad')],
  )
}

function proxyLine({ className, proxy, removed, problem }: DrainedProxy): Line {
  const what = `Proxy ${proxy} of class ${className}`
  return problem === undefined
    ? line(`${what}: ${countOf(removed, 'frontend')} taken off, nothing is left`, 'good')
    : line(`${what}: ${describeProblem(problem)}`, 'bad')
}

function releasedText(mode: ReleaseMode, released: readonly string[]): string {
  const names = released.slice(0, MOST_NAMES).join(', ')
  const more = released.length > MOST_NAMES ? ', …' : ''
  const done = mode === 'keep' ? 'keep their addresses and can be deleted now' : 'bear nothing of Fairway any more'
  return released.length === 0
    ? 'Services: none had to be let go'
    : `Services that ${done}: ${names}${more} (${released.length})`
}
