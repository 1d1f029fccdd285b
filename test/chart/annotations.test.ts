// What the admission policy knows of annotations is what the operator knows, and it refuses nothing that the operator takes.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { READERS } from '../../src/desired/annotation-values.ts'
import { readSettings } from '../../src/desired/annotations.ts'
import { SOUND, serviceWith, UNSOUND } from './annotation-samples.ts'
import { CHART } from './helm.ts'

interface Known {
  readonly form: string
  readonly pattern: string
  readonly byPort?: boolean
}

const KNOWN = parse(await readFile(join(CHART, 'files/annotations.yaml'), 'utf8')) as Readonly<Record<string, Known>>

test('the policy knows the annotations that the operator does, and says the same of their form', () => {
  assert.deepEqual(formsOf(KNOWN), formsOf(READERS))
})

function formsOf(table: Readonly<Record<string, { readonly form: string }>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(table).map(([name, { form }]) => [name, form]))
}

/** As templates/validatingadmissionpolicy.yaml puts it together. */
function matches(name: string, text: string): boolean {
  const known = KNOWN[name]
  const value = `(off|${known?.pattern})`
  const byPort = `(${value}|[a-z0-9-]+=${value}(\\s*,\\s*[a-z0-9-]+=${value})*)`
  return new RegExp(`^\\s*${known?.byPort === true ? byPort : value}\\s*$`).test(text)
}

for (const [name, texts] of Object.entries(SOUND)) {
  test(`${name}: what the operator takes, the pattern takes`, () => {
    for (const text of texts) {
      const { problems } = readSettings(serviceWith(name, text), {})
      assert.deepEqual([text, problems], [text, []])
      assert.ok(matches(name, text), text)
    }
  })
}

for (const [name, texts] of Object.entries(UNSOUND)) {
  test(`${name}: slips that the pattern refuses, the operator refuses`, () => {
    for (const text of texts) {
      assert.equal(matches(name, text), false, text)
      assert.equal(readSettings(serviceWith(name, text), {}).problems.length, 1, text)
    }
  })
}

test('there are samples for every annotation', () => {
  assert.deepEqual(Object.keys(SOUND).toSorted(), Object.keys(READERS).toSorted())
})
