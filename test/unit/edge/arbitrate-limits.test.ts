import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ArbitrationInput } from '../../../src/edge/arbitrate.ts'
import { rangeOf } from '../../support/builders.ts'
import { on, owned, owner, rules, table } from './builders.ts'
import { decide, messageFor, verdicts } from './decide.ts'

const PLENTY = rules().quota
const lead = (...addresses: readonly string[]) => [
  {
    owner: owner('prod-a/public'),
    table: table(
      ['203.0.113.10:80'],
      addresses.map((address) => ({ name: 'x', address })),
    ),
  },
]
const targetsOf = (input: Partial<ArbitrationInput>) =>
  [...decide(input).state.groups.values()].flatMap(({ targets }) => targets.map(({ address }) => address))

describe('what is bound', () => {
  const publish = new Map([
    ['203.0.113.10', '10.1.0.100'],
    ['203.0.113.11', '10.1.0.100'],
    ['203.0.113.12', '*'],
    ['2001:db8::1', '*'],
  ])
  const bound = (...frontends: readonly string[]) =>
    decide({ tables: [owned('prod-a/public', ...frontends)], rules: rules({ publish }) }).state.frontends.map(
      ({ bindAddress }) => bindAddress,
    )

  test('an address is bound as itself, as its counterpart, or as all of its family', () => {
    assert.deepEqual(bound('203.0.113.9:80'), ['203.0.113.9'])
    assert.deepEqual(bound('203.0.113.10:80'), ['10.1.0.100'])
    assert.deepEqual(bound('203.0.113.12:80'), ['0.0.0.0'])
    assert.deepEqual(bound('[2001:db8::1]:80'), ['::'])
  })

  test('two published addresses on one bound address cannot have one port', () => {
    const tables = [
      owned('prod-a/public', '203.0.113.10:80'),
      owned('prod-b/public', '203.0.113.11:80', '203.0.113.11:81'),
    ]
    const input = { tables, rules: rules({ publish }) }
    assert.deepEqual(verdicts(input), {
      'prod-a/public tcp/203.0.113.10:80': 'served, told PortTaken',
      'prod-b/public tcp/203.0.113.11:80': 'PortTaken',
      'prod-b/public tcp/203.0.113.11:81': 'served',
    })
    const held = 'tcp/203.0.113.11:80, which is bound as tcp/10.1.0.100:80, is held by prod-a/public'
    assert.equal(messageFor(input, 'prod-b/public'), held)
  })

  test('a wildcard is in the way of every address of its family, for its own owner too', () => {
    const input = {
      rules: rules({ publish }),
      tables: [owned('prod-a/public', '203.0.113.12:80', '203.0.113.9:80', '[2001:db8::2]:80')],
    }
    assert.deepEqual(verdicts(input), {
      'prod-a/public tcp/203.0.113.12:80': 'served',
      'prod-a/public tcp/203.0.113.9:80': 'PortTaken',
      'prod-a/public tcp/[2001:db8::2]:80': 'served',
    })
  })
})

describe('what nobody may have', () => {
  const cases: readonly (readonly [what: string, key: string, code: string, wishes?: Parameters<typeof rules>[0]])[] = [
    ['a denied port', '203.0.113.10:22', 'PortDenied'],
    ['an address outside the ranges', '198.51.100.1:80', 'AddressOutsidePools'],
    ['a wildcard', '0.0.0.0:80', 'AddressOutsidePools'],
    ['a protocol that the program lacks', 'udp/203.0.113.10:53', 'ProtocolUnsupported', { protocols: ['TCP'] }],
    ['an address that the machine lacks', '203.0.113.10:80', 'AddressNotOnProxy', { addresses: undefined }],
    ['an address of the machine', '10.1.0.100:80', 'served', { addresses: undefined }],
    [
      'a published address',
      '198.51.100.1:80',
      'served',
      { addresses: undefined, publish: new Map([['198.51.100.1', '*']]) },
    ],
  ]
  for (const [what, key, code, wishes] of cases) {
    test(`${what}: ${code}`, () => {
      const said = verdicts({ tables: [owned('prod-a/public', key)], rules: rules(wishes) })
      assert.deepEqual(Object.values(said), [code])
    })
  }

  test('more frontends than the owner may have', () => {
    const tables = [
      owned('prod-a/public', '203.0.113.10:1', '203.0.113.10:2', '203.0.113.10:3'),
      owned('prod-b/public', '203.0.113.10:4'),
    ]
    const order = ['prod-a/public tcp/203.0.113.10:3']
    assert.deepEqual(Object.values(verdicts({ tables, order, rules: rules({ quota: { ...PLENTY, frontends: 2 } }) })), [
      'served',
      'served',
      'served',
      'QuotaExceeded',
    ])
  })
})

