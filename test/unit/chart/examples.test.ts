import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { parseConfig } from '../../../src/config/load.ts'

const DEPLOY = resolve(import.meta.dirname, '../../../deploy')
const EXAMPLES = resolve(DEPLOY, 'examples')

const read = (file: string): string => readFileSync(resolve(EXAMPLES, file), 'utf8')
const config = parseConfig(read('fairway.yaml'), 'fairway.yaml')
const classes = new Set(config.classes.map((one) => one.name))

interface Service {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> }
  readonly spec: { readonly type: string; readonly loadBalancerClass?: string }
}

for (const file of readdirSync(EXAMPLES).filter((name) => name !== 'fairway.yaml')) {
  test(`${file} holds Services of a class of fairway.yaml`, () => {
    const services = parseAllDocuments(read(file)).map((document): Service => document.toJS())
    assert.ok(services.length > 0)
    for (const { kind, metadata, spec } of services) {
      assert.equal(kind, 'Service')
      assert.ok(['LoadBalancer', 'NodePort'].includes(spec.type))
      const chosen = metadata.annotations?.['fairway.dev/class'] ?? spec.loadBalancerClass?.replace('fairway.dev/', '')
      assert.ok(classes.has(chosen ?? ''), `${metadata.name} is of no class`)
    }
  })
}

test("the class and the pools of the chart's comment are accepted as they stand", () => {
  const values = readFileSync(resolve(DEPLOY, '../charts/fairway/values.yaml'), 'utf8')
  const lines = values.split('\n')
  const start = lines.indexOf('#   config:')
  const end = lines.indexOf('config: {}')
  const example = lines.slice(start + 1, end).map((line) => line.replace(/^# {5}/, ''))
  assert.equal(parseConfig(example.join('\n'), 'values.yaml').cluster, 'prod-a')
})

for (const file of ['admin-private.json', 'admin-mtls.json']) {
  test(`deploy/caddy/${file} is JSON, keeps its configuration and is not open to everybody`, () => {
    const text = readFileSync(resolve(DEPLOY, 'caddy', file), 'utf8')
    const document: { admin: { listen: string }; apps: { layer4: object } } = JSON.parse(text)
    assert.match(document.admin.listen, /^(10\.1\.0\.100|localhost):2019$/)
    assert.deepEqual(document.apps.layer4, { servers: {} })
  })
}
