/** A reporter of node:test that writes one JSON line a test: what the runner counts, and every skip with its reason. */
import type { TestEvent } from 'node:test/reporters'

export interface TestRecord {
  readonly name: string
  readonly file: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** Why it was skipped, or what failed; empty where nobody said. */
  readonly reason: string
}

/** Of a message that tells what failed: enough to know it by, so that a summary stays short. */
const REASON_LENGTH = 600

interface Details {
  readonly type?: string
  readonly error?: { readonly message?: string; readonly cause?: unknown }
}

interface TestData {
  readonly name: string
  readonly file?: string
  readonly skip?: string | boolean
  readonly todo?: string | boolean
  readonly details: Details
}

export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string, void> {
  for await (const event of source) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    const record = recordOf(event.type === 'test:pass', event.data)
    if (record !== undefined) yield `${JSON.stringify(record)}\n`
  }
}

/** Suites only group; a test marked "todo" is one that nobody runs for real, so it counts as skipped. */
function recordOf(passed: boolean, { name, file = '', skip, todo, details }: TestData): TestRecord | undefined {
  if (details.type === 'suite') return undefined
  const mark = skip ?? todo
  if (mark !== undefined && mark !== false)
    return { name, file, outcome: 'skipped', reason: typeof mark === 'string' ? mark : '' }
  return passed
    ? { name, file, outcome: 'passed', reason: '' }
    : { name, file, outcome: 'failed', reason: tell(details) }
}

/** What was thrown, as its message; node:test wraps it in an error of its own. */
function tell({ error }: Details): string {
  const cause = error?.cause
  const text = cause instanceof Error ? cause.message : (error?.message ?? '')
  return text.slice(0, REASON_LENGTH)
}
