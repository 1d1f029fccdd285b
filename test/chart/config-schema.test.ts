// The part of the chart's schema that is the program's own, and values that it refuses. UPDATE_GOLDEN=1 rewrites it.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { configJsonSchema } from './config-schema.ts'
import { CHART } from './helm.ts'

const FILE = join(CHART, 'values.schema.json')

interface ValuesSchema {
  readonly properties: Readonly<Record<string, object>>
}

async function read(): Promise<ValuesSchema> {
  return JSON.parse(await readFile(FILE, 'utf8')) as ValuesSchema
}

test('the schema of config is that of the program', async () => {
  const config = configJsonSchema()
  if (process.env['UPDATE_GOLDEN'] === '1') {
    const schema = await read()
    const properties = { ...schema.properties, config }
    await writeFile(FILE, `${JSON.stringify({ ...schema, properties }, undefined, 2)}\n`)
  }
  const { properties } = await read()
  assert.deepEqual(properties['config'], config, 'UPDATE_GOLDEN=1 rewrites it')
})
