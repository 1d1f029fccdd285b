import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { parseEdgeConfig } from '../../../src/config/edge-config.ts'
import { withWebhookPaths } from '../../../src/config/edge-webhook.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { FairwayError } from '../../../src/model/problems.ts'

const GOOD = `tls: {certFile: edge.crt, keyFile: edge.key}
engine: {haproxy: {}}
webhook:
  listen: 0.0.0.0:9000
  tls: {certFile: hook.crt, keyFile: hook.key}
  tokenFile: webhook-token
  name: unifi
  addresses: [203.0.113.10]
  ports: [25, 8080-8090]
  targets: [10.0.0.0/24]
  expire: 30m
  settings: {balance: source}
`

test('a good one is taken', () => {
  const { webhook } = parseEdgeConfig(GOOD, 'edge.yaml')
  assert.ok(webhook !== undefined)
  assert.deepEqual(webhook.ports, [
    { first: 25, last: 25 },
    { first: 8080, last: 8090 },
  ])
  assert.equal(webhook.expire, 1_800_000)
  const { tokenFile, tls } = withWebhookPaths(webhook, (path) => `/etc/fairway/${path}`)
  assert.equal(tokenFile, '/etc/fairway/webhook-token')
  assert.deepEqual(tls, { certFile: '/etc/fairway/hook.crt', keyFile: '/etc/fairway/hook.key' })
})

test('most of it may be left out', () => {
  const few = GOOD.split('\n').filter((line) => !/^ {2}(listen|tls|name|expire|settings):/.test(line))
  const { webhook } = parseEdgeConfig(few.join('\n'), 'edge.yaml')
  assert.equal(webhook?.name, 'default')
  assert.equal(webhook.expire, 1_200_000)
  assert.equal(webhook.listen, undefined)
  const without = parseEdgeConfig(GOOD.slice(0, GOOD.indexOf('webhook')), 'edge.yaml')
  assert.equal(without.webhook, undefined)
})

/** Each mistake is one edit of the good file; each message says where it is. */
const MISTAKES: readonly (readonly [what: string, from: string, to: string, message: string])[] = [
  ['no token', '  tokenFile: webhook-token\n', '', '3: webhook.tokenFile: is missing'],
  ['no port', '[25, 8080-8090]', '[]', '9: webhook.ports: needs at least one port'],
  [
    'ports the wrong way round',
    '8080-8090',
    '8090-8080',
    '9: webhook.ports[1]: "8090-8080" is not a port, or a range of ports like 8080-8090',
  ],
  ['no target', '[10.0.0.0/24]', '[]', '10: webhook.targets: needs at least one address, range or CIDR'],
  [
    'a certificate for nothing',
    '  listen: 0.0.0.0:9000\n',
    '',
    '4: webhook.tls: needs listen: without it, calls come to the certificate and port that clusters come to',
  ],
  ['a setting that is none', 'balance: source', 'balance: best', '12: webhook.settings.balance: '],
  [
    'hosts',
    'balance: source',
    'hosts: a.example',
    '12: webhook.settings.hosts: cannot be: a call asks for all of a port',
  ],
]
for (const [what, from, to, message] of MISTAKES) {
  test(`${what} is found`, () => {
    assert.ok(GOOD.includes(from))
    assert.throws(
      () => parseEdgeConfig(GOOD.replace(from, to), 'edge.yaml'),
      (error) => error instanceof FairwayError && error.problem.message.startsWith(`edge.yaml:${message}`),
    )
  })
}

test('what the document has is accepted as it stands', () => {
  const text = readFileSync(resolve(import.meta.dirname, '../../../docs/webhook.md'), 'utf8')
  const [edge = '', fairway = ''] = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml]) => yaml)
  const { webhook } = parseEdgeConfig(
    `tls: {certFile: a, keyFile: b}\nengine: {haproxy: {}}\n${edge}`,
    'docs/webhook.md',
  )
  assert.equal(webhook?.listen?.port, 9_000)
  assert.equal(parseConfig(fairway, 'docs/webhook.md').classes[0]?.proxies[0]?.access.kind, 'webhook')
})
