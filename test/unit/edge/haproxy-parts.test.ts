import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { keepVerdicts, planCommands } from '../../../src/edge/engines/haproxy/commands.ts'
import { parseRunning, type RunningServer } from '../../../src/edge/engines/haproxy/running.ts'
import type { Servers } from '../../../src/edge/engines/haproxy/servers.ts'
import { layOut } from '../../../src/edge/engines/haproxy/slots.ts'
import { readVerdicts } from '../../../src/edge/engines/haproxy/verdicts.ts'
import type { Target } from '../../../src/model/table.ts'
import { runs } from '../../support/builders.ts'

const target = (address: string, port?: number): Target => ({ name: address, address, ...(port && { port }) })
/** `1 . 3`: the last numbers of addresses in slots, and a dot for each empty one. */
const shown = (slots: readonly ({ readonly address: string } | undefined)[]) =>
  slots.map((slot) => slot?.address.split('.').at(-1) ?? '.').join(' ')
const seen = (text: string) =>
  text.split(' ').map((last) => (last === '.' ? undefined : { address: `10.0.0.${last}`, port: undefined }))
const targets = (text: string) => (text === '' ? [] : text.split(' ').map((last) => target(`10.0.0.${last}`)))

test('targets keep their slots, and those who join take the first free ones', () => {
  const cases: readonly (readonly [before: string, targets: string, after: string])[] = [
    ['1 2 3 .', '1 2 3', '1 2 3 .'],
    ['1 2 3 .', '1 3', '1 . 3 .'],
    ['1 . 3 .', '1 3 9', '1 9 3 .'],
    ['1 2 3 .', '4 5', '4 5 . .'],
    ['1 2 3 .', '', '. . . .'],
    // More than fit.
    ['3 2 1 .', '1 2 3 4 5', '3 2 1 4 5 . . .'],
  ]
  for (const [before, now, after] of cases) assert.equal(shown(layOut(targets(now), seen(before))), after)
  assert.equal(shown(layOut(targets('1 2'), [])), '1 2 . .')
  assert.equal(layOut([], []).length, 4)
  assert.equal(layOut(targets('1'), seen(Array.from({ length: 100 }, () => '.').join(' '))).length, 4)
})

test('each target has one slot, whatever was there', () => {
  const anyTarget = fc.record({
    address: fc.nat(30).map((last) => `10.0.0.${last}`),
    port: fc.constantFrom(undefined, 80),
  })
  const anyTargets = fc.uniqueArray(anyTarget, { selector: ({ address, port }) => `${address} ${port}`, maxLength: 40 })
  fc.assert(
    fc.property(anyTargets, fc.array(fc.option(anyTarget, { nil: undefined })), (some, before) => {
      const list = some.map(({ address, port }) => target(address, port))
      const layout = layOut(list, before)
      const found = layout.filter((one) => one !== undefined)
      assert.deepEqual(new Set(found), new Set(list))
      assert.equal(found.length, list.length)
      const again = layOut(
        list,
        layout.map((one) => one && { address: one.address, port: one.port }),
      )
      assert.deepEqual(again, layout)
    }),
    runs(200),
  )
})

const PROC = `#<PID>          <type>          <reloads>       <uptime>        <version>      
29461           master          4 [failed: 1]   0d00h00m44s     2.6.12-1+deb12u4
# workers
30169           worker          1               0d00h00m07s     2.6.12-1+deb12u4
# old workers
29955           worker          2               0d00h00m09s     2.6.12-1+deb12u4
29950           worker          3               0d00h00m11s     2.6.12-1+deb12u4
# programs

`
const STATE = `1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port
3 admin 1 one 10.9.9.9 2 0 1 1 1 1 0 2 0 0 0 0 - 80 - 0 0 - - 0
5 fairway.to.g 1 s1 127.9.2.1 2 0 16 16 1 1 0 2 0 0 0 0 - 0 - 0 0 - - 0
5 fairway.to.g 2 s2 fd00::1 0 2 1 1 3 1 0 2 0 0 0 0 - 8080 - 0 0 - - 0
5 fairway.to.g 3 s3 192.0.2.1 0 7 1 1 3 1 0 0 8 0 0 0 - 0 - 0 0 - - 0
5 fairway.to.g 4 s4 127.9.2.4 2 8 0 1 3 1 0 0 8 0 0 0 - 0 - 0 0 - - 0
9 fairway.shape 1 0123456789abcdef 192.0.2.1 0 5 1 1 3 1 0 0 8 0 0 0 - 1 - 0 0 - - 0

`

