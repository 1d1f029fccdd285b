import { type Holding, heldByOthers } from '../model/adoption.ts'
import { describeProblem, type Problem } from '../model/problems.ts'
import { columns, countOf, type Line, line, paragraphs, type Row } from './lines.ts'
import { API_VERSION } from './survey.ts'

/** What one proxy holds under the name of our cluster and class, and what came of adopting it. */
export interface AdoptedProxy {
  readonly proxy: string
  /** Whether it keeps marks at all: one that does not belongs to nobody. */
  readonly keepsMarks: boolean
  /** After what was done. Empty where nothing is there, or nothing is known. */
  readonly holdings: readonly Holding[]
  /** Frontends that another cluster held, and that are ours now. */
  readonly adopted: number
  /** Set when nothing is known of it, or adopting failed or was refused. */
  readonly problem: Problem | undefined
}

/** `fairway adopt`, for programs. */
export interface AdoptReport {
  readonly apiVersion: typeof API_VERSION
  readonly kind: 'Adoption'
  readonly cluster: string
  readonly class: string
  /** Of this cluster. */
  readonly uid: string
  /** Whose entries were to be adopted; absent: it was only asked who holds what. */
  readonly from?: string
  readonly proxies: readonly AdoptedProxy[]
  /** What would adopt what others hold. */
  readonly commands: readonly string[]
}

type About = Pick<AdoptReport, 'cluster' | 'class' | 'uid' | 'from'>

/** `command` is the one that was run, without `--proxy` and `--from`; `proxy`: the only one that was asked for. */
export function reportAdoption(
  about: About,
  proxies: readonly AdoptedProxy[],
  command: string,
  proxy: string | undefined,
): AdoptReport {
  const held = proxies.flatMap((one) => heldByOthers(one.holdings, about).map(({ uid }) => ({ uid, proxy: one.proxy })))
  const uids = new Set(held.map(({ uid }) => uid))
  const commands = held.map((one) => {
    const where = uids.size === 1 && proxy === undefined ? '' : ` --proxy ${one.proxy}`
    return `${command}${where} --from ${one.uid}`
  })
  return { apiVersion: API_VERSION, kind: 'Adoption', ...about, proxies, commands: [...new Set(commands)] }
}

/** 0: nothing is to be adopted (any more). 1: something failed, was refused, or is not known. 2: there is something to adopt. */
export function adoptExit({ proxies, commands }: AdoptReport): number {
  if (proxies.some(({ problem }) => problem !== undefined)) return 1
  return commands.length > 0 ? 2 : 0
}

/** The report for people. */
export function adoptLines(report: AdoptReport): readonly Line[] {
  return report.from === undefined ? holderLines(report) : resultLines(report)
}

function holderLines(report: AdoptReport): readonly Line[] {
  const { cluster, class: className, uid, proxies, commands } = report
  const rows = proxies.flatMap((one) => holderRows(one, uid))
  return paragraphs(
    [
      line(`Class ${className} of cluster ${cluster}, UID ${uid}`, 'title'),
      ...columns(['PROXY', 'HELD BY', 'FRONTENDS', 'LAST WRITTEN'], rows, '  '),
    ],
    problemLines(proxies),
    commands.length === 0
      ? [line(adoptExit(report) === 0 ? 'Nothing is to be adopted.' : 'Not all proxies could be asked.')]
      : [
          line(
            'If this cluster replaces the one with that UID, end its operator if it still runs, and take over what it left:',
          ),
          ...commands.map((command) => line(`  ${command}`, 'warn')),
          line('Nothing was changed by this command.', 'faint'),
        ],
  )
}

function holderRows({ proxy, keepsMarks, holdings, problem }: AdoptedProxy, uid: string): readonly Row[] {
  if (problem !== undefined) return [{ cells: [proxy, 'not known', '-', '-'], tone: 'bad' }]
  if (!keepsMarks) return [{ cells: [proxy, 'nobody: it keeps no marks', '-', '-'] }]
  if (holdings.length === 0) return [{ cells: [proxy, 'nobody', '-', '-'] }]
  return holdings.map((one) => {
    const isOurs = one.uid === uid
    const cells = [proxy, isOurs ? 'this cluster' : `UID ${one.uid}`, String(one.frontends), one.writtenAt ?? '-']
    return { cells, tone: isOurs ? 'good' : 'warn' }
  })
}

function resultLines(report: AdoptReport): readonly Line[] {
  const { proxies, from = '' } = report
  const done = proxies.reduce((sum, { adopted }) => sum + adopted, 0)
  return paragraphs(
    proxies.flatMap((one) => resultLine(one, from)),
    problemLines(proxies),
    done === 0
      ? []
      : [
          line(
            'The operator takes them up with its next pass. What no Service accounts for its guard keeps back, if it is much:',
          ),
          line('"fairway plan" shows what goes and what stays.'),
        ],
    adoptExit(report) === 0
      ? [line(done === 0 ? 'Nothing is to be adopted.' : 'All of it is this cluster’s now.', 'good')]
      : [line('Not all is done. Mend what is named above, and run it again; what is done stays done.', 'bad')],
  )
}

function resultLine({ proxy, keepsMarks, adopted, problem }: AdoptedProxy, from: string): readonly Line[] {
  if (adopted > 0) {
    return [line(`Proxy ${proxy}: ${countOf(adopted, 'frontend')} of UID ${from} adopted; all are served on`, 'good')]
  }
  if (problem !== undefined) return []
  const why = keepsMarks ? 'nothing is held there by another cluster' : 'it keeps no marks: what it has is nobody’s'
  return [line(`Proxy ${proxy}: ${why}`)]
}

function problemLines(proxies: readonly AdoptedProxy[]): readonly Line[] {
  return proxies.flatMap(({ proxy, problem }) =>
    problem === undefined ? [] : line(`Proxy ${proxy}: ${describeProblem(problem)}`, 'bad'),
  )
}
