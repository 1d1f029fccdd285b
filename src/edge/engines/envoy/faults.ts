import * as z from 'zod'
import { shorten } from '../common/sentences.ts'
import type { Admin } from './admin.ts'
import { OURS } from './blueprint.ts'

/** Those that Envoy serves bear no error. The mask keeps the answer small. */
const QUERY = '/config_dump?resource=dynamic_listeners&mask=name,error_state.details'

const answer = z.object({
  configs: z
    .array(
      z.object({ name: z.string().optional(), error_state: z.object({ details: z.string().optional() }).optional() }),
    )
    .default([]),
})

/** What Envoy has against listeners of the last file, by their names. */
export async function readFaults(admin: Admin, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  return parseFaults(await admin.get(QUERY, signal))
}

/** Reads an answer of `/config_dump`: what Envoy has against listeners of ours, on one line and not longer than an Event can carry. */
export function parseFaults(text: string): ReadonlyMap<string, string> {
  const { configs } = answer.parse(JSON.parse(text))
  return new Map(
    configs.flatMap(({ name = '', error_state }) =>
      error_state === undefined || !name.startsWith(OURS)
        ? []
        : [[name, sentenceOf(error_state.details ?? '')] as const],
    ),
  )
}

function sentenceOf(details: string): string {
  return shorten(details.replaceAll(/\s+/g, ' ').replace(/[.\s]+$/, ''))
}
