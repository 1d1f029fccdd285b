import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../../src/config/load.ts'
import { assertTold, type Mistake } from './problem-of.ts'

const GOOD = `cluster: prod-a
classes:
  - name: public
    pools:
      - name: main
        addresses: [203.0.113.10]
    proxies:
      - name: vm-1
        webhook: {url: "https://vm.example:9000/hooks/update-haproxy", tokenFile: /etc/fairway/token}
  - name: other
    pools: [{name: main, addresses: [203.0.113.64/28]}]
    proxies:
      - name: edge-1
        caddy: {url: "https://10.1.0.100:2021"}
`

test('a webhook needs a URL and a token', () => {
  const { access } = parseConfig(GOOD, 'fairway.yaml').classes[0]?.proxies[0] ?? assert.fail('no proxy')
  assert.deepEqual(access, {
    kind: 'webhook',
    url: 'https://vm.example:9000/hooks/update-haproxy',
    tokenFile: '/etc/fairway/token',
    header: 'X-Funkypenguin-Token',
    sendProxy: 'off',
    resend: 600_000,
    spacing: 1_000,
    insecure: false,
    timeout: 10_000,
  })
})

test('the script may be waited for', () => {
  const text = GOOD.replace('tokenFile:', 'spacing: "off", sendProxy: v1, tokenFile:')
  const { access } = parseConfig(text, 'fairway.yaml').classes[0]?.proxies[0] ?? assert.fail('no proxy')
  assert.deepEqual(
    [access.kind === 'webhook' && access.spacing, access.kind === 'webhook' && access.sendProxy],
    [0, 'v1'],
  )
})

const ONE = 'needs pools that give it one IPv4 address in all: its script opens a port on all addresses of the machine'
const MISTAKES: readonly Mistake[] = [
  [
    'plain http',
    'https://vm.example',
    'http://vm.example',
    '9: classes[0].proxies[0].webhook.url: plain http shows the token to whoever listens on the way; use https with caFile, or say insecure: true',
  ],
  ['two addresses', '[203.0.113.10]', '[203.0.113.10-203.0.113.11]', `9: classes[0].proxies[0].webhook: ${ONE}`],
  ['IPv6', '[203.0.113.10]', '["2001:db8::1"]', `9: classes[0].proxies[0].webhook: ${ONE}`],
  [
    'a pool of others',
    '[203.0.113.10]',
    '[203.0.113.10]\n        proxies: [vm-1]\n      - name: more\n        addresses: [203.0.113.11]',
    `12: classes[0].proxies[0].webhook: ${ONE}`,
  ],
  [
    'a map of addresses',
    '/token}\n',
    '/token}\n        listen: {203.0.113.10: 10.0.0.5}\n',
    '10: classes[0].proxies[0].listen: is not for a webhook, whose script opens a port on all addresses of the machine',
  ],
  [
    'two classes',
    'caddy: {url: "https://10.1.0.100:2021"}',
    'webhook: {url: "https://vm.example:9000/hooks/update-haproxy", tokenFile: /etc/fairway/token}',
    '14: classes[1].proxies[0].webhook.url: is called by class "public" already; only one can',
  ],
]
for (const mistake of MISTAKES) {
  test(`${mistake[0]} is told`, () => {
    const [what, from, to, message] = mistake
    const good = what === 'two classes' ? GOOD.replace('203.0.113.64/28', '203.0.113.64') : GOOD
    assertTold(good, [what, from, to, message])
  })
}
