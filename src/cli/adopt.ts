import { clusterUid } from '../kube/status.ts'
import { UID } from '../model/server-names.ts'
import type { Owner } from '../model/table.ts'
import { startClasses } from '../operator/classes.ts'
import type { RunningClass } from '../operator/interfaces.ts'
import { type AdoptReport, adoptExit, adoptLines, reportAdoption } from '../report/adopt.ts'
import { adoptOn } from './adopt-proxy.ts'
import { driverMaker } from './drivers.ts'
import { type Report, withProgress } from './output.ts'
import { invalid, readConfig, type ViewFlags, withCluster } from './settings.ts'
import { SILENT } from './silent.ts'
import { VERSION } from './version.ts'

export interface AdoptFlags extends ViewFlags {
  readonly class: string
  /** Absent: all proxies of the class. */
  readonly proxy?: string
  /** UID of the cluster that left what is to be adopted; absent: who holds what is only told. */
  readonly from?: string
}

/**
 * `fairway adopt`: takes over what a cluster of the same name has left on the proxies of a class, without a change to what is served. No lead is needed: as
 * long as another UID is on them nobody of this cluster writes there, and each write is a compare-and-swap. Rejects when it cannot begin.
 */
export async function adopt(flags: AdoptFlags, signal: AbortSignal): Promise<Report> {
  const { from } = flags
  if (from !== undefined && !UID.test(from))
    throw invalid(`"${from}" is no UID of a cluster`, 'Run it without --from: it names who holds what')
  return withCluster(flags, async (client) => {
    const config = await readConfig(flags, client, signal)
    const uid = await clusterUid(client, signal)
    // No Lease of ours has a say in what another cluster wrote.
    const writing = { userAgent: `fairway/${VERSION} (adopt)`, epoch: 0, fence: () => undefined }
    const classes = startClasses(config, uid, driverMaker(SILENT, writing))
    try {
      const running = findClass(classes, flags.class)
      const owner = { cluster: config.cluster, className: running.spec.name, uid }
      const report = await withProgress('asking the proxies', adoptAll(running, owner, flags, signal))
      return { document: report, lines: adoptLines(report), exitCode: adoptExit(report) }
    } finally {
      await Promise.all(classes.flatMap(({ proxies }) => proxies.map(({ driver }) => driver.close())))
    }
  })
}

async function adoptAll(
  { proxies }: RunningClass,
  owner: Owner,
  flags: AdoptFlags,
  signal: AbortSignal,
): Promise<AdoptReport> {
  const { proxy, from } = flags
  const asked = proxies.filter(({ name }) => name === (proxy ?? name))
  if (asked.length === 0) {
    const names = proxies.map(({ name }) => name).join(', ')
    throw invalid(`Class ${owner.className} has no proxy ${proxy}`, `Name one of: ${names}`)
  }
  const adopted = await Promise.all(asked.map(({ name, driver }) => adoptOn(name, driver, owner, from, signal)))
  const about = {
    cluster: owner.cluster,
    class: owner.className,
    uid: owner.uid,
    ...(from === undefined ? {} : { from }),
  }
  return reportAdoption(about, adopted, commandOf(flags), proxy)
}

function findClass(classes: readonly RunningClass[], name: string): RunningClass {
  const found = classes.find(({ spec }) => spec.name === name)
  if (found !== undefined) return found
  const names = classes.map(({ spec }) => spec.name).join(', ')
  throw invalid(`The configuration has no class ${name}`, `Name one by --class: ${names}`)
}

/** The command as it was run, but for what it is about: proxy and UID. */
function commandOf({ class: className, config, configMap, kubeconfig, context }: AdoptFlags): string {
  const source = configMap === undefined ? ['--config', config] : ['--config-map', configMap]
  const words = [
    'adopt',
    '--class',
    className,
    ...source,
    ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
    ...(context === undefined ? [] : ['--context', context]),
  ]
  return [process.env['FAIRWAY_COMMAND'] ?? 'fairway', ...words.map(quote)].join(' ')
}

/** As a shell takes it for one word. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}
