import { readFile } from 'node:fs/promises'
import { type Document, isNode, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { didYouMean } from '../model/nearest.ts'
import { errorText, FairwayError } from '../model/problems.ts'
import { type ConfigIssue, checkConfig } from './checks.ts'
import { type Config, configSchema } from './schema.ts'

/** Every key that the schema knows anywhere, for suggestions. */
function knownKeys(): readonly string[] {
  const text = JSON.stringify(z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }))
  return [...text.matchAll(/"([A-Za-z]+)":\{/g)].flatMap((match) => match[1] ?? [])
}

/** Reads and checks a configuration file. Throws ConfigInvalid with every mistake, each with its line and key. */
export async function loadConfig(path: string): Promise<{ readonly config: Config; readonly text: string }> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw invalid(`${path} cannot be read: ${errorText(error)}`, 'Give the path of fairway.yaml by --config', error)
  })
  return { config: parseConfig(text, path), text }
}

/** Checks the text of a configuration file; `source` names it in messages. Throws ConfigInvalid. */
export function parseConfig(text: string, source: string): Config {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const [syntax] = document.errors
  if (syntax !== undefined) {
    const line = syntax.linePos?.[0].line ?? 1
    throw invalid(`${source}:${line}: ${syntax.message.split('\n')[0]?.replace(/:$/, '')}`, 'Mend the YAML')
  }
  const result = configSchema.safeParse(document.toJS() as unknown)
  const issues = result.success ? checkConfig(result.data) : result.error.issues.flatMap(schemaIssue)
  if (!result.success || issues.length > 0) {
    throw invalid(issues.map((issue) => locate(issue, document, lines, source)).join('\n'), 'Mend the keys named above')
  }
  return result.data
}

function invalid(message: string, remedy: string, cause?: unknown): FairwayError {
  return new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy }, cause)
}

function schemaIssue(issue: z.core.$ZodIssue): ConfigIssue[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `unknown key "${key}"${didYouMean(key, knownKeys())}`,
    }))
  }
  if (issue.code === 'invalid_union') {
    const nested = issue.errors.flat().find((one) => one.code === 'custom')
    return [{ path, message: nested?.message ?? issue.message }]
  }
  return [{ path, message: issue.message }]
}

/** `fairway.yaml:12: classes[0].pools[0].name: message`; a missing key gets the line of what should hold it. */
function locate(issue: ConfigIssue, document: Document, lines: LineCounter, source: string): string {
  const key = issue.path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('')
  for (let length = issue.path.length; length >= 0; length--) {
    const node = document.getIn(issue.path.slice(0, length), true)
    const start = isNode(node) ? node.range?.[0] : undefined
    if (start !== undefined)
      return `${source}:${lines.linePos(start).line}: ${key.replace(/^\./, '') || 'the file'}: ${issue.message}`
  }
  return `${source}:1: ${key.replace(/^\./, '') || 'the file'}: ${issue.message}`
}
