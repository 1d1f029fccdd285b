import * as z from 'zod'
import { LABEL } from '../model/names.ts'
import { type FileKind, parseFile } from './load.ts'
import { parsed } from './schema.ts'

/** Reads what a credential is good for, `cluster/class` or `cluster/*`; undefined for anything else. */
export function readScope(text: string): string | undefined {
  const [cluster = '', className = '', ...rest] = text.split('/')
  const sound = LABEL.test(cluster) && (className === '*' || LABEL.test(className)) && rest.length === 0
  return sound ? text : undefined
}

const tokensSchema = z.strictObject({
  tokens: z.array(
    z.strictObject({
      owner: parsed(readScope, 'is not an owner like prod-a/public or prod-a/*'),
      sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'),
      created: z.string(),
    }),
  ),
})

export type TokenEntry = z.output<typeof tokensSchema>['tokens'][number]

const KIND: FileKind<z.output<typeof tokensSchema>> = { schema: tokensSchema, check: () => [] }

/** Checks the text of tokens.yaml; `source` names it in messages. Throws ConfigInvalid. */
export function parseTokens(text: string, source: string): readonly TokenEntry[] {
  return parseFile(KIND, text, source).tokens
}
