/** A reporter of node:test that writes one JSON line a test: what the runner counts, and every skip with its reason. */
import type { TestEvent } from 'node:test/reporters'

export interface TestRecord {
  readonly name: string
  readonly file: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** Why it was skipped; empty where nobody said. */
  readonly reason: string
}

interface Details {
  readonly type?: string
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
  return { name, file, outcome: passed ? 'passed' : 'failed', reason: '' }
}