test('what runs is read from two answers of HAProxy 2.6', () => {
  const { backends = new Map<string, ReadonlyMap<string, RunningServer>>(), ...rest } = parseRunning(PROC + STATE) ?? {}
  assert.deepEqual(rest, { worker: 30_169, reloads: 4, failed: true, old: 2, shape: '0123456789abcdef' })
  assert.deepEqual([...backends.keys()], ['fairway.to.g', 'fairway.shape'])
  assert.deepEqual(Object.fromEntries(backends.get('fairway.to.g') ?? []), {
    s1: { address: '127.9.2.1', port: 0, weight: 16, maintenance: false, drained: false, up: true },
    // Not taken out itself, but what it tracks.
    s2: { address: 'fd00::1', port: 8080, weight: 1, maintenance: false, drained: false, up: false },
    s3: { address: '192.0.2.1', port: 0, weight: 1, maintenance: true, drained: false, up: false },
    s4: { address: '127.9.2.4', port: 0, weight: 0, maintenance: false, drained: true, up: true },
  })
})

test('answers without a worker are none', () => {
  assert.equal(parseRunning(''), undefined)
  assert.equal(parseRunning(PROC), undefined)
  assert.equal(parseRunning(`${PROC.replace(/^30169.*\n/m, '')}${STATE}`), undefined)
  const quiet = PROC.replace(/# old workers\n(.*\n){2}/, '')
  assert.equal(parseRunning(quiet + STATE)?.old, 0)
})

/** `1 2w0 !3 .`: weight 0 behind a `w`, taken out by hand, empty. */
function running(text: string): ReadonlyMap<string, RunningServer> {
  const servers = text.split(' ').map((word, slot) => {
    const { last, weight = '1' } = /^!?(?<last>\d*)\.?(?:w(?<weight>\d+))?$/.exec(word)?.groups ?? {}
    const maintenance = word === '.' || word.startsWith('!')
    const address = `10.0.0.${last}`
    return [
      `s${slot + 1}`,
      { address, port: 0, weight: Number(weight), maintenance, drained: false, up: true },
    ] as const
  })
  return new Map(servers)
}

function wanted(text: string): Servers {
  return text.split(' ').map((word) => {
    const [last = '', weight = '1'] = word.split('w')
    return word === '.' ? undefined : { address: `10.0.0.${last}`, port: undefined, weight: Number(weight) }
  })
}

test('commands bring servers from one state to another, those who join first', () => {
  const cases: readonly (readonly [have: string, want: string, commands: readonly string[] | undefined])[] = [
    ['1 2 .', '1 2 .', []],
    ['1 2 .', '1 . 3', ['s3 addr 10.0.0.3', 's3 state ready', 's2 state maint']],
    ['1 2 .', '4 2 .', ['s1 addr 10.0.0.4']],
    ['1 !2 .', '1 2 .', ['s2 state ready']],
    ['1 2 .', '1w0 2 .', ['s1 weight 0', 'clear table to data.server_id eq 1']],
    ['1w0 2 .', '1 2 .', ['s1 weight 1']],
    // Who joins to drain never gets a connection.
    ['1 2 .', '1 2 3w0', ['s3 addr 10.0.0.3', 's3 weight 0', 's3 state ready']],
    ['1 !2 .', '1 2w0 .', ['s2 weight 0', 's2 state ready']],
    ['1 2 .', '1 2', undefined],
    ['1 2 .', '1 2 . .', undefined],
  ]
  for (const [have, want, commands] of cases) {
    const found = planCommands(new Map([['to', wanted(want)]]), new Map([['to', running(have)]]), new Set(['to']))
    assert.deepEqual(
      found?.map((one) => one.replace('set server to/', '')),
      commands,
      `${have} to ${want}`,
    )
  }
  assert.equal(planCommands(new Map([['to', wanted('1')]]), new Map(), new Set()), undefined)
})

/** The changes of state in a backend that is checked and in one that tracks it. */
function stateChanges(have: string, want: string): readonly string[] | undefined {
  const both = ['check', 'to']
  const commands = planCommands(
    new Map(both.map((name) => [name, wanted(want)])),
    new Map(both.map((name) => [name, running(have)])),
    new Set(),
  )
  return commands?.filter((one) => one.includes('state')).map((one) => one.replace('set server ', ''))
}

test('servers that are checked join before those that track them, and leave after them', () => {
  const order = ['check/s3 state ready', 'to/s3 state ready', 'to/s2 state maint', 'check/s2 state maint']
  assert.deepEqual(stateChanges('1 2 .', '1 . 3'), order)
})

test('a new worker is told which targets were down', () => {
  const before = new Map([
    ['fairway.check.g', new Map([...running('1 2 3 . 5')].map(([name, one]) => [name, { ...one, up: name === 's1' }]))],
    ['fairway.to.g', new Map([...running('1 2 3')].map(([name, one]) => [name, { ...one, up: false }]))],
  ])
  const now = new Map([
    ['fairway.check.g', wanted('1 2 9 . .')],
    ['fairway.check.other', wanted('1')],
    ['fairway.to.g', wanted('1 2 9')],
  ])
  assert.deepEqual(keepVerdicts(now, before), ['set server fairway.check.g/s2 health down'])
})

test('what HAProxy says is about the frontends of a line or of a name', () => {
  const sections = [
    { owners: [], head: 'defaults fairway', lines: ['mode tcp'] },
    { owners: ['a'], head: 'frontend fairway.a from fairway', lines: ['bind :1', 'bogus'] },
    { owners: ['a', 'b'], head: 'backend fairway.to.g.1 from fairway', lines: [] },
  ]
  const output = `[NOTICE]   (7) : haproxy version is 2.6.12
[ALERT]    (7) : config : parsing [/x/.fairway.cfg.new:6] : unknown keyword 'bogus' in 'frontend' section
[ALERT]    (7) : config : Parsing [/x/.fairway.cfg.new:8]: backend 'fairway.to.g.1' has the same name as backend 'fairway.to.g.1' declared at /etc/haproxy.cfg:9.
[ALERT]    (7) : config : proxy 'fairway.to.g.1': it is what it is.
[ALERT]    (7) : config : parsing [/etc/haproxy.cfg:6] : unknown keyword 'nonsense' in 'frontend' section
[ALERT]    (7) : config : Error(s) found in configuration file : /x/.fairway.cfg.new
[ALERT]    (7) : config : Fatal errors found in configuration.
`
  assert.deepEqual(readVerdicts(output, '/x/.fairway.cfg.new', sections), [
    { owners: ['a'], sentence: "unknown keyword 'bogus' in 'frontend' section" },
    {
      owners: ['a', 'b'],
      sentence: "backend 'fairway.to.g.1' has the same name as backend 'fairway.to.g.1' declared at /etc/haproxy.cfg:9",
    },
    { owners: ['a', 'b'], sentence: "proxy 'fairway.to.g.1': it is what it is" },
    { owners: [], sentence: "parsing [/etc/haproxy.cfg:6] : unknown keyword 'nonsense' in 'frontend' section" },
  ])
})
