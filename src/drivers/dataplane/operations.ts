import { isDeepStrictEqual } from 'node:util'
import type { WriteMethod } from './client.ts'
import { KINDS, type Kind, type Section, type Sections } from './sections.ts'

/** One request of a transaction. */
export interface Operation {
  readonly method: WriteMethod
  readonly kind: Kind
  /** Undefined: of a new section, which is named in the body. */
  readonly name: string | undefined
  readonly body: Section | undefined
}

/** What turns some sections into others. What refers to a section goes before it and comes after it. */
export function operationsOf(stored: Sections, wanted: Sections): readonly Operation[] {
  const gone = KINDS.toReversed().flatMap((kind) =>
    [...stored[kind].keys()]
      .filter((name) => !wanted[kind].has(name))
      .map((name): Operation => ({ method: 'DELETE', kind, name, body: undefined })),
  )
  const written = KINDS.flatMap((kind) =>
    [...wanted[kind].values()].flatMap((body): readonly Operation[] => {
      const before = stored[kind].get(body.name)
      if (before === undefined) return [{ method: 'POST', kind, name: undefined, body }]
      return isDeepStrictEqual(before, body) ? [] : [{ method: 'PUT', kind, name: body.name, body }]
    }),
  )
  return [...gone, ...written]
}

/** Its path, inside a transaction. */
export function pathOf({ method, kind, name }: Operation, transaction: string): string {
  const query = new URLSearchParams({ transaction_id: transaction })
  if (method !== 'DELETE') query.set('full_section', 'true')
  return `/configuration/${kind}${name === undefined ? '' : `/${name}`}?${query.toString()}`
}
