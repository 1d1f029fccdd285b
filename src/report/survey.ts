import type { Desired } from '../desired/desire.ts'
import type { Selection } from '../desired/select.ts'
import type { ClassSpec, ClusterState } from '../desired/spec.ts'
import type { ServiceObject } from '../kube/objects.ts'
import type { StatusPatch } from '../kube/status.ts'
import type { Observed, Plan } from '../model/driver.ts'
import type { Problem } from '../model/problems.ts'
import type { FrontendKey } from '../model/table.ts'

/** Form of all that the command line prints for programs. Fields are only ever added under one version. */
export const API_VERSION = 'fairway.dev/cli/v1'

/** What the next pass of the operator would find and do, as seen from here at one moment, without doing any of it. */
export interface Survey {
  /** `cluster` as the configuration names it. */
  readonly cluster: string
  readonly state: ClusterState
  /** Whose each Service is; one that does not concern Fairway has no entry. */
  readonly selections: readonly Selection[]
  readonly classes: readonly ClassSurvey[]
  /** What is not known here, and was assumed. */
  readonly notes: readonly string[]
}

export interface ClassSurvey {
  readonly spec: ClassSpec
  /** Whether it takes Services that name no class. */
  readonly standing: boolean
  readonly desired: Desired
  readonly proxies: readonly ProxySurvey[]
  /** What would be written to Services, each in the order of the pass. */
  readonly writes: readonly ServiceWrite[]
}

export interface ServiceWrite {
  readonly service: ServiceObject
  readonly patch: StatusPatch
}

export interface ProxySurvey {
  readonly name: string
  readonly kind: string
  /** Without a password that the URL may hold. */
  readonly url: string
  /** Undefined: it was not asked, or did not answer. */
  readonly observed: Observed | undefined
  /** Undefined: nothing is to be done, or nothing is known of it. */
  readonly plan: Plan | undefined
  /** Why nothing is known of it. */
  readonly problem: Problem | undefined
  /** Frontends that it does not serve, or would not, and why. */
  readonly refused: ReadonlyMap<FrontendKey, Problem>
  readonly notices: readonly { readonly key: FrontendKey; readonly problem: Problem }[]
  /** Removals that the guard holds back. */
  readonly heldBack: Problem | undefined
}

/** Whether a proxy was asked at all. */
export function isAsked({ observed, problem }: Pick<ProxySurvey, 'observed' | 'problem'>): boolean {
  return observed !== undefined || problem !== undefined
}

/** `caddy https://10.1.0.100:2021` */
export function endpointOf({ kind, url }: Pick<ProxySurvey, 'kind' | 'url'>): string {
  return `${kind} ${url}`
}
