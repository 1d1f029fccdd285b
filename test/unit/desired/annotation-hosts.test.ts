import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readSettings, type Settings } from '../../../src/desired/annotations.ts'
import { portOf, type ServiceWishes, service } from '../../support/builders.ts'

const PORTS = ['https:443', 'ssh:22', 'dns-tcp:53', 'dns:53/UDP']

function read(annotations: Readonly<Record<string, string>>, wishes: ServiceWishes = {}): Settings {
  return readSettings(service('web', { ports: PORTS, annotations, ...wishes }), { hosts: 'd.example' })
}

/** The hosts of each port, and what is wrong: `https=a.example+b.example ssh=- dns-tcp=- dns=-`. */
const hosts = (text: string) => {
  const settings = read({ hosts: text })
  const byPortName = PORTS.map((port) => `${port.split(':')[0]}=${settings.hostsFor(portOf(port)).join('+') || '-'}`)
  return [byPortName.join(' '), ...settings.problems.map(({ message }) => message.replace(/^.*?": /, ''))]
}

describe('hosts of each port, over the default d.example of the class', () => {
  const table: readonly (readonly [text: string, result: readonly string[], why: string])[] = [
    [
      'b.example,a.example',
      ['https=a.example+b.example ssh=a.example+b.example dns-tcp=a.example+b.example dns=-'],
      'for every TCP port, sorted; UDP has none',
    ],
    ['https=a.example', ['https=a.example ssh=d.example dns-tcp=d.example dns=-'], 'for one port'],
    [
      '22=a.example , https=*.b.example, https=c.example',
      ['https=*.b.example+c.example ssh=a.example dns-tcp=d.example dns=-'],
      'several for one port, by name or by number',
    ],
    [
      'z.example,https=a.example',
      ['https=a.example ssh=z.example dns-tcp=z.example dns=-'],
      'entries without a port are for those that have none of their own',
    ],
    ['z.example,https=off', ['https=- ssh=z.example dns-tcp=z.example dns=-'], 'none for one port'],
    ['53=a.example', ['https=d.example ssh=d.example dns-tcp=a.example dns=-'], 'a number means the TCP port'],
    [
      'a.example,https=a.example',
      ['https=a.example ssh=a.example dns-tcp=a.example dns=-'],
      'one name for several ports',
    ],
    ['off', ['https=- ssh=- dns-tcp=- dns=-'], 'off undoes the default'],
    [
      'dns=a.example',
      ['https=d.example ssh=d.example dns-tcp=d.example dns=-', '"dns" is no TCP port of the Service'],
      'not for UDP',
    ],
    [
      'smtp=a.example',
      ['https=d.example ssh=d.example dns-tcp=d.example dns=-', '"smtp" is no TCP port of the Service'],
      'not for a port that is not there',
    ],
    [
      'https=a.example=b',
      ['https=d.example ssh=d.example dns-tcp=d.example dns=-', '"a.example" is no TCP port of the Service'],
      'one = only',
    ],
    [
      'https=a.example,443=a.example',
      ['https=d.example ssh=d.example dns-tcp=d.example dns=-', '"a.example" is there twice'],
      'not twice for a port',
    ],
    [
      'a.example,off',
      ['https=d.example ssh=d.example dns-tcp=d.example dns=-', '"off" stands beside a host'],
      'off is no name among others',
    ],
    [
      'https=A.example',
      ['https=d.example ssh=d.example dns-tcp=d.example dns=-', '"A.example" is malformed'],
      'lower case',
    ],
  ]
  for (const [text, result, why] of table) {
    test(`"${text}": ${why}`, () => assert.deepEqual(hosts(text), result))
  }

  test('all names of all ports must fit into the record of the Service', () => {
    const long = Array.from({ length: 30 }, (_, index) => `${'x'.repeat(60)}.${'y'.repeat(60)}.h${index}.example`).join(
      ',',
    )
    assert.deepEqual(hosts(long).slice(1), [])
    const ports = Array.from({ length: 5 }, (_, index) => String(1_000 + index))
    assert.match(read({ hosts: long }, { ports }).problems[0]?.message ?? '', /: there are too many hosts$/)
  })
})
