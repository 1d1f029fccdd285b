import type { Desired } from '../desired/desire.ts'
import type { Selection } from '../desired/select.ts'
import type { ClassSpec } from '../desired/spec.ts'
import type { NodeObject } from '../kube/objects.ts'
import type { Driver, Observed, Plan, Refusal } from '../model/driver.ts'
import type { Problem } from '../model/problems.ts'
import type { FrontendKey } from '../model/table.ts'
import type { ChangeView } from '../model/view.ts'
import type { MakeDriver } from './classes.ts'
import type { ClusterView, RunningClass } from './interfaces.ts'
import type { PassResult } from './pass.ts'
import type { ProxyResult } from './program-proxy.ts'
import { type Seen, type Written, watchDriver } from './watched-driver.ts'

/** Writes that are remembered. */
const MOST_CHANGES = 50

/** What the last pass of a class made of the cluster and its proxies. */
export interface ClassKnowledge {
  readonly spec: ClassSpec
  readonly standing: boolean
  readonly desired: Desired
  readonly selections: readonly Selection[]
  readonly nodes: readonly NodeObject[]
  readonly proxies: readonly ProxyKnowledge[]
  /** Epoch milliseconds. */
  readonly endedAtMs: number
}

/** What is known of a proxy after a pass. */
export interface ProxyKnowledge {
  readonly name: string
  readonly endpoint: string
  /** As it is now, with what was written; undefined: it did not answer. */
  readonly observed: Observed | undefined
  /** What was to be written and was not. */
  readonly plan: Plan | undefined
  readonly problem: Problem | undefined
  readonly refused: ReadonlyMap<FrontendKey, Problem>
  readonly notices: readonly Refusal[]
  readonly heldBack: Problem | undefined
}

/** What an operator learns and does, as it happens. */
export interface OperatorObserver {
  /** Other classes run from now on. */
  configured(classes: readonly RunningClass[]): void
  /** A pass of a class has ended. */
  passed(running: RunningClass, result: PassResult, view: ClusterView): void
}

export interface Knowledge extends OperatorObserver {
  /** Changes whenever anything of it may be another. */
  readonly version: number
  /** Whether the operator does its work: a follower does not. */
  readonly isRunning: boolean
  /** Of the classes that have ended a pass, in the order of the configuration. */
  classes(): readonly ClassKnowledge[]
  /** The newest first. */
  changes(): readonly ChangeView[]
  /** Has the drivers remember what their proxies answer. */
  watch(makeDriver: MakeDriver): MakeDriver
}

/** Remembers what the passes found and wrote. `now` is epoch milliseconds. */
export function createKnowledge(now: () => number): Knowledge {
  let version = 0
  let names: readonly string[] = []
  const known = new Map<string, ClassKnowledge>()
  const seen = new WeakMap<Driver, Seen>()
  const journal = createJournal()
  return {
    get version() {
      return version
    },
    get isRunning() {
      return names.length > 0
    },
    configured: (classes) => {
      names = classes.map(({ spec }) => spec.name)
      for (const name of known.keys()) if (!names.includes(name)) known.delete(name)
      version++
    },
    passed: (running, { desired, selections, results }, view) => {
      const { spec, standing } = running
      const proxies = running.proxies.map(({ name, endpoint, driver }) => {
        const result = results.find((one) => one.proxy === name)
        return { name, endpoint, ...outcomeOf(result), ...reached(seen.get(driver), result) }
      })
      known.set(spec.name, { spec, standing, desired, selections, nodes: view.nodes(), proxies, endedAtMs: now() })
      version++
    },
    classes: () => names.flatMap((name) => known.get(name) ?? []),
    changes: () => journal.changes,
    watch: (makeDriver) => (request) => {
      const one: Seen = { observed: undefined, plan: undefined }
      const about = { className: request.owner.className, proxy: request.proxy.name }
      const tell = (change: Written) => {
        if (journal.note({ ...about, ...change })) version++
      }
      const driver = watchDriver(makeDriver(request), one, tell, now)
      seen.set(driver, one)
      return driver
    },
  }
}

interface Journal {
  readonly changes: readonly ChangeView[]
  /** Returns whether it is news: what fails again, at each pass, is one change. */
  note(change: Omit<ChangeView, 'id'>): boolean
}

function createJournal(): Journal {
  const changes: ChangeView[] = []
  let count = 0
  return {
    changes,
    note: (change) => {
      const before = changes.find(({ className, proxy }) => className === change.className && proxy === change.proxy)
      if (before !== undefined && isRepeated(change, before)) return false
      changes.unshift({ id: ++count, ...change })
      changes.length = Math.min(changes.length, MOST_CHANGES)
      return true
    },
  }
}

function isRepeated({ failure, lines }: Omit<ChangeView, 'id'>, before: ChangeView): boolean {
  return failure !== undefined && failure === before.failure && lines.join('\n') === before.lines.join('\n')
}

type Outcome = Pick<ProxyKnowledge, 'problem' | 'refused' | 'notices' | 'heldBack'>

function outcomeOf(result: ProxyResult | undefined): Outcome {
  return {
    problem: result?.problem,
    refused: result?.refused ?? new Map(),
    notices: result?.notices ?? [],
    heldBack: result?.heldBack,
  }
}

/** A proxy with a problem that was read all the same is away only where nothing else is known of it. */
function reached(seen: Seen | undefined, result: ProxyResult | undefined): Pick<ProxyKnowledge, 'observed' | 'plan'> {
  if (result?.problem?.code === 'ProxyUnreachable') return { observed: undefined, plan: undefined }
  return { observed: seen?.observed, plan: seen?.plan }
}
