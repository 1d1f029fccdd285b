/** The proxy of the demo, outside the cluster. */
import type { Lab } from '../lab/lab.ts'

export const CLUSTER = 'demo'
export const NAME = 'edge-1'

export interface DemoProxy {
  /** The configuration of an operator outside the cluster, and of one in it. */
  readonly config: { readonly outside: object; readonly inside: object }
  /** Values of the chart beside `config`. */
  readonly values: Readonly<Record<string, unknown>>
  /** What its program, as Debian has it, can send. */
  readonly proxyProtocol: 'v1' | 'v2'
  /** Says what it listens on and where that leads; gives the lines. */
  show(signal: AbortSignal): Promise<readonly string[]>
  /** Whether a node gets connections. */
  leadsTo(node: string, signal: AbortSignal): Promise<boolean>
  /** What else there is to look at, each line a command for a shell. */
  readonly looks: readonly string[]
}

export interface ProxyKind {
  /** For `--help`. */
  readonly what: string
  /** What takes long: done while other things are built. */
  prepare(signal: AbortSignal): Promise<void>
  start(lab: Lab, signal: AbortSignal): Promise<DemoProxy>
}

/** One class, one pool, one proxy. */
export function configOf(access: object): object {
  return {
    cluster: CLUSTER,
    classes: [
      {
        name: 'public',
        pools: [{ name: 'main', addresses: ['203.0.113.10-203.0.113.20'] }],
        proxies: [{ name: NAME, ...access }],
      },
    ],
  }
}
