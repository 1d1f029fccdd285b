import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readListeners } from '../../../src/haproxy/listeners.ts'
import { readSections, splitWords } from '../../../src/haproxy/sections.ts'

const WORDS: readonly (readonly [line: string, words: readonly string[]])[] = [
  ['  bind *:80 # a comment', ['bind', '*:80']],
  ['# nothing', []],
  ['log-format "a \\"b\\" #c"', ['log-format', 'a "b" #c']],
  ["acl x path '/a b'\\ c", ['acl', 'x', 'path', '/a b c']],
  ['server s1 10.0.0.1:80\tcheck', ['server', 's1', '10.0.0.1:80', 'check']],
  ['x \'\' ""', ['x', '', '']],
]

test('words are parted as HAProxy parts them', () => {
  for (const [line, words] of WORDS) assert.deepEqual(splitWords(line), words, line)
})

test('sections keep their lines and where they are', () => {
  const sections = readSections(
    '# head\nglobal\n  maxconn 5\n\nlisten a from b\n  bind :80\n.if defined(X)\n  bind :81\n.endif\n',
  )
  assert.deepEqual(
    sections.map(({ kind, name, rest, line, lines, conditional }) => [
      kind,
      name,
      rest,
      line,
      lines.length,
      conditional,
    ]),
    [
      ['global', '', [], 2, 1, false],
      ['listen', 'a', ['from', 'b'], 5, 2, true],
    ],
  )
})

/** What a bind line listens on: address, first and last port. */
const BINDS: readonly (readonly [line: string, ...listeners: string[]])[] = [
  ['bind 10.0.0.1:80', 'TCP 10.0.0.1 80-80'],
  ['bind 10.0.0.1:80,10.0.0.2:443 ssl crt x', 'TCP 10.0.0.1 80-80', 'TCP 10.0.0.2 443-443'],
  ['bind *:8000-8010', 'TCP 0.0.0.0 8000-8010'],
  ['bind :80', 'TCP 0.0.0.0 80-80'],
  ['bind [::]:80', 'TCP * 80-80'],
  ['bind :::80 v4v6', 'TCP * 80-80'],
  ['bind [::]:80 v6only', 'TCP :: 80-80'],
  ['bind ipv6@:80', 'TCP :: 80-80'],
  ['bind [2001:DB8::1]:80', 'TCP 2001:db8::1 80-80'],
  ['bind quic4@10.0.0.1:443', 'UDP 10.0.0.1 443-443'],
  ['dgram-bind 10.0.0.1:514', 'UDP 10.0.0.1 514-514'],
  ['stats socket ipv4@127.0.0.1:9999 level admin', 'TCP 127.0.0.1 9999-9999'],
  ['bind unix@/run/x.sock'],
  ['bind /run/x.sock'],
  ['bind fd@3'],
  ['bind web.example:80'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: HAProxy's own.
  ['bind "${ADDRESS}:80"'],
  ['no bind'],
]

test('listeners are read with their holders', () => {
  for (const [line, ...listeners] of BINDS) {
    const found = readListeners(`frontend web\n  ${line}\n`)
    const texts = found.map((one) => `${one.protocol} ${one.address} ${one.firstPort}-${one.lastPort}`)
    assert.deepEqual(texts, listeners, line)
    assert(found.every(({ holder }) => holder === 'frontend web'))
  }
})

test("the administrator's bind lines", () => {
  const text = `global
  stats socket /run/haproxy/admin.sock
  stats socket ipv4@127.0.0.1:9999 level admin
# bind 10.0.0.9:9
frontend web
    bind 203.0.113.5:80,203.0.113.6:8000-8010 name both
    bind [2001:db8::5]:443 ssl crt /etc/x.pem
    bind :::8443 v6only
    bind *:8080
    bind :8081
    bind ipv6@*:8082
    bind quic4@203.0.113.5:443
    bind "\${ADDRESS}:1"
    bind unix@/run/x
    bind abns@x
    bind host.example:1
    bind fd@3
  listen stats
.if defined(MORE)
  bind 127.0.0.1:9001
.endif
bind ipv4@127.0.0.1:9000
.if defined(HUGE)
  frontend huge
    bind 203.0.113.5:1-65535
.endif
log-forward logs
    dgram-bind 127.0.0.1:514
`
  const found = readListeners(text).map(
    ({ protocol, address, firstPort, lastPort, holder }) => `${protocol} ${address} ${firstPort}-${lastPort} ${holder}`,
  )
  assert.deepEqual(found, [
    'TCP 127.0.0.1 9999-9999 global',
    'TCP 203.0.113.5 80-80 frontend web',
    'TCP 203.0.113.6 8000-8010 frontend web',
    'TCP 2001:db8::5 443-443 frontend web',
    'TCP :: 8443-8443 frontend web',
    'TCP 0.0.0.0 8080-8080 frontend web',
    'TCP 0.0.0.0 8081-8081 frontend web',
    'TCP :: 8082-8082 frontend web',
    'UDP 203.0.113.5 443-443 frontend web',
    'TCP 127.0.0.1 9000-9000 listen stats',
    'UDP 127.0.0.1 514-514 log-forward logs',
  ])
})
