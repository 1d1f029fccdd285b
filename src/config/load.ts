import { readFile } from 'node:fs/promises'
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml'
import * as z from 'zod'
import { didYouMean } from '../model/nearest.ts'
import { errorText, FairwayError } from '../model/problems.ts'
import { checkConfig } from './checks.ts'
import type { ConfigIssue } from './issue.ts'
import { type Config, configSchema } from './schema.ts'

/** One kind of configuration file. */
export interface FileKind<T> {
  readonly schema: z.ZodType<T>
  /** Rules between keys, which a schema cannot say. */
  readonly check: (value: T) => readonly ConfigIssue[]
}

/** Every key that a schema knows anywhere, for suggestions. */
function knownKeys(schema: z.ZodType): readonly string[] {
  const keys = new Set<string>()
  const collect = (part: unknown) => {
    if (typeof part !== 'object' || part === null) return
    if ('properties' in part) for (const key of Object.keys(part.properties ?? {})) keys.add(key)
    for (const value of Object.values(part)) collect(value)
  }
  collect(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))
  return [...keys]
}

export interface LoadedConfig {
  readonly config: Config
  readonly text: string
}

/** Reads and checks a configuration file. Throws ConfigInvalid with every mistake, each with its line and key. */
export async function loadConfig(path: string): Promise<LoadedConfig> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw invalid(`${path} cannot be read: ${errorText(error)}`, 'Give the path of fairway.yaml by --config', error)
  })
  return { config: parseConfig(text, path), text }
}

/** Checks the text of fairway.yaml; `source` names it in messages. Throws ConfigInvalid. */
export function parseConfig(text: string, source: string): Config {
  return parseFile({ schema: configSchema, check: checkConfig }, text, source)
}

/** Checks the text of a configuration file of any kind; `source` names it in messages. Throws ConfigInvalid with every mistake. */
export function parseFile<T>({ schema, check }: FileKind<T>, text: string, source: string): T {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const [syntax] = document.errors
  if (syntax !== undefined) {
    const line = syntax.linePos?.[0].line ?? 1
    const message = syntax.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '')
    throw invalid(`${source}:${line}: ${message}`, 'Mend the YAML')
  }
  const result = schema.safeParse(valueOf(document, source))
  // A mistyped key is why another one is missing: it comes first.
  const found = result.success ? check(result.data) : result.error.issues.flatMap((issue) => schemaIssue(issue, schema))
  const issues = found.toSorted((a, b) => Number(isUnknown(b)) - Number(isUnknown(a)))
  if (!result.success || issues.length > 0) {
    throw invalid(issues.map((issue) => locate(issue, document, lines, source)).join('\n'), 'Mend the keys named above')
  }
  return result.data
}

/** The document as plain values; the YAML library finds out here that an alias has no anchor, or that aliases multiply. */
function valueOf(document: Document, source: string): unknown {
  try {
    return document.toJS() as unknown
  } catch (error) {
    throw invalid(`${source}:1: ${errorText(error)}`, 'Mend the YAML', error)
  }
}

function invalid(message: string, remedy: string, cause?: unknown): FairwayError {
  return new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy }, cause)
}

function isUnknown({ message }: ConfigIssue): boolean {
  return message.startsWith('unknown key')
}

function schemaIssue(issue: z.core.$ZodIssue, schema: z.ZodType): ConfigIssue[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...path, key],
      // One that is known elsewhere is not mistyped but misplaced.
      message: `unknown key "${key}"${didYouMean(
        key,
        knownKeys(schema).filter((one) => one !== key),
      )}`,
    }))
  }
  if (issue.code === 'invalid_union') {
    const nested = issue.errors.flat().find((one) => one.code === 'custom')
    return [{ path, message: nested?.message ?? issue.message }]
  }
  return [{ path, message: issue.code === 'invalid_type' ? wrongType(issue) : issue.message }]
}

/** What each type is called by people who write YAML. */
const TYPES: Readonly<Record<string, string>> = {
  string: 'must be text; put it in quotes',
  boolean: 'must be true or false',
  number: 'must be a number',
  int: 'must be a whole number',
  array: 'must be a list',
  object: 'must hold keys',
  record: 'must hold keys',
}

function wrongType({ expected, message }: z.core.$ZodIssueInvalidType): string {
  if (message.endsWith('received undefined')) return 'is missing'
  if (message.endsWith('received null')) return 'is empty'
  return TYPES[expected] ?? message
}

/** Where a key begins in the text, or an entry of a list; undefined when it is not there. */
function startOf(path: ConfigIssue['path'], document: Document): number | undefined {
  const holder = document.getIn(path.slice(0, -1), true)
  const pair = isMap(holder)
    ? holder.items.find(({ key }) => isScalar(key) && String(key.value) === String(path.at(-1)))
    : undefined
  const node = isScalar(pair?.key) ? pair.key : document.getIn(path, true)
  return isNode(node) ? node.range?.[0] : undefined
}

/** `fairway.yaml:12: classes[0].pools[0].name: message`; a missing key gets the line of what should hold it. */
function locate(issue: ConfigIssue, document: Document, lines: LineCounter, source: string): string {
  const key = issue.path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('')
  const holders = [issue.path, ...issue.path.map((_, index) => issue.path.slice(0, -1 - index))]
  const start = holders.map((path) => startOf(path, document)).find((one) => one !== undefined) ?? 0
  // A key may hold a line end; an issue is one line.
  const said = `${key.replace(/^\./, '') || 'the file'}: ${issue.message}`.replaceAll(/\s+/g, ' ')
  return `${source}:${lines.linePos(start).line}: ${said}`
}
