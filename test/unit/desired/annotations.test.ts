import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AnnotationName } from '../../../src/desired/annotation-values.ts'
import { checkDefaults, readDefault, readSettings, type Settings } from '../../../src/desired/annotations.ts'
import { portOf, type ServiceWishes, service } from '../../support/builders.ts'

const PORTS = ['https:443', 'ssh:22', 'dns-tcp:53', 'dns:53/UDP']

function read(annotations: Readonly<Record<string, string>>, defaults = {}, wishes: ServiceWishes = {}): Settings {
  return readSettings(service('web', { ports: PORTS, annotations, ...wishes }), defaults)
}

/** The value for each port: `https=v2 ssh=- dns-tcp=- dns=-`. */
function byPort(settings: Settings, name: AnnotationName): string {
  return PORTS.map((text) => `${text.split(':')[0]}=${String(settings.forPort(name, portOf(text)) ?? '-')}`).join(' ')
}

const VALUES: readonly (readonly [name: AnnotationName, text: string, value: unknown])[] = [
  ['address', '203.0.113.10', ['203.0.113.10']],
  ['address', '203.0.113.10, 2001:DB8::1', ['203.0.113.10', '2001:db8::1']],
  ['pool', 'main', 'main'],
  ['families', 'IPv6,IPv4', ['IPv6', 'IPv4']],
  ['sharing', 'namespace', 'namespace'],
  ['hosts', 'a.example, *.b.example', ['a.example', '*.b.example']],
  ['proxy-protocol', ' v2 ', 'v2'],
  ['balance', 'least-connections', 'least-connections'],
  ['health-check', 'tcp', 'tcp'],
  ['health-check', 'http', 'http'],
  ['health-check-interval', '100ms', 100],
  ['health-check-interval', '1h', 3_600_000],
  ['health-check-timeout', '2s', 2_000],
  ['health-check-rise', '1', 1],
  ['health-check-fall', '100', 100],
  ['idle-timeout', '5m', 300_000],
  ['max-connections', '1000', 1_000],
  ['targets', 'pods', 'pods'],
  ['node-address-type', 'InternalIP, ExternalIP', ['InternalIP', 'ExternalIP']],
  ['node-selector', 'role=edge,!spot', 'role=edge,!spot'],
]

const MALFORMED: readonly (readonly [name: AnnotationName, text: string])[] = [
  ['address', '203.0.113.010'],
  ['address', '203.0.113.10,203.0.113.11'],
  ['address', '203.0.113.10,203.0.113.10'],
  ['address', '::1,::2,203.0.113.1'],
  ['address', ''],
  ['pool', 'Main'],
  ['families', 'ipv4'],
  ['families', 'IPv4,IPv4'],
  ['sharing', 'yes'],
  ['hosts', 'a..example'],
  ['hosts', 'a.*.example'],
  ['hosts', 'a.example\nb'],
  ['hosts', `${'a.'.repeat(127)}toolong`],
  ['hosts', 'A.example'],
  ['hosts', '203.0.113.10'],
  ['hosts', '*'],
  ['hosts', '*.*.example'],
  ['hosts', 'a.example,a.example'],
  ['hosts', Array.from({ length: 65 }, (_, index) => `h${index}.example`).join(',')],
  ['proxy-protocol', 'V2'],
  ['proxy-protocol', 'v2=https'],
  ['balance', 'fastest'],
  ['health-check', 'ping'],
  ['health-check-interval', '99ms'],
  ['health-check-timeout', '61m'],
  ['health-check-rise', '0'],
  ['health-check-fall', '101'],
  ['idle-timeout', '0s'],
  ['max-connections', '0'],
  ['max-connections', '1e3'],
  ['targets', 'pod'],
  ['node-address-type', 'Hostname'],
  ['node-selector', 'role in (edge'],
  ['node-selector', '{env.HOME}'],
]

