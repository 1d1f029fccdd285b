import { isDeepStrictEqual } from 'node:util'
import { fieldOf, isObject } from '../../model/json.ts'
import { FairwayError } from '../../model/problems.ts'
import { isNameOf, parseServerKey, type ServerName } from '../../model/server-names.ts'
import { type FrontendKey, frontendKey, type Owner } from '../../model/table.ts'
import { backendsOf, type Route } from './backends.ts'
import { ownerConflict } from './errors.ts'
import { defaultsName, type Holder, parseBackendName, parseDefaultsName } from './names.ts'
import type { DataplaneOptions } from './options.ts'
import { renderDefaults } from './render-backend.ts'
import { renderSocket } from './render-frontend.ts'
import { readRoutes } from './routes.ts'
import { byName, KINDS, type Kind, type Section, type Sections } from './sections.ts'

/** A frontend of ours as the proxy has it. */
export interface Entry {
  readonly key: FrontendKey
  /** Undefined: its mark is gone or is none of ours. */
  readonly route: Route | undefined
  /** Whether it is not as we write it: edited by hand, or bound elsewhere by now. */
  readonly drifted: boolean
}

/** A section that listens on one address and port for frontends of ours. */
export interface OwnedSocket {
  readonly name: ServerName
  readonly section: Section
  readonly entries: readonly Entry[]
}

/** All that one class of our cluster has on a proxy. */
export interface Estate {
  readonly holder: Holder
  readonly sections: Sections
  readonly sockets: readonly OwnedSocket[]
}

/** What is ours on a proxy, and what other classes of our cluster have there. All else is somebody's. */
export interface Estates {
  readonly ours: Estate
  readonly siblings: readonly Estate[]
}

/** A section whose name says whose it is. */
interface Found {
  readonly kind: Kind
  readonly section: Section
  readonly holder: Holder
}

/** A section that bears our name. */
export interface NamedSection {
  readonly kind: Kind
  readonly section: Section
  /** Of the cluster that has marked it; undefined: its mark is gone. */
  readonly uid: string | undefined
}

/**
 * Sorts out whose each section is.
 *
 * | its name         | UID of its mark  | it is                                             |
 * | ---------------- | ---------------- | ------------------------------------------------- |
 * | ours             | ours             | ours                                              |
 * | ours             | another          | a copied configuration: the whole read is refused |
 * | ours             | none             | ours by name, edited                              |
 * | of another class | ours             | a sibling's                                       |
 * | anything else    | whatever         | somebody's                                        |
 */
export function readEstates(options: DataplaneOptions, sections: Sections): Estates {
  const { owner } = options
  const found = findAll(sections)
  const ours = found.filter((one) => isNamed(owner, one))
  for (const { section } of ours) {
    const uid = uidOf(section)
    if (uid !== undefined && uid !== owner.uid) {
      throw new FairwayError(ownerConflict(options, section.name, owner, uid))
    }
  }
  const others = found.filter(
    ({ holder, section }) =>
      holder.cluster === owner.cluster && holder.className !== owner.className && uidOf(section) === owner.uid,
  )
  return {
    ours: estateOf(options, owner, ours),
    siblings: [...Map.groupBy(others, ({ holder }) => holder.className)].map(([className, all]) =>
      estateOf(options, { cluster: owner.cluster, className }, all),
    ),
  }
}

/** The sections that bear our name, whoever has marked them. */
export function findNamed(owner: Owner, sections: Sections): readonly NamedSection[] {
  const named = findAll(sections).filter((one) => isNamed(owner, one))
  return named.map(({ kind, section }) => ({ kind, section, uid: uidOf(section) }))
}

/** The section with another UID in its mark, and nothing else changed. */
export function markAnew(section: Section, uid: string): Section {
  const [metadata, mark] = [section['metadata'], markOf(section)]
  return { ...section, metadata: { ...asObject(metadata), fairway: { ...asObject(mark), uid } } }
}

function asObject(value: unknown): object {
  return isObject(value) ? value : {}
}

/** How many frontends a section listens for; one that cannot be read is for one. */
export function countFrontends(section: Section, backends: Sections['backends']): number {
  const name = parseServerKey(section.name)
  return name === undefined
    ? 0
    : Math.max(readRoutes(name, fieldOf(markOf(section), 'routes'), backends)?.length ?? 1, 1)
}

const NOWHERE = { protocol: 'TCP', address: '', port: 0 } as const

function findAll(sections: Sections): readonly Found[] {
  return KINDS.flatMap((kind) => [...sections[kind].values()].flatMap((one) => findHolder(kind, one)))
}

function isNamed(owner: Owner, { holder }: Found): boolean {
  return isNameOf(owner, { ...holder, ...NOWHERE })
}

function findHolder(kind: Kind, section: Section): readonly Found[] {
  const holder = PARSERS[kind](section.name)
  return holder === undefined ? [] : [{ kind, section, holder }]
}

const PARSERS: Readonly<Record<Kind, (name: string) => Holder | undefined>> = {
  defaults: parseDefaultsName,
  backends: parseBackendName,
  frontends: parseServerKey,
}

function markOf(section: Section): unknown {
  return fieldOf(section['metadata'], 'fairway')
}

function uidOf(section: Section): string | undefined {
  const uid = fieldOf(markOf(section), 'uid')
  return typeof uid === 'string' ? uid : undefined
}

function estateOf(options: DataplaneOptions, holder: Holder, found: readonly Found[]): Estate {
  const of = (kind: Kind) => byName(found.flatMap((one) => (one.kind === kind ? one.section : [])))
  const sections = { defaults: of('defaults'), backends: of('backends'), frontends: of('frontends') }
  const sockets = [...sections.frontends.values()].flatMap((section): readonly OwnedSocket[] => {
    const name = parseServerKey(section.name)
    return name === undefined ? [] : [readSocket(options, sections, name, section)]
  })
  return { holder: { cluster: holder.cluster, className: holder.className }, sections, sockets }
}

/** Reads a socket back as the frontends that it was written for: what they would be written as again is compared with what is there. */
function readSocket(options: DataplaneOptions, sections: Sections, name: ServerName, section: Section): OwnedSocket {
  const routes = readRoutes(name, fieldOf(markOf(section), 'routes'), sections.backends)
  const [first, ...more] = routes ?? []
  if (first === undefined) {
    const key = frontendKey({ ...name, hosts: [] })
    return { name, section, entries: [{ key, route: undefined, drifted: true }] }
  }
  const owner = { ...options.owner, className: name.className }
  const context = { uid: owner.uid, from: defaultsName(owner) }
  const isBased = isDeepStrictEqual(renderDefaults(context), sections.defaults.get(context.from))
  const isAsWritten =
    isBased && isDeepStrictEqual(renderSocket({ owner, listen: options.listen }, [first, ...more]), section)
  const entries = [first, ...more].map((route): Entry => {
    const needed = backendsOf(context, route)
    const served = needed.every((one) => isDeepStrictEqual(sections.backends.get(one.name), one.section))
    return { key: frontendKey(route.frontend), route, drifted: !(isAsWritten && served) }
  })
  return { name, section, entries }
}
