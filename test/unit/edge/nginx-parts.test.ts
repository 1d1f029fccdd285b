import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { tailLog } from '../../../src/edge/engines/nginx/error-log.ts'
import { readBound, readListeners } from '../../../src/edge/engines/nginx/listeners.ts'
import { renderConfig } from '../../../src/edge/engines/nginx/render.ts'
import { readEmergencies, readVerdicts } from '../../../src/edge/engines/nginx/verdicts.ts'
import { bound, stateOf } from './haproxy-states.ts'

const SOCKETS = { socketDir: '/run/fairway-nginx' }
const OURS = '/var/lib/fairway-edge/nginx/fairway.conf'

const DUMP = `nginx: [warn] something that is no file
# configuration file /etc/nginx/nginx.conf:
user www-data;
# listen 1;
http {
  include conf.d/*.conf;
  server { listen 80 default_server; listen [::]:443 ipv6only=off ssl; }
}
stream {
  server {
    listen
      10.0.0.1:5000-5009 udp;
    listen [2001:db8::1]:53;   # listen 2;
    listen unix:/run/x.sock;
    listen 127.0.0.1:8125 quic reuseport;
  }
  include ${OURS};
}

# configuration file /etc/nginx/conf.d/web.conf:
server { listen 10.0.0.2; listen *:81; listen localhost:82; listen_backlog 5; access_log /var/log/listen 3; }

# configuration file ${OURS}:
server {
  listen 203.0.113.10:443;
}
`

test('what the files of the administrator listen on, in the words of their own', () => {
  const found = readListeners(DUMP, OURS).map(({ protocol, address, firstPort, lastPort, holder }) => {
    return `${protocol} ${address} ${firstPort}-${lastPort} ${holder}`
  })
  assert.deepEqual(found, [
    'TCP 0.0.0.0 80-80 /etc/nginx/nginx.conf:5',
    'TCP * 443-443 /etc/nginx/nginx.conf:5',
    'UDP 10.0.0.1 5000-5009 /etc/nginx/nginx.conf:9',
    'TCP 2001:db8::1 53-53 /etc/nginx/nginx.conf:11',
    'UDP 127.0.0.1 8125-8125 /etc/nginx/nginx.conf:13',
    'TCP 10.0.0.2 80-80 /etc/nginx/conf.d/web.conf:1',
    'TCP 0.0.0.0 81-81 /etc/nginx/conf.d/web.conf:1',
  ])
})

test('what a file of ours binds, each once', () => {
  const dns = { ...bound({ protocol: 'UDP', port: 53 }), id: 'dns' }
  const shared = [bound({ hosts: ['a.example'], maxConnections: 3 }), bound({ hosts: ['b.example'] })]
  const wild = bound({ address: '2001:db8::1', port: 1, bindAddress: '::' })
  const { text } = renderConfig(stateOf([dns, ...shared, wild]), SOCKETS)
  assert.deepEqual(readBound(text), [
    { protocol: 'UDP', address: '203.0.113.10', port: 53 },
    { protocol: 'TCP', address: '203.0.113.10', port: 443 },
    { protocol: 'TCP', address: '::', port: 1 },
  ])
  assert.deepEqual(readBound(renderConfig(stateOf([]), SOCKETS).text), [])
})

test('messages lead to frontends', () => {
  const [web, mail, dns, far, six] = [
    { ...bound({ port: 80 }), id: 'web' },
    { ...bound({ port: 25 }), id: 'mail' },
    { ...bound({ port: 53, protocol: 'UDP' }), id: 'dns' },
    { ...bound({ port: 25, bindAddress: '192.0.2.9' }), id: 'far' },
    { ...bound({ port: 25, bindAddress: '2001:db8::9' }), id: 'six' },
  ]
  const frontends = [web, mail, dns, far, six].filter((one) => one !== undefined)
  const { text, parts } = renderConfig(stateOf(frontends), SOCKETS)
  const place = text.split('\n').findIndex((one) => one.startsWith('upstream ') && one.includes('.fairway.mail ')) + 1
  const cases: readonly (readonly [message: string, refused: readonly string[]])[] = [
    ['bind() to 203.0.113.10:25 failed (98: Address already in use)', ['mail PortTaken']],
    ['bind() to 203.0.113.10:53 failed (98: Address already in use)', ['dns PortTaken']],
    ['bind() to [2001:db8::9]:25 failed (99: Cannot assign requested address)', ['six AddressNotOnProxy']],
    ['bind() to 203.0.113.10:53 failed (99: x)', ['mail AddressNotOnProxy', 'dns AddressNotOnProxy']],
    ['bind() to 192.0.2.9:25 failed (13: Permission denied)', ['far ProxyRejected']],
    // nginx has it already, so it is another's.
    ['bind() to 203.0.113.10:80 failed (98: Address already in use)', []],
    ['bind() to 0.0.0.0:25 failed (98: Address already in use)', []],
    ['bind() to unix:/run/x.sock failed (98: Address already in use)', []],
    ['still could not bind()', []],
    [`duplicate upstream "fairway.mail" in ${OURS}:${place}`, ['mail ProxyRejected']],
    [`unknown directive "x" in /etc/nginx/nginx.conf:${place}`, []],
    [`something of all in ${OURS}:1`, []],
  ]
  for (const [message, refused] of cases) {
    const reading = { parts, frontends, has: new Set(['tcp/203.0.113.10:80']), file: OURS }
    const verdicts = readVerdicts([message, message, 'still could not bind()'], reading)
    assert.deepEqual(
      verdicts.map(({ id, problem }) => `${id} ${problem.code}`),
      refused,
      message,
    )
  }
})

test('messages of a test, however they begin', () => {
  const output = `nginx: [warn] low address bits
nginx: [emerg] unknown directive "x" in /a:1
2026/11/21 18:36:39 [emerg] 1988#1988: duplicate upstream "y" in /a:2
nginx: configuration file /a test failed
`
  assert.deepEqual(readEmergencies(output), ['unknown directive "x" in /a:1', 'duplicate upstream "y" in /a:2'])
})

function line(pid: number, message: string, gravity = 'emerg'): string {
  return `2026/11/21 18:26:49 [${gravity}] ${pid}#${pid}: ${message}\n`
}

test("the log is read from where a reload begins, of nginx's master only", async () => {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-log-'))
  const path = join(dir, 'error.log')
  const warnings: string[] = []
  const warn = (_: object, message: string) => void warnings.push(message)
  const log = { debug: () => {}, info: () => {}, warn, error: () => {} }
  try {
    const absent = await tailLog(path, log)
    assert.equal(warnings.length, 1)
    assert.deepEqual(await absent.emergencies(7), [])
    await writeFile(path, line(7, 'long ago'))
    const tail = await tailLog(path, log)
    assert.deepEqual(await tail.emergencies(7), [])
    const added = line(7, 'one') + line(8, 'of another') + line(7, 'one') + line(7, 'no', 'notice') + line(7, 'two')
    await writeFile(path, line(7, 'long ago') + added)
    assert.deepEqual(await tail.emergencies(7), ['one', 'two'])
    // Rotated in between.
    await writeFile(path, line(7, 'new'))
    assert.deepEqual(await tail.emergencies(7), ['new'])
    assert.equal(warnings.length, 1)
  } finally {
    await rm(dir, { recursive: true })
  }
})
