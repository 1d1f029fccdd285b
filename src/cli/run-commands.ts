import type { Config } from '../config/schema.ts'
import { drainLines, reportDrain } from '../report/drain.ts'
import { explainService, suggestService } from '../report/explain.ts'
import { explainLines } from '../report/explain-lines.ts'
import { line } from '../report/lines.ts'
import { planExit, planLines, reportPlan } from '../report/plan.ts'
import { reportStatus } from '../report/status.ts'
import { statusLines } from '../report/status-lines.ts'
import { API_VERSION } from '../report/survey.ts'
import { type AdoptFlags, adopt } from './adopt.ts'
import { type ConfirmFlags, confirm } from './confirm.ts'
import { doctor } from './doctor.ts'
import { type Format, formatReport, type Report, wantsColour } from './output.ts'
import { type ReleaseFlags, release } from './release.ts'
import { renderProxy } from './render.ts'
import { invalid, look, type ViewFlags } from './settings.ts'

/** As the command line gives them. */
interface Flags extends Omit<ViewFlags, 'askProxies'> {
  readonly proxies?: boolean
  readonly output: Format
}

function viewOf<T extends Flags>(flags: T): T & ViewFlags {
  return { ...flags, askProxies: flags.proxies !== false }
}

export async function runPlan(flags: Flags, signal: AbortSignal): Promise<void> {
  const { survey } = await look(viewOf(flags), signal)
  const report = reportPlan(survey)
  print({ document: report, lines: planLines(report), exitCode: planExit(report) }, flags.output)
}

export async function runStatus(flags: Flags & { readonly all: boolean }, signal: AbortSignal): Promise<void> {
  const { survey } = await look(viewOf(flags), signal)
  const report = reportStatus(survey)
  print({ document: report, lines: statusLines(report, flags.all), exitCode: 0 }, flags.output)
}

export async function runExplain(
  name: string,
  flags: Flags & { readonly namespace: string },
  signal: AbortSignal,
): Promise<void> {
  const full = name.includes('/') ? name : `${flags.namespace}/${name}`
  const view = viewOf(flags)
  const { survey } = await look({ ...view, askProxies: view.askProxies && flags.filename === undefined }, signal)
  const report = explainService(survey, full)
  if (report === undefined)
    throw invalid(`There is no Service ${full}${suggestService(survey, full)}`, 'Name it as NAMESPACE/NAME')
  print({ document: report, lines: explainLines(report), exitCode: 0 }, flags.output)
}

interface DoctorFlags extends Flags {
  readonly serviceAccount?: string
  readonly leaseNamespace?: string
  readonly leaseName: string
  readonly dial: boolean
}

export async function runDoctor(flags: DoctorFlags, signal: AbortSignal): Promise<void> {
  print(await doctor(viewOf(flags), signal), flags.output)
}

export async function runRender(
  flags: Flags & { readonly proxy?: string; readonly class?: string },
  signal: AbortSignal,
): Promise<void> {
  const { survey, config, uid } = await look(viewOf(flags), signal)
  print({ ...renderProxy(survey, config, uid, flags.proxy, flags.class), exitCode: 0 }, flags.output)
}

export async function runDrain(proxy: string, flags: Flags, signal: AbortSignal): Promise<void> {
  const { survey, config } = await look(viewOf(flags), signal)
  const report = reportDrain(survey, proxy)
  if (report === undefined) throw invalid(`There is no proxy ${proxy}`, `Name one of: ${proxyNames(config).join(', ')}`)
  print({ document: report, lines: drainLines(report), exitCode: 0 }, flags.output)
}

export async function runRelease(
  flags: Flags & Omit<ReleaseFlags, keyof ViewFlags>,
  signal: AbortSignal,
): Promise<void> {
  print(await release(viewOf(flags), signal), flags.output)
}

export async function runConfirm(
  word: string,
  flags: ConfirmFlags & { readonly output: Format },
  signal: AbortSignal,
): Promise<void> {
  print(await confirm(word, flags, signal), flags.output)
}

export async function runAdopt(flags: Flags & Omit<AdoptFlags, keyof ViewFlags>, signal: AbortSignal): Promise<void> {
  print(await adopt(viewOf(flags), signal), flags.output)
}

export function runVersion(version: string, output: Format): void {
  const document = { apiVersion: API_VERSION, kind: 'Version', version }
  print({ document, lines: [line(`fairway ${version}`)], exitCode: 0 }, output)
}

function proxyNames({ classes }: Config): readonly string[] {
  return [...new Set(classes.flatMap(({ proxies }) => proxies.map(({ name }) => name)))]
}

function print(report: Report, output: Format): void {
  process.stdout.write(formatReport(report, output, wantsColour(process.stdout, process.env)))
  process.exitCode = report.exitCode
}
