import type { Config, ProxyConfig } from '../config/schema.ts'
import type { ClusterState } from '../desired/spec.ts'
import { drivers } from '../drivers/index.ts'
import { shownUrl } from '../http/endpoint.ts'
import type { ServiceObject } from '../kube/objects.ts'
import { type ServiceWant, statusPatch } from '../kube/status.ts'
import { ALL_ABILITIES, type Capabilities, type Driver, type Observed, type Plan } from '../model/driver.ts'
import { EMPTY_TABLE, frontendKey } from '../model/table.ts'
import { type MakeDriver, startClasses } from '../operator/classes.ts'
import type { ClusterWriter, RunningClass } from '../operator/interfaces.ts'
import { createMemory } from '../operator/memory.ts'
import { runPass } from '../operator/pass.ts'
import type { ProxyResult } from '../operator/program-proxy.ts'
import type { ClassSurvey, ProxySurvey, ServiceWrite, Survey } from '../report/survey.ts'
import { SILENT } from './silent.ts'

export interface SurveyRequest {
  readonly config: Config
  /** UID of the kube-system namespace. */
  readonly uid: string
  readonly state: ClusterState
  readonly notes: readonly string[]
  /** How proxies are read. `empty`: none is asked, and each is taken for one that has nothing. `unasked`: nothing is said of what they have. */
  readonly proxies: MakeDriver | 'empty' | 'unasked'
}

/**
 * Runs the operator's own pass of each class on a picture of the cluster, with drivers that read and never write, and a writer that only notes. What
 * comes of it is what the operator's next pass would do. Throws ConfigInvalid for what only the running parts can know.
 */
export async function takeSurvey(request: SurveyRequest, signal: AbortSignal): Promise<Survey> {
  const { config, uid, state, notes, proxies } = request
  const seen = new Map<string, Seen>()
  const classes = startClasses(config, uid, (asked) => {
    const isReal = typeof proxies === 'function'
    const driver = isReal ? proxies(asked) : emptyDriver(asked.proxy)
    const one: Seen = { observed: undefined, plan: undefined }
    seen.set(keyOf(asked.owner.className, asked.proxy.name), one)
    return readOnly(driver, one)
  })
  try {
    const surveys = await Promise.all(
      classes.map(async (running, index) => {
        const configured = config.classes[index]?.proxies ?? []
        const { survey, results } = await passOver(running, state, signal)
        const views = configured.map((one) => viewOf(one, seen.get(keyOf(running.spec.name, one.name)), results))
        return proxies === 'unasked' ? forget({ ...survey, proxies: views }) : { ...survey, proxies: views }
      }),
    )
    const selections = classes[0] === undefined ? [] : createMemory().deciders(classes[0]).select(state.services)
    return {
      cluster: config.cluster,
      state,
      selections,
      classes: surveys,
      notes: [...notes, ...assumed(config, proxies)],
    }
  } finally {
    await Promise.all(classes.flatMap((one) => one.proxies.map(({ driver }) => driver.close())))
  }
}

/** What a driver has told, and was asked to do. */
interface Seen {
  observed: Observed | undefined
  plan: Plan | undefined
}

function keyOf(className: string, proxy: string): string {
  return `${className}/${proxy}`
}

function readOnly(driver: Driver, seen: Seen): Driver {
  const recall: Driver['recall'] = driver.recall && ((keys) => driver.recall?.(keys))
  return {
    capabilities: driver.capabilities,
    ...(recall === undefined ? {} : { recall }),
    read: async (signal) => {
      seen.observed = await driver.read(signal)
      return seen.observed
    },
    apply: async (plan, signal) => {
      seen.plan = plan
      const told = (await driver.preview?.(plan, signal)) ?? []
      const wanted = new Set(plan.table.frontends.map(frontendKey))
      const standing = plan.observed.refused.filter(({ key }) => wanted.has(key))
      return { refused: [...standing, ...told], wrote: false }
    },
    close: () => driver.close(),
  }
}

interface Passed {
  readonly survey: Omit<ClassSurvey, 'proxies'>
  readonly results: readonly ProxyResult[]
}

async function passOver(running: RunningClass, state: ClusterState, signal: AbortSignal): Promise<Passed> {
  const writes: ServiceWrite[] = []
  const memory = createMemory()
  const view = { services: () => state.services, nodes: () => state.nodes, slicesOf: state.slicesOf }
  const context = { running, view, writer: noteInto(writes), memory, now: Date.now, log: SILENT }
  const { results } = await runPass(context, signal)
  // Remembered from the pass.
  const { select, desire } = memory.deciders(running)
  const desired = desire(select(state.services), state)
  return { survey: { spec: running.spec, standing: running.standing, desired, writes }, results }
}

function noteInto(writes: ServiceWrite[]): ClusterWriter {
  return {
    write: (service: ServiceObject, want: ServiceWant) => {
      const patch = statusPatch(service, want, new Date().toISOString())
      if (patch !== undefined) writes.push({ service, patch })
      return Promise.resolve(true)
    },
    tell: () => undefined,
  }
}

function viewOf({ name, access }: ProxyConfig, seen: Seen | undefined, results: readonly ProxyResult[]): ProxySurvey {
  const result = results.find((one) => one.proxy === name)
  return {
    name,
    kind: access.kind,
    url: shownUrl({ proxy: name, url: access.url }),
    observed: seen?.observed,
    plan: seen?.plan,
    problem: result?.problem,
    refused: result?.refused ?? new Map(),
    notices: result?.notices ?? [],
    heldBack: result?.heldBack,
  }
}

/** Leaves what is known without asking a proxy: what it could not do whatever it has. */
function forget(survey: ClassSurvey): ClassSurvey {
  const nothing = { observed: undefined, plan: undefined, problem: undefined, heldBack: undefined }
  return { ...survey, writes: [], proxies: survey.proxies.map((one) => ({ ...one, ...nothing })) }
}

function emptyDriver({ access }: ProxyConfig): Driver {
  const capabilities: Capabilities = drivers[access.kind].capabilities ?? { TCP: ALL_ABILITIES, UDP: ALL_ABILITIES }
  const lists = { listeners: [], siblings: [], refused: [], notices: [] }
  const observed = {
    revision: '',
    table: EMPTY_TABLE,
    drifted: new Set<string>(),
    trouble: undefined,
    capabilities,
    ...lists,
  }
  return {
    capabilities: drivers[access.kind].capabilities,
    read: () => Promise.resolve(observed),
    apply: () => Promise.resolve({ refused: [], wrote: false }),
    close: () => Promise.resolve(),
  }
}

function assumed(config: Config, proxies: SurveyRequest['proxies']): readonly string[] {
  if (proxies === 'unasked') return ['no proxy was asked']
  if (proxies === 'empty') {
    const unknown = namesOf(config, ({ access }) => drivers[access.kind].capabilities === undefined)
    return [
      'no proxy was asked: each is taken for one that has nothing of ours yet',
      ...(unknown === '' ? [] : [`what ${unknown} can do is not known: everything is assumed`]),
    ]
  }
  const mute = namesOf(config, ({ access }) => access.kind === 'webhook')
  return mute === ''
    ? []
    : [`${mute} does not tell what it has: as after a restart of the operator, all of it would be sent`]
}

function namesOf({ classes }: Config, isMeant: (proxy: ProxyConfig) => boolean): string {
  return [...new Set(classes.flatMap((one) => one.proxies.filter(isMeant).map(({ name }) => name)))].join(', ')
}
