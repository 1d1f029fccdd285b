// The chart's documents say what values.yaml does. UPDATE_GOLDEN=1 rewrites the README's table.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { parseConfig } from '../../src/config/load.ts'
import { CHART } from './helm.ts'
import { at, leavesOf, readValues, valuesTable } from './values-table.ts'

const README = join(CHART, 'README.md')
const read = (file: string): Promise<string> => readFile(file, 'utf8')
const VALUES = await read(join(CHART, 'values.yaml'))

test('every value has a comment', () => {
  const documented = new Set(readValues(VALUES).map(({ path }) => path))
  assert.deepEqual(
    leavesOf(VALUES).filter((path) => !documented.has(path)),
    [],
  )
})

test('the table of values in the README is made from the comments', async () => {
  const text = await read(README)
  const [, before = '', end = ''] = /^([\s\S]*<!-- From [^\n]*-->\n)[\s\S]*(<!-- \/values -->\n)$/.exec(text) ?? []
  const made = `${before}\n${valuesTable(VALUES)}\n\n${end}`
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(README, made)
  assert.equal(await read(README), made, 'UPDATE_GOLDEN=1 rewrites it')
})

test('the example of the README holds a configuration that the program accepts', async () => {
  const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(await read(README)) ?? []
  const { config } = parse(example) as { readonly config: object }
  assert.equal(parseConfig(JSON.stringify(config), 'fairway.yaml').cluster, 'prod-a')
})

test('the full example sets every value to something else than its default', async () => {
  const full: unknown = parse(await read(join(CHART, 'ci/full-values.yaml')))
  const same = leavesOf(VALUES).filter((path) => {
    return JSON.stringify(at(full, path) ?? at(parse(VALUES), path)) === JSON.stringify(at(parse(VALUES), path))
  })
  // Without metrics there is nothing to scrape and to alert on.
  assert.deepEqual(same, ['metrics.enabled'])
})

test('the alerts are those of deploy/observability', async () => {
  const [source, copy] = [resolve(CHART, '../../deploy/observability/alerts.yaml'), join(CHART, 'files/alerts.yaml')]
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(copy, await read(source))
  assert.equal(await read(copy), await read(source), 'UPDATE_GOLDEN=1 copies them')
})
