// docs/edge.md is complete: whatever the edge reads and answers is in its tables, and in those of docs/edge-*.md what is of one program. What the README has to install is accepted as it stands.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { z } from 'zod'
import { parseEdgeConfig } from '../../../src/config/edge-config.ts'
import { edgeSchema } from '../../../src/config/edge-schema.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { EDGE_ERRORS, patchSchema, putSchema } from '../../../src/model/edge-wire.ts'

const ROOT = resolve(import.meta.dirname, '../../..')
const read = (file: string): string => readFileSync(resolve(ROOT, file), 'utf8')
const DOCUMENT = read('docs/edge.md')

/** What stands under a heading, until the next one. */
function section(heading: string): string {
  const [, text = ''] = DOCUMENT.split(`\n## ${heading}\n`)
  return text.split('\n## ')[0] ?? ''
}

/** The paths of all keys: `tls.certFile`, `frontends[].name`. */
function pathsOf(schema: unknown, path = ''): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return []
  if ('anyOf' in schema && Array.isArray(schema.anyOf)) return schema.anyOf.flatMap((one) => pathsOf(one, path))
  if ('items' in schema) return pathsOf(schema.items, `${path}[]`)
  if (!('properties' in schema)) return [path]
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) =>
    pathsOf(value, path === '' ? key : `${path}.${key}`),
  )
}

/** The keys that the first column of the table names; `.keyFile` stands beside the key whose parent it shares. */
function namedPaths(text: string): ReadonlySet<string> {
  const cells = text.split('\n').flatMap((line) => /^ *\| (`[^|]*`) /.exec(line)?.[1] ?? [])
  return new Set(
    cells.flatMap((cell) => {
      const words = [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word ?? '')
      const parent = words[0]?.replace(/\.[^.]*$/, '') ?? ''
      return words.map((word) => (word.startsWith('.') ? `${parent}${word}` : word))
    }),
  )
}

test('every key of edge.yaml has its row, and every row its key', () => {
  const paths = pathsOf(z.toJSONSchema(edgeSchema, { io: 'input', unrepresentable: 'any' }))
  // Each of two programs has the same keys as one.
  const keys = new Set(paths.map((path) => path.replace(/\[\]$/, '').replace(/^(engines\.\w+)\..*/, '$1')))
  const others = readdirSync(resolve(ROOT, 'docs')).filter((name) => /^edge-\w+\.md$/.test(name))
  const ofPrograms = others.flatMap((name) => [...namedPaths(read(`docs/${name}`))])
  const named = namedPaths(section('Configuration')).union(
    new Set(ofPrograms.filter((one) => one.startsWith('engine.'))),
  )
  assert.ok(keys.size > 30, 'the keys were not found')
  assert.deepEqual([...keys.difference(named)], [])
  assert.deepEqual([...named.difference(keys)], [])
})

test('its frontends are accepted as they stand', () => {
  const [, yaml = ''] = /```yaml\n(frontends:\n.*?)```/s.exec(section('Configuration')) ?? []
  const config = parseEdgeConfig(`tls: {certFile: a, keyFile: b}\nengine: {haproxy: {}}\n${yaml}`, 'docs/edge.md')
  assert.deepEqual(
    config.frontends.map(({ name }) => name),
    ['kube-apiserver'],
  )
})

test('every error of the API is explained, with its status', () => {
  const rows = [...section('The API').matchAll(/^\| (\d{3}) +\| `(\w+)` /gm)].map(([, status, code]) => [code, status])
  assert.deepEqual(
    Object.fromEntries(rows),
    Object.fromEntries(Object.entries(EDGE_ERRORS).map(([code, status]) => [code, String(status)])),
  )
})

test('its requests by hand are well-formed', () => {
  const bodies = [...section('The API').matchAll(/<<'END'\n(.*?)\nEND\n/gs)].map(([, body]) => parse(body ?? ''))
  assert.equal(bodies.length, 2)
  assert.equal(putSchema.safeParse(bodies[0]).error, undefined)
  assert.equal(patchSchema.safeParse(bodies[1]).error, undefined)
})

test("the README's values hold a configuration that is accepted", () => {
  const [, yaml = ''] = / {3}```yaml\n( {3}# values\.yaml\n.*?) {3}```/s.exec(read('README.md')) ?? []
  const { config }: { config: unknown } = parse(yaml)
  const [first] = parseConfig(JSON.stringify(config), 'README.md').classes
  assert.equal(first?.proxies[0]?.access.kind, 'edge')
})