const ranges = (count: number) => Array.from({ length: count }, (_, index) => `10.${index}.0.0/16`)

describe('what is more than the owner may have', () => {
  test('hosts and source ranges count together; what is smaller and behind has its place, for good', () => {
    const tables = [
      owned(
        'prod-a/public',
        on('203.0.113.10:1#a.example,b.example', { sourceRanges: ranges(2) }),
        on('203.0.113.10:2', { sourceRanges: ranges(2) }),
        on('203.0.113.10:3', { sourceRanges: ranges(1) }),
        '203.0.113.10:4',
      ),
      owned('prod-b/public', on('203.0.113.10:5', { sourceRanges: ranges(5) })),
    ]
    const input = { tables, rules: rules({ quota: { ...PLENTY, entries: 5 } }) }
    const first = decide(input)
    const codes = verdicts(input)
    assert.deepEqual(codes, {
      'prod-a/public tcp/203.0.113.10:1#a.example,b.example': 'served',
      'prod-a/public tcp/203.0.113.10:2': 'QuotaExceeded',
      'prod-a/public tcp/203.0.113.10:3': 'served',
      'prod-a/public tcp/203.0.113.10:4': 'served',
      'prod-b/public tcp/203.0.113.10:5': 'served',
    })
    assert.deepEqual(verdicts({ ...input, order: first.order }), codes)
    assert.equal(
      messageFor(input, 'prod-a/public'),
      'tcp/203.0.113.10:2 is more than the 5 hosts and source ranges that prod-a/public may have on this proxy',
    )
  })

  test('targets count once for all frontends that share their group', () => {
    const tables = [
      owned(
        'prod-a/public',
        on('203.0.113.10:1', { group: 'all' }),
        on('203.0.113.10:2', { group: 'some' }),
        on('203.0.113.10:3', { group: 'all' }),
      ),
    ]
    assert.deepEqual(verdicts({ tables, rules: rules({ quota: { ...PLENTY, targets: 3 } }) }), {
      'prod-a/public tcp/203.0.113.10:1': 'served',
      'prod-a/public tcp/203.0.113.10:2': 'QuotaExceeded',
      'prod-a/public tcp/203.0.113.10:3': 'served',
    })
  })

  test('the administrator has no limit', () => {
    const fixed = [owned('_fixed/one', on('203.0.113.10:1', { sourceRanges: ranges(9) }))]
    const none = { frontends: 0, entries: 0, targets: 0 }
    assert.deepEqual(Object.values(verdicts({ fixed, rules: rules({ quota: none }) })), ['served'])
  })
})

describe('targets', () => {
  test('those on the proxy itself are left out, and told', () => {
    const tables = lead('10.0.0.1', '10.1.0.100', '127.0.0.1', '169.254.1.1', '203.0.113.77')
    assert.deepEqual(targetsOf({ tables }), ['10.0.0.1'])
    assert.deepEqual(Object.values(verdicts({ tables })), ['served, told TargetRefused'])
  })

  test('a frontend that has no others is refused, and keeps its socket', () => {
    const tables = [...lead('127.0.0.1', '::1'), owned('prod-b/public', '203.0.113.10:80')]
    assert.deepEqual(verdicts({ tables }), {
      'prod-a/public tcp/203.0.113.10:80': 'TargetRefused',
      'prod-b/public tcp/203.0.113.10:80': 'PortTaken',
    })
  })

  test('the administrator may allow them', () => {
    const allowing = rules({ targets: [rangeOf('127.0.0.0/8')] })
    assert.deepEqual(targetsOf({ tables: lead('127.0.0.1', '127.0.0.2', '::1'), rules: allowing }), [
      '127.0.0.1',
      '127.0.0.2',
    ])
  })

  test('none at all are no reason to refuse', () => {
    assert.deepEqual(Object.values(verdicts({ tables: lead() })), ['served'])
  })
})

test('ids tell owner and socket, and groups of different owners apart', () => {
  const tables = [
    owned('prod-a/public', '203.0.113.10:443', '[2001:db8::1]:443#a.example'),
    owned('prod-a/public-b', 'udp/203.0.113.10:53'),
  ]
  const { state } = decide({ tables })
  assert.deepEqual(
    state.frontends.map(({ id }) => id),
    [
      'prod-a.public-b.udp.203.0.113.10.53',
      'prod-a.public.tcp.2001_db8__1.443.b8e74533',
      'prod-a.public.tcp.203.0.113.10.443',
    ],
  )
  assert.equal(state.groups.size, 2)
})
