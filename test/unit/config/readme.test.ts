// The README's tables are complete: whatever the program reads is in them.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { z } from 'zod'
import { parseConfig } from '../../../src/config/load.ts'
import { configSchema } from '../../../src/config/schema.ts'
import { READERS } from '../../../src/desired/annotation-values.ts'

const README = readFileSync(resolve(import.meta.dirname, '../../../README.md'), 'utf8')

/** What stands under a heading, until the next one. */
function section(heading: string): string {
  const [, text = ''] = README.split(`\n## ${heading}\n`)
  return text.split('\n## ')[0] ?? ''
}

/** Every key of the configuration. */
function keysOf(part: unknown): readonly string[] {
  if (typeof part !== 'object' || part === null) return []
  const own = 'properties' in part ? Object.keys(part.properties ?? {}) : []
  return [...own, ...Object.values(part).flatMap(keysOf)]
}

test('every annotation that can be set has its row', () => {
  const rows = section('Services')
  const names = ['class', 'ports', ...Object.keys(READERS)]
  assert.deepEqual(
    names.filter((name) => !rows.includes(`\n| \`fairway.dev/${name}\``)),
    [],
  )
})

test('every key of the configuration is named', () => {
  const text = section('Configuration')
  const words = new Set(text.match(/[A-Za-z]+/g))
  const keys = keysOf(z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }))
  assert.ok(keys.length > 40, 'the keys were not found')
  assert.deepEqual(
    keys.filter((key) => !words.has(key)),
    [],
  )
})

test('its frontends are accepted as they stand', () => {
  const [, yaml = ''] = /```yaml\n(frontends:\n.*?)```/s.exec(section('Configuration')) ?? []
  const rest = `
pools: [{name: main, addresses: [203.0.113.10-203.0.113.20]}]
proxies: [{name: edge-1, caddy: {url: "https://10.1.0.100:2021"}}]`
  const one = `name: public\n${yaml}${rest}`.replaceAll('\n', '\n    ')
  const config = parseConfig(`cluster: prod-a\nclasses:\n  - ${one}\n`, 'README.md')
  assert.equal(config.classes[0]?.frontends.length, 3)
})

test('every reason that a Service can be told is explained', () => {
  const problems = readFileSync(resolve(import.meta.dirname, '../../../src/model/problems.ts'), 'utf8')
  const codes = [...problems.matchAll(/^ {2}\| '(\w+)'$/gm)].map(([, code]) => code ?? '')
  // The log has these: they are of the operator as a whole.
  const logged = new Set(['ConfigInvalid', 'LeaseLost'])
  const text = section('When something is wrong')
  assert.ok(codes.length > 30, 'the codes were not found')
  assert.deepEqual(
    codes.filter((code) => !logged.has(code) && !text.includes(`\`${code}\``)),
    [],
  )
})
