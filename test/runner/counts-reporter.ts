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
  /** The file that was started, where a shared suite defines the test. */
  readonly entryFile?: string
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
function recordOf(
  passed: boolean,
  { name, entryFile, file = '', skip, todo, details }: TestData,
): TestRecord | undefined {
  if (details.type === 'suite') return undefined
  const mark = skip ?? todo
  const place = { name, file: entryFile ?? file }
  if (mark !== undefined && mark !== false)
    return { ...place, outcome: 'skipped', reason: typeof mark === 'string' ? mark : '' }
  return passed ? { ...place, outcome: 'passed', reason: '' } : { ...place, outcome: 'failed', reason: tell(details) }
}

/** What was thrown, as its message; node:test wraps it in an error of its own. */
function tell({ error }: Details): string {
  const cause = error?.cause
  const text = cause instanceof Error ? cause.message : (error?.message ?? '')
  return text.slice(0, REASON_LENGTH)
}
