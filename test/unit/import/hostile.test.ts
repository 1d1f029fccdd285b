/** What others wrote into old configurations and manifests must come out as it went in, and as nothing else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parse } from 'yaml'
import { readCaddyConfig } from '../../../src/import/caddy.ts'
import { readHaproxyConfig } from '../../../src/import/haproxy.ts'
import { yamlText } from '../../../src/import/yaml-text.ts'
import { runs } from '../../support/builders.ts'
import { desiredOf, linesOf, nodePorts, oldLines, runImport } from './world.ts'

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    'no',
    'on',
    'y',
    '12:30:45',
    '0b11',
    '1_000',
    '~',
    '2001-01-01',
    '!!binary a',
    '&a *b',
    '<<',
    '',
    ' ',
  ),
  fc.string({
    unit: fc.constantFrom(
      '\u2028',
      '\u0085',
      '\u009b',
      '\u202e',
      '\ufeff',
      '\n',
      '\r',
      '\t',
      ':',
      ' ',
      '#',
      '-',
      'a',
      '"',
    ),
  }),
)

/** Line ends and what steers a terminal, but for the end of a line. */
const UNSAFE = /(?!\n)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\uFEFF]/u

test('any text comes back from YAML, whatever the version of its reader, and steers nothing', () => {
  fc.assert(
    fc.property(fc.dictionary(hostile, fc.array(hostile)), fc.array(hostile), (value, comment) => {
      const text = yamlText(value, comment)
      assert.doesNotMatch(text, UNSAFE)
      for (const version of ['1.1', '1.2'] as const) assert.deepEqual({ ...parse(text, { version }) }, { ...value })
    }),
    runs(300),
  )
})

test('a Service whose names are words of YAML 1.1 is named as it is', () => {
  const text = 'defaults\n  mode tcp\nlisten a\n  bind 203.0.113.10:80\n  server s 10.1.0.3:30080\n'
  const service = nodePorts('no/on', ['http 80 30080'])
  const done = runImport({ from: 'haproxy', text }, { services: [service] })
  assert.match(done.text, /namespace: "no"\n {2}name: "on"\n/)
})

test('as many frontends with the same source ranges as may be are read back', () => {
  const text = `defaults\n  mode tcp\nlisten a\n  bind 203.0.113.10:1000-1255\n  tcp-request connection reject if !{ src 10.0.0.0/8 }
  server s 10.9.0.3\n`
  const done = runImport({ from: 'haproxy', text }, { services: [] })
  assert.equal(done.imported.placed.length, 256)
  assert.deepEqual(linesOf(desiredOf(done).table), oldLines(done.imported))
})

const server = (listen: string, match: object, dial = '10.1.0.3:30080') => ({
  apps: {
    layer4: {
      servers: {
        a: {
          listen: [listen],
          routes: [{ match: [match], handle: [{ handler: 'proxy', upstreams: [{ dial: [dial] }] }] }],
        },
      },
    },
  },
})

/** Carried over as they are, they would say something else: other hosts, other clients, ports that there are not. */
const LEFT_OUT: readonly object[] = [
  server(':80', { tls: { sni: ['a.example,b.example'] } }),
  server(':80', { tls: { sni: ['https=a.example'] } }),
  server(':80', { tls: { sni: ['*'] } }),
  server(':80', { remote_ip: { ranges: ['10.0.0.0/8', 'private_ranges'] } }),
  server(':80', {}, '10.1.0.3:0'),
  server(':80', {}, '10.1.0.3:70000'),
  server(':1-65535', {}),
]

test('what cannot be said as it was is left out with a word', () => {
  for (const one of LEFT_OUT) {
    const { frontends, remarks } = readCaddyConfig(JSON.stringify(one), 'caddy.json')
    assert.deepEqual([frontends.length, remarks.length > 0], [0, true], JSON.stringify(one))
  }
  for (const line of [
    'bind :70000\n  server s 10.1.0.3:80',
    'bind :80\n  server s 10.1.0.3:70000',
    'bind :80-79\n  server s 10.1.0.3',
  ]) {
    const { frontends, remarks } = readHaproxyConfig(`listen a\n  mode tcp\n  ${line}\n`, 'haproxy.cfg')
    assert.deepEqual([frontends.length, remarks.length > 0], [0, true], line)
  }
})

test('single addresses among ranges are those addresses', () => {
  const text = JSON.stringify(server(':80', { remote_ip: { ranges: ['10.0.0.9', '2001:db8::1', '10.1.2.3/8'] } }))
  const { frontends } = readCaddyConfig(text, 'caddy.json')
  assert.deepEqual(frontends[0]?.sourceRanges, ['10.0.0.0/8', '10.0.0.9/32', '2001:db8::1/128'])
})
