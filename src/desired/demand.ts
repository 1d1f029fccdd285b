import type { ServiceObject, ServicePort } from '../kube/objects.ts'
import type { Family } from '../model/address.ts'
import type { Problem, ProblemCode } from '../model/problems.ts'
import { type Protocol, serviceName } from '../model/table.ts'
import type { Sharing } from './annotation-values.ts'
import type { AllocationRecord } from './record.ts'

/** A problem of one Service; `port` (`443/TCP`) where it concerns one of its ports only. */
export interface ServiceProblem {
  readonly problem: Problem
  readonly port: string | undefined
}

export interface PortDemand {
  readonly servicePort: ServicePort
  /** Of the frontend. */
  readonly port: number
  readonly protocol: Protocol
  /** Server names, sorted; empty: all that no other takes. */
  readonly hosts: readonly string[]
  /** Undefined: it has none, and its pods are to be the targets. */
  readonly nodePort: number | undefined
  /** `443/TCP` */
  readonly text: string
}

/** What one Service asks of the address pools. */
export interface Demand {
  readonly service: ServiceObject
  /** Wanted addresses, canonical; empty: any. */
  readonly addresses: readonly string[]
  readonly pool: string | undefined
  /** In order of preference. */
  readonly families: readonly Family[]
  /** Whether one of several families is enough. */
  readonly degradable: boolean
  readonly sharing: Sharing
  readonly ports: readonly PortDemand[]
  /** What it holds of this class's pools; undefined: nothing. */
  readonly record: AllocationRecord | undefined
  /** Asks for what is recorded and nothing else: its wishes cannot be read. */
  readonly frozen: boolean
  readonly problems: readonly ServiceProblem[]
}

/** What a Service has and still asks for. */
export interface Kept {
  readonly addresses: readonly string[]
  /** With the hosts that it has, in the order in which they are asked for. */
  readonly ports: readonly PortDemand[]
}

/** A problem of a Service as a value; the message begins with the Service's name. */
export function serviceProblem(
  service: ServiceObject,
  code: ProblemCode,
  what: string,
  remedy: string,
  port?: string,
): ServiceProblem {
  const kind = code === 'Unsupported' || code === 'ProtocolUnsupported' ? 'unsupported' : 'terminal'
  return { port, problem: { code, kind, message: `Service ${serviceName(service.metadata)} ${what}`, remedy } }
}
