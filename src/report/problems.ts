import { PROGRAMMED_CONDITION } from '../model/names.ts'
import type { Problem } from '../model/problems.ts'
import { compareText, type FrontendKey, frontendKey, serviceName } from '../model/table.ts'
import { type Line, line } from './lines.ts'
import type { ClassSurvey, ProxySurvey, Survey } from './survey.ts'

/** A problem, and what it is about: `Service team-a/web`, `proxy edge-1`. */
export interface Trouble {
  readonly about: string
  /** As on Events and conditions. */
  readonly code: string
  readonly kind: Problem['kind']
  readonly message: string
  readonly remedy: string
}

/** A problem as reports have it. */
export function troubleOf(about: string, { code, kind, message, remedy }: Problem): Trouble {
  return { about, code, kind, message, remedy }
}

/** All problems of a survey, each once: proxies first, since theirs are everybody's, then what the configuration serves, then Services by name. */
export function gatherTroubles({ classes, selections }: Pick<Survey, 'classes' | 'selections'>): readonly Trouble[] {
  const ofProxies = classes.flatMap(({ proxies }) =>
    proxies.flatMap(({ name, problem, observed, heldBack }) =>
      [problem ?? observed?.trouble, heldBack].flatMap((one) =>
        one === undefined ? [] : troubleOf(`proxy ${name}`, one),
      ),
    ),
  )
  const ofFixed = classes.flatMap(({ spec, desired }) =>
    desired.fixedProblems.map((problem) => troubleOf(`class ${spec.name}`, problem)),
  )
  const refused = selections.flatMap((one) =>
    one.kind === 'refused' ? troubleOf(serviceText(one.service.metadata), one.problem) : [],
  )
  const ofServices = classes.flatMap((one) => [...placementTroubles(one), ...frontendTroubles(one)])
  const known = [...refused, ...ofServices]
  const sorted = [...known, ...operatorTroubles(classes, known)].toSorted((a, b) => compareText(a.about, b.about))
  return distinct([...ofProxies, ...ofFixed, ...sorted])
}

/** What the operator says of Services for which nothing was found here: it may know more, as what a proxy answers to a write. */
function operatorTroubles(classes: readonly ClassSurvey[], known: readonly Trouble[]): readonly Trouble[] {
  const told = new Set(known.map(({ about }) => about))
  return classes
    .filter(({ proxies }) => proxies.every(({ problem }) => problem === undefined))
    .flatMap(({ desired }) =>
      desired.placements.flatMap(({ demand: { service } }) => {
        const about = serviceText(service.metadata)
        const said = service.status.conditions.find(({ type }) => type === PROGRAMMED_CONDITION)
        if (said?.status !== 'False' || told.has(about)) return []
        const { reason: code, lastTransitionTime, message } = said
        return [
          {
            about,
            code,
            kind: 'transient',
            message: `The operator says since ${lastTransitionTime}: ${message}`,
            remedy: OPERATOR_REMEDY,
          },
        ]
      }),
    )
}

const OPERATOR_REMEDY = "Do what it says there; if that is done, wait some seconds, and then look at the operator's log"

/** The problems of one Service, with those of the proxies that shall serve it left to `gatherTroubles`. */
export function troublesAbout(survey: Survey, name: string): readonly Trouble[] {
  return gatherTroubles(survey).filter(({ about }) => about === `Service ${name}`)
}

function placementTroubles({ desired }: ClassSurvey): readonly Trouble[] {
  return desired.placements.flatMap(({ demand: { service } }) =>
    (desired.problems.get(service.metadata.uid) ?? []).map(({ problem }) =>
      troubleOf(serviceText(service.metadata), problem),
    ),
  )
}

function frontendTroubles({ desired, proxies, spec }: ClassSurvey): readonly Trouble[] {
  const told = proxies.flatMap(complaintsOf)
  if (told.length === 0) return []
  const owners = ownersOf({ desired })
  return told.map(({ key, problem }) => troubleOf(owners.get(key) ?? `class ${spec.name}`, problem))
}

function complaintsOf({ refused, notices }: ProxySurvey): ProxySurvey['notices'] {
  return [...Array.from(refused, ([key, problem]) => ({ key, problem })), ...notices]
}

/** Whose each frontend is: of a Service, or of the configuration. */
function ownersOf({ desired }: Pick<ClassSurvey, 'desired'>): ReadonlyMap<FrontendKey, string> {
  const wanted = desired.table.frontends.map(
    (one) => [frontendKey(one), one.service === undefined ? 'the configuration' : serviceText(one.service)] as const,
  )
  const given = desired.placements.flatMap(({ addresses, ports, demand }) =>
    addresses.flatMap((address) =>
      ports.map((port) => [frontendKey({ address, ...port }), serviceText(demand.service.metadata)] as const),
    ),
  )
  return new Map([...given, ...wanted])
}

function serviceText(service: { readonly namespace: string; readonly name: string }): string {
  return `Service ${serviceName(service)}`
}

function distinct(troubles: readonly Trouble[]): readonly Trouble[] {
  return [...new Map(troubles.map((one) => [`${one.about} ${one.message}. ${one.remedy}`, one])).values()]
}

/** A paragraph that says what is wrong and what to do; nothing when all is well. */
export function troubleLines(troubles: readonly Trouble[], most = Number.POSITIVE_INFINITY): readonly Line[] {
  if (troubles.length === 0) return []
  const shown = troubles
    .slice(0, most)
    .flatMap(({ about, code, message, remedy }) => [
      line(`  ${about}: ${code}`, 'bad'),
      line(`    ${message}`),
      line(`    → ${remedy}`),
    ])
  const rest = troubles.length - most
  return [
    line(`Problems: ${troubles.length}`, 'title'),
    ...shown,
    ...(rest > 0 ? [line(`  … and ${rest} more (-o json has all)`, 'faint')] : []),
  ]
}
