import * as z from 'zod'
import type { Sibling } from '../../model/driver.ts'
import { writeAnswerSchema } from '../../model/edge-wire.ts'
import type { EdgeClient } from './client.ts'
import type { EdgeOptions } from './options.ts'
import { parse, type Snapshot, tablePath } from './read.ts'

const goneSchema = z.object({})

/** Removes frontends from tables of our cluster's other classes, and a table with its last one. Each as it was read: a change since then is a lost race. */
export async function removeStrays(
  client: EdgeClient,
  options: EdgeOptions,
  others: Snapshot['others'],
  strays: readonly Sibling[],
  signal: AbortSignal,
): Promise<void> {
  const { owner, epoch } = options
  for (const [className, some] of Map.groupBy(strays, (stray) => stray.className)) {
    const other = others.find((one) => one.class === className)
    if (other === undefined) continue
    const gone = new Set(some.map(({ key }) => key))
    const remove = other.keys.filter((key) => gone.has(key))
    const path = tablePath({ ...owner, className })
    if (remove.length === other.keys.length) {
      const query = new URLSearchParams({ uid: owner.uid, epoch: String(epoch) })
      const answer = await client.write('DELETE', `${path}?${query.toString()}`, other.generation, undefined, signal)
      parse(options, goneSchema, answer)
    } else {
      const body = { uid: owner.uid, epoch, frontends: { remove } }
      parse(options, writeAnswerSchema, await client.write('PATCH', path, other.generation, body, signal))
    }
  }
}