describe('the value of an annotation', () => {
  for (const [name, text, value] of VALUES) {
    test(`${name}: "${text}"`, () => {
      const settings = read({ [name]: text })
      assert.deepEqual([settings.whole(name), settings.problems], [value, []])
      assert.equal(settings.asked(name), true)
      assert.equal(read({}).asked(name), false)
    })
  }
  for (const [name, text] of MALFORMED) {
    test(`${name}: "${text.slice(0, 40)}" is malformed, and reads as if it were absent`, () => {
      const settings = read({ [name]: text })
      assert.deepEqual(
        [settings.whole(name), settings.problems.map(({ code }) => code)],
        [undefined, ['AnnotationInvalid']],
      )
      assert.match(settings.problems[0]?.message ?? '', new RegExp(`^Service default/web has fairway\\.dev/${name}: `))
    })
  }

  test('every annotation can be a default of the class, beneath the own value', () => {
    for (const [name, text, value] of VALUES) {
      assert.deepEqual(read({}, { [name]: text.trim() }).whole(name), value, name)
    }
    const settings = read({ sharing: 'dedicated' }, { sharing: 'namespace' })
    assert.deepEqual([settings.whole('sharing'), settings.asked('sharing')], ['dedicated', true])
    assert.equal(read({}, { sharing: 'namespace' }).asked('sharing'), false)
  })

  test('`off` undoes the default of the class, even where it could be a name', () => {
    for (const [name, text] of VALUES) {
      const settings = read({ [name]: 'off' }, { [name]: text.trim() })
      assert.deepEqual([settings.whole(name), settings.problems, settings.asked(name)], [undefined, [], true], name)
    }
  })
})

describe('values that differ by port', () => {
  const table: readonly (readonly [text: string, values: string, why: string])[] = [
    ['v2', 'https=v2 ssh=v2 dns-tcp=v2 dns=v2', 'one value for all'],
    ['https=v2', 'https=v2 ssh=- dns-tcp=- dns=-', 'by name'],
    ['443=v2,22=v1', 'https=v2 ssh=v1 dns-tcp=- dns=-', 'by number'],
    ['53=v1', 'https=- ssh=- dns-tcp=v1 dns=v1', 'a number means the TCP and the UDP port'],
    ['dns-tcp=v1,dns=v2', 'https=- ssh=- dns-tcp=v1 dns=v2', 'names tell TCP and UDP apart'],
    [' https=v2 , ssh=off ', 'https=v2 ssh=- dns-tcp=- dns=-', 'spaces around entries'],
  ]
  for (const [text, values, why] of table) {
    test(`"${text}": ${why}`, () => {
      const settings = read({ 'proxy-protocol': text })
      assert.deepEqual([byPort(settings, 'proxy-protocol'), settings.problems], [values, []])
    })
  }

  test('over a default of the class, of which UDP never inherits a PROXY header', () => {
    const defaults = { 'proxy-protocol': 'v2', balance: 'random' }
    assert.equal(byPort(read({}, defaults), 'proxy-protocol'), 'https=v2 ssh=v2 dns-tcp=v2 dns=-')
    assert.equal(
      byPort(read({ 'proxy-protocol': 'ssh=off,dns=v2' }, defaults), 'proxy-protocol'),
      'https=v2 ssh=- dns-tcp=v2 dns=v2',
    )
    assert.equal(byPort(read({ 'proxy-protocol': 'off' }, defaults), 'proxy-protocol'), 'https=- ssh=- dns-tcp=- dns=-')
    assert.equal(byPort(read({}, defaults), 'balance'), 'https=random ssh=random dns-tcp=random dns=random')
  })

  test('a Service that asks for one port asks for no other', () => {
    const settings = read({ balance: 'https=source' })
    assert.deepEqual(
      [settings.asked('balance'), settings.asked('balance', portOf('443')), settings.asked('balance', portOf('22'))],
      [false, true, false],
    )
  })

  const malformed: readonly (readonly [text: string, complaint: string])[] = [
    ['smtp=v2', '"smtp" is no port of the Service'],
    ['25=v2', '"25" is no port of the Service'],
    ['v1,https=v2', '"v1" is no port of the Service'],
    ['=v2', '"" is no port of the Service'],
    ['https=v2=v1', '"https" is no port of the Service'],
    ['https=v3', '"v3" is malformed'],
    ['https=', '"" is malformed'],
    ['https=v2,443=v1', 'port 443/TCP is there twice'],
    ['53=v1,dns=v2', 'port 53/UDP is there twice'],
    ['__proto__=v2', '"__proto__" is no port of the Service'],
  ]
  for (const [text, complaint] of malformed) {
    test(`"${text}": ${complaint}`, () => {
      const settings = read({ 'proxy-protocol': text })
      assert.deepEqual(
        settings.problems.map(({ message, remedy }) => [message, remedy]),
        [
          [
            `Service default/web has fairway.dev/proxy-protocol: "${text}": ${complaint}`,
            'Set it to one of v1, v2, off',
          ],
        ],
      )
      assert.equal(byPort(settings, 'proxy-protocol'), 'https=- ssh=- dns-tcp=- dns=-')
    })
  }
})

