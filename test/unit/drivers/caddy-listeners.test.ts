import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readListeners } from '../../../src/caddy/listeners.ts'
import type { Listener } from '../../../src/model/driver.ts'
import { adminListeners, describeListener, findHolder } from '../../../src/model/listeners.ts'
import type { Protocol } from '../../../src/model/table.ts'

function read(app: string, server: object, config: object = {}): readonly Listener[] {
  return readListeners({ [app]: { ...config, servers: { srv0: server } } }, () => false)
}

function one(text: string, app = 'layer4'): string {
  return read(app, { listen: [text] })
    .map((listener) => `${listener.protocol ?? 'both'} ${describeListener(listener)}`)
    .join(' ')
}

function protocolOf(server: object, config: object = {}): Listener['protocol'] {
  return read('http', { listen: [':443'], ...server }, config)[0]?.protocol
}

function meets(listen: string, protocol: Protocol, address: string, port: number, app = 'layer4'): boolean {
  const holder = findHolder(read(app, { listen: [listen] }), { protocol, address, port })?.holder
  return holder === `apps.${app}.servers.srv0`
}

test('addresses are read as Caddy reads them', () => {
  const cases: Readonly<Record<string, string>> = {
    ':443': 'TCP *:443',
    'tcp/:443': 'TCP *:443',
    'TCP4/:443': 'TCP 0.0.0.0:443',
    'tcp6/:443': 'TCP [::]:443',
    // Go listens on both families for an unspecified address unless the network names one.
    '0.0.0.0:443': 'TCP *:443',
    '[::]:443': 'TCP *:443',
    'tcp4/0.0.0.0:443': 'TCP 0.0.0.0:443',
    'tcp6/[::]:443': 'TCP [::]:443',
    'udp/:53': 'UDP *:53/UDP',
    'udp4/203.0.113.5:53': 'UDP 203.0.113.5:53/UDP',
    '203.0.113.5:8000-8010': 'TCP 203.0.113.5:8000-8010',
    '[2001:DB8:0::1]:443': 'TCP [2001:db8::1]:443',
    '[::ffff:203.0.113.5]:443': 'TCP 203.0.113.5:443',
    '[fe80::1%eth0]:443': 'TCP [fe80::1]:443',
    'localhost:2019': 'TCP 127.0.0.1:2019 TCP [::1]:2019',
    'example.com:80': 'TCP *:80',
    '{env.HOST}:80': 'TCP *:80',
    'unix//run/x.sock': '',
    'fd/3': '',
    'ip/203.0.113.5': '',
    '{env.LISTEN}': '',
    ':{env.PORT}': '',
    '': '',
  }
  for (const [text, expected] of Object.entries(cases)) assert.equal(one(text), expected, text)
})

test('HTTP servers hold UDP too where HTTP/3 may be on', () => {
  assert.equal(one(':443', 'http'), 'both *:443')
  assert.equal(one(':80', 'http'), 'TCP *:80')
  assert.equal(protocolOf({ protocols: ['h1', 'h2'] }), 'TCP')
  assert.equal(protocolOf({ protocols: ['h1', 'h3'] }), undefined)
  assert.equal(protocolOf({ protocols: ['h1'], listen_protocols: [['h3']] }), undefined)
  assert.equal(protocolOf({}, { http_port: 443 }), 'TCP')
})

test('every app counts, servers of ours do not, and nonsense is passed over', () => {
  const apps = {
    http: { servers: { srv0: { listen: [':443'] }, '443': { listen: [':8443'] } } },
    layer4: { servers: { mine: { listen: [':1'] }, other: { listen: [':2', 7, null] } } },
    tls: { automation: {} },
    odd: { servers: [1] },
    odder: null,
    oddest: { servers: { a: null, b: { listen: 'x' } } },
  }
  const listeners = readListeners(apps, (app, server) => app === 'layer4' && server === 'mine')
  assert.deepEqual(listeners.map(({ holder }) => holder).toSorted(), [
    'apps.http.servers.443',
    'apps.http.servers.srv0',
    'apps.layer4.servers.other',
  ])
  for (const nothing of [null, undefined, 1, [], 'x'])
    assert.deepEqual(
      readListeners(nothing, () => false),
      [],
    )
})

test('a socket meets whatever shares its address and port', () => {
  assert(meets(':443', 'TCP', '203.0.113.5', 443))
  assert(meets(':443', 'TCP', '2001:db8::1', 443))
  assert(!meets(':443', 'UDP', '203.0.113.5', 443))
  assert(meets(':443', 'UDP', '203.0.113.5', 443, 'http'))
  assert(meets('tcp4/:443', 'TCP', '203.0.113.5', 443))
  assert(!meets('tcp4/:443', 'TCP', '2001:db8::1', 443))
  assert(!meets('tcp6/:443', 'TCP', '0.0.0.0', 443))
  assert(meets('203.0.113.5:443', 'TCP', '0.0.0.0', 443))
  assert(!meets('203.0.113.5:443', 'TCP', '::', 443))
  assert(meets('203.0.113.5:440-450', 'TCP', '203.0.113.5', 450))
  assert(!meets('203.0.113.5:440-450', 'TCP', '203.0.113.5', 451))
  assert(!meets('203.0.113.6:443', 'TCP', '203.0.113.5', 443))
})

test('the admin API is a listener where its URL tells the address', () => {
  const [local] = adminListeners('http://127.0.0.1:2019')
  assert.deepEqual([local?.address, local?.firstPort, local?.protocol], ['127.0.0.1', 2019, 'TCP'])
  assert.equal(adminListeners('https://[2001:db8::1]')[0]?.firstPort, 443)
  assert.deepEqual(adminListeners('https://edge.example:2021'), [])
})
