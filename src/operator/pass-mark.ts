import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'

/** What tells the lines of one pass from those of others. */
export interface PassMark {
  readonly pass: string
}

const marks = new AsyncLocalStorage<PassMark>()

/** Does the work under a mark of its own, which everything that it calls can see: drivers and the API client need not be handed it. */
export function markPass<T>(work: () => Promise<T>): Promise<T> {
  return marks.run({ pass: randomBytes(4).toString('hex') }, work)
}

/** The pass that the caller works for; undefined outside of all passes. */
export function currentPass(): PassMark | undefined {
  return marks.getStore()
}
