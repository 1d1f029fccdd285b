import { createHash } from 'node:crypto'
import type { z } from 'zod'
import type { Refusal } from '../../model/driver.ts'
import { frontendSchema, groupId, targetSchema } from '../../model/edge-wire.ts'
import type { Problem } from '../../model/problems.ts'
import { type Frontend, frontendKey, makeTable, type Table, type Target, type TargetGroup } from '../../model/table.ts'

/** A table as the edge's API can say it. */
export interface Sayable {
  readonly table: Table
  /** Frontends that are not in it. */
  readonly refused: readonly Refusal[]
}

interface SayableGroup {
  readonly group: TargetGroup
  /** One that is no target. */
  readonly bad: Target | undefined
}

/**
 * Makes the function that puts tables into words of the edge's API, which refuses a request whole for one word that it does not know. It looks at each
 * frontend and each group once, for as long as they are the same objects.
 */
export function createSpeaker(proxy: string): (table: Table) => Sayable {
  const frontends = new WeakMap<Frontend, { readonly problem: Problem | undefined }>()
  const groups = new WeakMap<TargetGroup, SayableGroup>()
  const problemOf = (frontend: Frontend): Problem | undefined => {
    const known = frontends.get(frontend) ?? { problem: findUnsayable(frontend, proxy) }
    frontends.set(frontend, known)
    return known.problem
  }
  const say = (group: TargetGroup): SayableGroup => {
    const said = groups.get(group) ?? sayGroup(group)
    groups.set(group, said)
    return said
  }
  return (table) => {
    const said = new Map(table.groups.map((group) => [group.id, say(group)]))
    const refused: Refusal[] = []
    const all = table.frontends.flatMap((frontend) => {
      const { bad, group } = said.get(frontend.group) ?? { bad: undefined, group: undefined }
      const problem = bad === undefined ? problemOf(frontend) : badTarget(frontend, bad, proxy)
      if (problem !== undefined) refused.push({ key: frontendKey(frontend), problem })
      if (problem !== undefined) return []
      return group === undefined || group.id === frontend.group ? frontend : { ...frontend, group: group.id }
    })
    const used = [...said.values()].flatMap(({ bad, group }) => (bad === undefined ? group : []))
    return { table: makeTable(all, used), refused }
  }
}

/** What a group is called is ours alone, and may hold any text that somebody put into a selector. Names of targets are for people. */
function sayGroup({ id, targets }: TargetGroup): SayableGroup {
  const bad = targets.find((target) => !targetSchema.safeParse({ ...target, name: '' }).success)
  const named = targets.map((one) => (targetSchema.safeParse(one).success ? one : { ...one, name: '' }))
  // The edge takes no target twice.
  const byPlace = new Map(named.map((one) => [`${one.address} ${one.port ?? ''}`, one]))
  return { group: { id: sayId(id), targets: [...byPlace.values()] }, bad }
}

function sayId(id: string): string {
  return groupId.safeParse(id).success ? id : `sha256/${createHash('sha256').update(id).digest('hex')}`
}

function findUnsayable(frontend: Frontend, proxy: string): Problem | undefined {
  const { error } = frontendSchema.safeParse({ ...frontend, group: sayId(frontend.group) })
  return error === undefined ? undefined : unsayable(frontend, error, proxy)
}

const ADDRESSES: ReadonlySet<unknown> = new Set(['address', 'port', 'targetPort', 'sourceRanges'])

function unsayable(frontend: Frontend, { issues: [issue] }: z.ZodError, proxy: string): Problem {
  const place = issue?.path.join('.') ?? ''
  const message = `${shown(frontendKey(frontend))} is nothing that proxy ${proxy} may be given: ${place} ${issue?.message}`
  const code = ADDRESSES.has(issue?.path[0]) ? 'AddressInvalid' : 'AnnotationInvalid'
  return { code, kind: 'terminal', message, remedy: 'Correct the Service that it comes from' }
}

function badTarget(frontend: Frontend, { address }: Target, proxy: string): Problem {
  const target = JSON.stringify(address).slice(0, 80)
  const message = `target ${target} of ${shown(frontendKey(frontend))} is no address that proxy ${proxy} may be given`
  const remedy = 'Correct the address of the node or endpoint that it comes from'
  return { code: 'TargetRefused', kind: 'terminal', message, remedy }
}

function shown(key: string): string {
  return key.length > 200 ? `${key.slice(0, 200)}…` : key
}
