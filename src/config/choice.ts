import * as z from 'zod'

/**
 * The value of the one key that is there, of several that exclude each other (by key, undefined where absent). None of them is an issue of what
 * should hold it, a second one an issue of that key; both name all keys.
 */
export function chooseOne<T>(choices: Readonly<Record<string, T | undefined>>, context: z.RefinementCtx): T {
  const keys = Object.keys(choices).join(', ')
  const [one, another] = Object.entries(choices).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value }],
  )
  if (one === undefined) {
    context.addIssue({ code: 'custom', message: `needs one of the keys: ${keys}` })
    return z.NEVER
  }
  if (another !== undefined) {
    const message = `cannot stand beside ${one.key}; give one of the keys: ${keys}`
    context.addIssue({ code: 'custom', path: [another.key], message })
  }
  return one.value
}
