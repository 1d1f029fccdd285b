import { isMarked } from '../desired/select.ts'
import type { ServiceObject } from '../kube/objects.ts'
import { serviceName } from '../model/table.ts'
import { type Finding, failing, finding } from './doctor.ts'
import { countOf } from './lines.ts'
import type { Survey } from './survey.ts'

/** A leader renews every two seconds, and another takes over after fifteen (kube/lease.ts). */
const STALE_MS = 20_000
/** A pass comes within seconds; images and leaders take longer to start. */
const UNSEEN_MS = 60_000

export interface LeaseState {
  /** `namespace/name` */
  readonly name: string
  /** Empty: nobody. */
  readonly holder: string
  /** Epoch milliseconds; undefined: never. */
  readonly renewedAtMs: number | undefined
}

/** Whether an operator leads, by its Lease; undefined: there is none. */
export function judgeLease(lease: LeaseState | undefined, name: string, nowMs: number): Finding {
  const remedy = 'Check that its pods run (kubectl get pods), and their log'
  const say = (message: string) => failing('operator', `Lease ${name}`, { code: 'LeaseLost', message, remedy })
  if (lease === undefined) return say('there is no such Lease: no operator has ever led')
  const { holder, renewedAtMs } = lease
  if (holder === '') return say('nobody holds it: no operator leads')
  if (renewedAtMs === undefined || nowMs - renewedAtMs > STALE_MS)
    return say(`${holder} holds it and has not renewed it for ${Math.round((nowMs - (renewedAtMs ?? 0)) / 1_000)} s`)
  return finding('operator', 'ok', `Lease ${name}`, `${holder} leads`)
}

/** Services that should be served and bear nothing of the operator's though they have been there for a while. */
export function judgeUnseen({ classes }: Survey, nowMs: number): readonly Finding[] {
  const wanted = classes.flatMap(({ desired }) => desired.placements.map(({ demand }) => demand.service))
  const unseen = wanted.filter((service) => !isMarked(service) && nowMs - createdAt(service) > UNSEEN_MS)
  const [first] = unseen
  if (first === undefined) return []
  const message = `the operator has written nothing to ${serviceName(first.metadata)}${unseen.length > 1 ? ` and ${countOf(unseen.length - 1, 'other Service')}` : ''}`
  const remedy =
    'Check that it runs, in this cluster and with this configuration, and that it may patch services/status'
  return [failing('operator', countOf(unseen.length, 'Service'), { code: 'ApiForbidden', message, remedy })]
}

function createdAt({ metadata }: ServiceObject): number {
  return Date.parse(metadata.creationTimestamp ?? '')
}
