/** A section of the configuration with all that is in it, as the API gives it with `full_section` and takes it back. */
export interface Section {
  readonly name: string
  readonly [key: string]: unknown
}

/** The kinds of sections that the driver writes; each is a path of the API. */
export const KINDS = ['defaults', 'backends', 'frontends'] as const
export type Kind = (typeof KINDS)[number]

/** By kind and name. */
export type Sections = Readonly<Record<Kind, ReadonlyMap<string, Section>>>

/** The marks on a section: a comment in JSON behind its name, `metadata` in the API. */
export interface Mark {
  readonly uid: string
  /** On frontends: what `readRoutes` reads. */
  readonly routes?: readonly object[]
}

/** As `metadata` of a section. */
export function metadataOf(mark: Mark): { readonly fairway: Mark } {
  return { fairway: mark }
}

/** Collects sections, or the like, by name. */
export function byName<T extends { readonly name: string }>(all: Iterable<T>): ReadonlyMap<string, T> {
  return new Map(Array.from(all, (one) => [one.name, one]))
}
