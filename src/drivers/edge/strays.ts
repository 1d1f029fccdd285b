import type { Sibling } from '../../model/driver.ts'
import { writeAnswerSchema } from '../../model/edge-wire.ts'
import type { EdgeClient } from './client.ts'
import type { EdgeOptions } from './options.ts'
import { parse, type Snapshot, tablePath } from './read.ts'

/** Removes frontends from tables of our cluster's other classes, and a table with its last one. Resolves to whether there were any. */
export async function removeStrays(
  client: EdgeClient,
  options: EdgeOptions,
  { others }: Snapshot,
  strays: readonly Sibling[],
  signal: AbortSignal,
): Promise<boolean> {
  const { owner, epoch } = options
  for (const [className, some] of Map.groupBy(strays, (stray) => stray.className)) {
    const other = others.find((one) => one.class === className)
    if (other === undefined) continue
    const remove = some.map(({ key }) => key)
    const path = tablePath({ ...owner, className })
    if (other.keys.every((key) => remove.includes(key))) {
      const query = new URLSearchParams({ uid: owner.uid, epoch: String(epoch) })
      const answer = await client.write('DELETE', `${path}?${query.toString()}`, other.generation, undefined, signal)
      if (answer.status !== 204) parse(options, writeAnswerSchema, answer.status, answer.body)
    } else {
      const body = { uid: owner.uid, epoch, frontends: { remove } }
      const answer = await client.write('PATCH', path, other.generation, body, signal)
      parse(options, writeAnswerSchema, answer.status, answer.body)
    }
  }
  return strays.length > 0
}
