import type { ClassRule } from '../desired/select.ts'
import type { ClassSpec, ServiceId } from '../desired/spec.ts'
import type { EndpointSliceObject, NodeObject, ServiceObject } from '../kube/objects.ts'
import type { ServiceWant } from '../kube/status.ts'
import type { Driver } from '../model/driver.ts'
import type { GuardLimits } from '../plan/guard.ts'
import type { Evidence } from './evidence.ts'

/** What a pass reads of the cluster: caches, never the API. */
export interface ClusterView {
  services(): readonly ServiceObject[]
  nodes(): readonly NodeObject[]
  slicesOf(service: ServiceId): readonly EndpointSliceObject[]
}

export interface ServiceEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

/** What a pass writes to the cluster. */
export interface ClusterWriter {
  /**
   * Brings a Service's status, finalizers and annotations of ours to what is wanted; writes nothing when they are there already. Resolves to
   * false when the Service is gone or was recreated. Rejects with a FairwayError when the API server refuses or cannot be reached.
   */
  write(service: ServiceObject, want: ServiceWant, signal: AbortSignal): Promise<boolean>
  /** Tells about a Service. Never fails: an Event that cannot be written is logged. */
  tell(service: ServiceObject, event: ServiceEvent): void
}

/** One proxy of a class. */
export interface Proxy {
  readonly name: string
  /** What it is reached by, driver and URL: `caddy https://10.1.0.100:2021`. */
  readonly endpoint: string
  /** Names of the classes of the configuration that use this very proxy, its own among them. */
  readonly usedBy: ReadonlySet<string>
  readonly driver: Driver
}

/** A class as it runs: what it wants, and the proxies that shall have it. */
export interface RunningClass {
  readonly spec: ClassSpec
  /** Stands for Services that name no class, so it bears the finalizer of a cloud controller. */
  readonly standing: boolean
  readonly proxies: readonly Proxy[]
  /** All classes of the configuration, this one among them. */
  readonly rules: readonly ClassRule[]
  /** Whether this class also speaks for Services that belong to none: exactly one class does. */
  readonly speaksForStrays: boolean
  readonly guard: GuardLimits
  /** One for all classes of the configuration. */
  readonly evidence: Evidence
  readonly cleanupPatienceMs: number
}

/** What a log needs of pino's. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(fields: Record<string, unknown>): Log
  /** Whether lines of a level are written at all: what is dear to say is asked first. */
  isLevelEnabled(level: 'debug'): boolean
}
