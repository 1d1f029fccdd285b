import type { StatusPatch } from '../kube/status.ts'
import { ALLOCATED_CONDITION, EXTERNAL_ADDRESS_ANNOTATION, PROGRAMMED_CONDITION } from '../model/names.ts'
import { compareText, serviceName } from '../model/table.ts'
import type { ClassSurvey, ServiceWrite } from './survey.ts'

/** One Service, and what would be written to it, in words. */
export interface ServiceChange {
  readonly service: string
  readonly changes: readonly string[]
}

const WORDS: Readonly<Record<string, string>> = {
  [ALLOCATED_CONDITION]: 'Allocated',
  [PROGRAMMED_CONDITION]: 'Programmed',
}

/**
 * What would be written to Services, by name. What is said of a Service depends on all of its proxies, so where one of them is not known it is left
 * out what they make of it.
 */
export function serviceChanges({ writes, proxies }: ClassSurvey): readonly ServiceChange[] {
  const whole = proxies.every(({ observed }) => observed !== undefined)
  const byName = Map.groupBy(writes, ({ service }) => serviceName(service.metadata))
  return [...byName]
    .map(([service, all]) => ({ service, changes: all.flatMap((one) => describeWrite(one, whole)) }))
    .filter(({ changes }) => changes.length > 0)
    .toSorted((a, b) => compareText(a.service, b.service))
}

function describeWrite({ patch }: ServiceWrite, whole: boolean): readonly string[] {
  const { metadata, status } = patch
  const conditions = (status?.conditions ?? []).filter(({ type }) => whole || type !== PROGRAMMED_CONDITION)
  return [
    ...conditions.map(describeCondition),
    ...(status?.loadBalancer === undefined ? [] : [describeIngress(status.loadBalancer)]),
    ...describeMetadata(metadata),
  ]
}

type StatusPart = NonNullable<StatusPatch['status']>

/** Without the problems that are told with a condition: they are shown for themselves. */
function describeCondition(condition: NonNullable<StatusPart['conditions']>[number]): string {
  const name = WORDS[condition.type] ?? condition.type
  if ('$patch' in condition) return `condition ${name} goes`
  const { status, reason, message } = condition
  const said = status === 'True' ? message.split('. ')[0] : reason
  return `condition ${name}: ${status}, ${said}`
}

function describeIngress({ ingress }: NonNullable<StatusPart['loadBalancer']>): string {
  const addresses = ingress.map(({ ip, ports }) => {
    const failed = (ports ?? []).flatMap(({ port, protocol, error }) =>
      error === undefined ? [] : `${port}/${protocol} ${error}`,
    )
    return failed.length === 0 ? ip : `${ip} (${failed.join(', ')})`
  })
  return `shows ${addresses.join(', ') || 'no address any more'}`
}

function describeMetadata(metadata: StatusPatch['metadata']): readonly string[] {
  const address = metadata.annotations?.[EXTERNAL_ADDRESS_ANNOTATION]
  return [
    ...(metadata.finalizers ?? []).map((name) => `gets finalizer ${name}`),
    ...(metadata['$deleteFromPrimitiveList/finalizers'] ?? []).map((name) => `loses finalizer ${name}`),
    ...(address === undefined ? [] : [address === null ? 'shows no address any more' : `shows ${address}`]),
  ]
}
