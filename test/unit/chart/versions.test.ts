import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'

const ROOT = resolve(import.meta.dirname, '../../..')

const text = (file: string): Promise<string> => readFile(resolve(ROOT, file), 'utf8')

test('the package, the chart and the image carry one version', async () => {
  const { version }: { version: string } = JSON.parse(await text('package.json'))
  const chart: { appVersion: unknown } = parse(await text('charts/fairway/Chart.yaml'))
  assert.equal(chart.appVersion, version)
  assert.match(await text('Dockerfile'), new RegExp(`^ARG VERSION=${version.replaceAll('.', '\\.')}$`, 'm'))
})

test('every value has a place in the schema, and the schema names none that is not there', async () => {
  const values: object = parse(await text('charts/fairway/values.yaml'))
  const schema: { properties: object } = JSON.parse(await text('charts/fairway/values.schema.json'))
  const known = Object.keys(schema.properties).filter((key) => key !== 'global')
  assert.deepEqual(known.toSorted(), Object.keys(values).toSorted())
})
