import * as z from 'zod'
import { frontendSchema, groupId, tableAnswerSchema, targetSchema } from './edge-wire.ts'
import { isObject } from './json.ts'
import { type Frontend, type FrontendKey, frontendKey, type Table, type Target, type TargetGroup } from './table.ts'

/**
 * A table as another version may have kept it. Fields that this version does not know are left out, and where they were is told: see decision 17 on who may
 * do without them.
 */
export interface HeardTable extends Table {
  /** Frontends that say more than is known here, or lead to targets that do. Those whose values are not even known are not among `frontends`. */
  readonly foreign: ReadonlySet<FrontendKey>
  /** Ids of groups that say more than is known here. */
  readonly foreignGroups: ReadonlySet<string>
}

/** What names a frontend, whatever else it says. */
const nameSchema = z.object({
  address: frontendSchema.def.in.shape.address,
  port: frontendSchema.def.in.shape.port,
  protocol: frontendSchema.def.in.shape.protocol,
  hosts: frontendSchema.def.in.shape.hosts,
})
const placeSchema = z.object(targetSchema.shape).pick({ address: true, port: true })
const listsSchema = z.object({
  frontends: z.array(z.unknown()),
  groups: z.array(z.object({ id: groupId, targets: z.array(z.unknown()) })),
})

/** Something that was read, and whether all of it is known. */
interface Heard<T> {
  readonly value: T
  readonly whole: boolean
}

/** The content of a table that this version did not write itself. */
export const heardTableSchema = listsSchema.transform((lists, context): HeardTable => {
  const groups = lists.groups.map(({ id, targets }) => hearGroup(id, targets))
  const foreignGroups = new Set(groups.flatMap(({ value, whole }) => (whole ? [] : value.id)))
  const frontends: Frontend[] = []
  const foreign = new Set<FrontendKey>()
  for (const [index, one] of lists.frontends.entries()) {
    const heard = hear(frontendSchema, one)
    const key = heard === undefined ? nameOf(one) : frontendKey(heard.value)
    if (key === undefined) {
      context.addIssue({ code: 'custom', path: ['frontends', index], message: 'is no frontend' })
      return z.NEVER
    }
    if (heard !== undefined) frontends.push(heard.value)
    if (heard?.whole !== true || foreignGroups.has(heard.value.group)) foreign.add(key)
  }
  return { frontends, groups: groups.map(({ value }) => value), foreign, foreignGroups }
})

/** The answer to GET, as an operator hears it. */
export const heardAnswerSchema = tableAnswerSchema.extend({ table: heardTableSchema.exactOptional() })

function nameOf(value: unknown): FrontendKey | undefined {
  const name = nameSchema.safeParse(value).data
  return name && frontendKey(name)
}

function hearGroup(id: string, values: readonly unknown[]): Heard<TargetGroup> {
  const targets = values.flatMap((value): Heard<Target> | [] => {
    const heard = hear(targetSchema, value)
    if (heard !== undefined) return heard
    const place = placeSchema.safeParse(value).data
    return place === undefined ? [] : { value: { ...place, name: '' }, whole: false }
  })
  const whole = targets.length === values.length && targets.every((one) => one.whole)
  return { value: { id, targets: targets.map(({ value }) => value) }, whole }
}

/** Undefined where more is wrong with a value than that it says too much. */
function hear<T>(schema: z.ZodType<T>, value: unknown): Heard<T> | undefined {
  const { data, error } = schema.safeParse(value)
  if (error === undefined) return { value: data, whole: true }
  const known = error.issues.reduce<unknown>(
    (rest, issue) => (issue.code === 'unrecognized_keys' ? withoutKeys(rest, issue.path, issue.keys) : rest),
    value,
  )
  const again = schema.safeParse(known)
  return again.success ? { value: again.data, whole: false } : undefined
}

/** An object without some keys of an object inside it. */
function withoutKeys(value: unknown, [step, ...path]: readonly PropertyKey[], keys: readonly string[]): unknown {
  if (!isObject(value)) return value
  if (step === undefined) return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)))
  return { ...value, [step]: withoutKeys(value[String(step)], path, keys) }
}
