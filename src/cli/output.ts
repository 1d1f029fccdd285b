import { setTimeout as delay } from 'node:timers/promises'
import { yamlText } from '../import/yaml-text.ts'
import { escapeUnprintable, printable } from '../model/printable.ts'
import type { Line, Tone } from '../report/lines.ts'

export type Format = 'text' | 'json' | 'yaml'

export const FORMATS: readonly Format[] = ['text', 'json', 'yaml']

/** What a command has to say, for programs and for people. */
export interface Report {
  readonly document: object
  readonly lines: readonly Line[]
  readonly exitCode: number
}

/** SGR codes (ECMA-48): bold, green, yellow, red, faint. */
const CODES: Readonly<Record<Tone, string>> = { plain: '', title: '1', good: '32', warn: '33', bad: '31', faint: '2' }

/** The text of a report in a format. `colour` is for text only. */
export function formatReport(
  { document, lines }: Pick<Report, 'document' | 'lines'>,
  format: Format,
  colour: boolean,
): string {
  switch (format) {
    case 'json':
      return `${escapeUnprintable(JSON.stringify(document, undefined, 2))}\n`
    case 'yaml':
      // By way of JSON: what it leaves out is left out here too.
      return yamlText(JSON.parse(JSON.stringify(document)))
    case 'text':
      return `${lines.map((one) => paint(one, colour)).join('\n')}\n`
  }
  return format satisfies never
}

function paint({ text, tone }: Line, colour: boolean): string {
  const said = printable(text)
  const code = CODES[tone]
  return colour && code !== '' && said !== '' ? `\u001B[${code}m${said}\u001B[0m` : said
}

/** Whether a stream shows colours: a terminal, unless NO_COLOR says otherwise (no-color.org). */
export function wantsColour(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
}

const SLOW_MS = 1_000

/** Does some work, and says on standard error what it is as soon as it takes long. */
export async function withProgress<T>(what: string, work: Promise<T>): Promise<T> {
  const ended = new AbortController()
  const tell = async () => {
    await delay(SLOW_MS, undefined, { signal: ended.signal })
    process.stderr.write(`${what} …\n`)
  }
  const told = tell().catch(() => undefined)
  try {
    return await work
  } finally {
    ended.abort()
    await told
  }
}