describe('whether anything is said, `off` included', () => {
  const table: readonly (readonly [
    why: string,
    own: Readonly<Record<string, string>>,
    defaults: Readonly<Record<string, string>>,
    said: string,
  ])[] = [
    ['nothing', {}, {}, ''],
    ['by the Service', { 'health-check': 'tcp' }, {}, 'https ssh dns-tcp dns'],
    ['by the Service, off', { 'health-check': 'off' }, {}, 'https ssh dns-tcp dns'],
    ['by the Service for one port', { 'health-check': 'ssh=off' }, {}, 'ssh'],
    ['by the class, whose default is for TCP', {}, { 'health-check': 'tcp' }, 'https ssh dns-tcp'],
    ['by the class, off: that is for UDP too', {}, { 'health-check': 'off' }, 'https ssh dns-tcp dns'],
    ['malformed is unsaid', { 'health-check': 'ping' }, {}, ''],
  ]
  for (const [why, own, defaults, expected] of table) {
    test(`${why}: ${expected || 'no port'}`, () => {
      const settings = read(own, defaults)
      const said = PORTS.filter((text) => settings.said('health-check', portOf(text)))
      assert.equal(said.map((text) => text.split(':')[0]).join(' '), expected)
    })
  }
})

test('a long value is shortened in messages', () => {
  const [problem] = read({ balance: 'x'.repeat(1_000) }).problems
  assert.ok((problem?.message.length ?? 999) < 300 && problem?.message.includes('…'))
})

test('one default as a value, for checks at load', () => {
  assert.deepEqual(readDefault({ 'idle-timeout': '5m' }, 'idle-timeout'), 300_000)
  assert.deepEqual([readDefault({}, 'balance'), readDefault({ balance: 'x' }, 'balance')], [undefined, undefined])
})

test('`off` is a default like any other', () => {
  assert.deepEqual([...checkDefaults({ 'health-check': 'off', balance: 'off' })], [])
  assert.equal(readDefault({ 'health-check': 'off' }, 'health-check'), undefined)
})

test('defaults of a class are checked by name and value', () => {
  assert.deepEqual(
    [
      ...checkDefaults({
        'proxy-protocol': 'v2',
        sharing: 'yes',
        hosts: 'https=a.example',
        polo: 'x',
        weather: 'fine',
        ports: 'https=1',
      }),
    ],
    [
      ['sharing', '"yes" is not one of any, namespace, dedicated'],
      ['hosts', '"https=a.example" is not host names, or *. before one'],
      ['polo', 'unknown annotation "polo" (did you mean "pool"?)'],
      ['weather', 'unknown annotation "weather"'],
      ['ports', 'unknown annotation "ports" (did you mean "hosts"?)'],
    ],
  )
})
