import type { Config } from '../config/schema.ts'
import { createDial } from '../drivers/common/probe.ts'
import { type AccountName, type Permission, reviewAccess } from '../kube/access-review.ts'
import type { KubeClient } from '../kube/client.ts'
import { readLease, readVersion } from '../kube/read-once.ts'
import { statusRivals } from '../kube/rivals.ts'
import { errorText, FairwayError, type Problem } from '../model/problems.ts'
import { doctorLines, examine, type Finding, failing, finding, reportDoctor } from '../report/doctor.ts'
import { chooseDoors, judgeDoors } from '../report/node-ports.ts'
import { judgeLease, judgeUnseen } from '../report/operator.ts'
import { describeRivals, findOverwritten } from '../report/rivals.ts'
import type { Survey } from '../report/survey.ts'
import { judgeTargets } from '../report/target-health.ts'
import { askEdges, findLacking } from './doctor-proxies.ts'
import { type Report, withProgress } from './output.ts'
import { neededPermissions } from './permissions.ts'
import { lookAtMachines } from './proxy-machines.ts'
import { lookAtCluster, readConfig, type ViewFlags, withCluster } from './settings.ts'

export interface DoctorFlags extends ViewFlags {
  /** `namespace/name` of the operator's ServiceAccount; otherwise whoever asks is looked at. */
  readonly serviceAccount?: string
  /** Where the operator has its Lease. */
  readonly leaseNamespace?: string
  readonly leaseName: string
  /** Whether to connect to node ports. */
  readonly dial: boolean
}

const DIAL_BUDGET_MS = 15_000

/** Looks at everything that Fairway needs, one thing after the other, as far as each can be looked at. */
export async function doctor(flags: DoctorFlags, signal: AbortSignal): Promise<Report> {
  const findings: Finding[] = []
  const look = async <T>(check: string, about: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      findings.push(failing(check, about, problemOf(error)))
      return undefined
    }
  }
  await look('cluster', 'API server', () =>
    withCluster(flags, async (client) => {
      const version = await look('cluster', 'API server', () => readVersion(client, signal))
      if (version === undefined) return
      findings.push(finding('cluster', 'ok', 'API server', `Kubernetes ${version} answers`))
      await look('permissions', 'permissions', async () =>
        findings.push(...(await examinePermissions(flags, client, signal))),
      )
      const config = await look('configuration', 'fairway.yaml', () => readConfig(flags, client, signal))
      if (config === undefined) return
      findings.push(finding('configuration', 'ok', 'fairway.yaml', `cluster ${config.cluster}: it can be used`))
      await look('cluster', 'what the operator reads', async () =>
        findings.push(...(await examineAll(config, flags, client, signal))),
      )
    }),
  )
  // Without a cluster the configuration can be looked at all the same.
  if (!findings.some(({ check }) => check === 'configuration') && flags.configMap === undefined) {
    const config = await look('configuration', 'fairway.yaml', () => readConfig(flags, undefined, signal))
    if (config !== undefined) findings.push(finding('configuration', 'ok', 'fairway.yaml', 'it can be used'))
  }
  const report = reportDoctor(findings)
  return { document: report, lines: doctorLines(report), exitCode: report.healthy ? 0 : 1 }
}

async function examineAll(
  config: Config,
  flags: DoctorFlags,
  client: KubeClient,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { survey, uid } = await lookAtCluster(config, flags, client, signal)
  const [machines, lacking, sightings] = await Promise.all([
    lookAtMachines(survey),
    findLacking(config, survey, signal),
    askEdges(config, uid, survey, signal),
  ])
  return [
    ...examine(survey, { machines, lacking }),
    ...judgeTargets(survey, sightings),
    ...(await examineOperator(survey, flags, client, signal)),
    ...(await examineRivals(survey, client, signal)),
    ...(flags.dial ? await examineDoors(survey, signal) : [finding('node ports', 'skipped', 'nodes', 'not tried')]),
  ]
}

async function examineOperator(
  survey: Survey,
  { leaseNamespace, leaseName }: DoctorFlags,
  client: KubeClient,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const unseen = judgeUnseen(survey, Date.now())
  if (leaseNamespace === undefined) return unseen
  const name = `${leaseNamespace}/${leaseName}`
  const lease = await readLease(client, { namespace: leaseNamespace, name: leaseName }, signal)
  return [judgeLease(lease && { name, ...lease }, name, Date.now()), ...unseen]
}

async function examineDoors(survey: Survey, signal: AbortSignal): Promise<readonly Finding[]> {
  const doors = chooseDoors(survey)
  const answers = await withProgress('connecting to node ports', createDial(DIAL_BUDGET_MS)(doors, signal))
  return judgeDoors(doors, answers)
}

async function examineRivals(survey: Survey, client: KubeClient, signal: AbortSignal): Promise<readonly Finding[]> {
  const found = findOverwritten(survey)
  return Promise.all(
    found.map(async (service) => {
      const names = await statusRivals(client, service.metadata, signal)
      return failing(
        'services',
        `Service ${service.metadata.namespace}/${service.metadata.name}`,
        describeRivals(service, names),
      )
    }),
  )
}

async function examinePermissions(
  flags: DoctorFlags,
  client: KubeClient,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const account = readAccount(flags.serviceAccount)
  const whose = account === undefined ? 'whoever runs this command' : `ServiceAccount ${flags.serviceAccount}`
  const { leaseNamespace: namespace, leaseName: name } = flags
  const needed = neededPermissions(namespace === undefined ? undefined : { namespace, name })
  const allowed = await Promise.all(needed.map((one) => reviewAccess(client, one, account, signal)))
  const missing = needed.filter((_, at) => allowed[at] !== true)
  if (missing.length === 0)
    return [finding('permissions', 'ok', whose, `may do all that the operator does (${needed.length} rules)`)]
  return missing.map((one) => failing('permissions', whose, forbidden(one, whose)))
}

function readAccount(text: string | undefined): AccountName | undefined {
  if (text === undefined) return undefined
  const [namespace = '', name = ''] = text.split('/')
  return { namespace, name }
}

function forbidden(permission: Permission, whose: string): Problem {
  const { verb, group, resource, subresource, name, namespace } = permission
  const what = subresource === undefined ? resource : `${resource}/${subresource}`
  const where = namespace === undefined ? '' : ` in namespace ${namespace}`
  const which = name === undefined ? '' : `, resourceNames: ["${name}"]`
  return {
    code: 'ApiForbidden',
    kind: 'terminal',
    message: `${whose} may not ${verb} ${what}${where}`,
    remedy: `Add {apiGroups: ["${group}"], resources: ["${what}"]${which}, verbs: ["${verb}"]} to the rules of Fairway's role`,
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof FairwayError) return error.problem
  return { code: 'ApiUnreachable', kind: 'transient', message: errorText(error), remedy: 'Report it: this is a defect' }
}
