import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { describe, test } from 'node:test'
import { parseConfig } from '../../../src/config/load.ts'
import { assertTold, type Mistake } from './problem-of.ts'

const GOOD = `cluster: prod-a
classes:
  - name: public
    pools: [{name: main, addresses: [203.0.113.0/28]}]
    proxies:
      - name: edge-1
        dataplane:
          url: https://10.1.0.100:5555
          userFile: user
`

test('what is not said of a Data Plane API has its default', () => {
  const access = parseConfig(GOOD, 'fairway.yaml').classes[0]?.proxies[0]?.access
  assert.deepEqual(access, {
    kind: 'dataplane',
    url: 'https://10.1.0.100:5555',
    insecure: false,
    timeout: 10_000,
    userFile: 'user',
    probe: true,
    reloadTimeout: 30_000,
  })
})

test('its example is taken', async () => {
  const page = await readFile(resolve(import.meta.dirname, '../../../docs/dataplane.md'), 'utf8')
  const example = /```yaml\n(?<yaml>proxies:[^`]*)```/.exec(page)?.groups?.['yaml'] ?? ''
  const proxies = GOOD.slice(GOOD.indexOf('    proxies:'))
  const indented = example.replaceAll(/^(?=.)/gm, '    ')
  const [proxy] = parseConfig(GOOD.replace(proxies, indented), 'fairway.yaml').classes[0]?.proxies ?? []
  assert.equal(proxy?.access.kind, 'dataplane')
})

const MISTAKES: readonly Mistake[] = [
  [
    'a password in the clear',
    'https:',
    'http:',
    '8: classes[0].proxies[0].dataplane.url: plain http shows the password to whoever listens on the way; use https with caFile, or say insecure: true',
  ],
  [
    'nobody to log in as',
    '          userFile: user\n',
    '',
    '7: classes[0].proxies[0].dataplane: needs userFile, or certFile and keyFile: the API serves nobody whom it does not know',
  ],
]

describe('mistakes', () => {
  for (const mistake of MISTAKES) test(mistake[0], () => assertTold(GOOD, mistake))
})
