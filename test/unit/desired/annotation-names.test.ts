import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readSettings } from '../../../src/desired/annotations.ts'
import { portOf, type ServiceWishes, service } from '../../support/builders.ts'

const read = (annotations: Readonly<Record<string, string>>, wishes: ServiceWishes = {}) =>
  readSettings(service('web', { annotations, ...wishes }), {})

const told = (annotations: Readonly<Record<string, string>>) => read(annotations).problems.map(({ message }) => message)

describe('unknown annotations', () => {
  const table: readonly (readonly [name: string, suggestion: string])[] = [
    ['proxyprotocol', ' (did you mean "proxy-protocol"?)'],
    ['clas', ' (did you mean "class"?)'],
    ['port', ' (did you mean "ports"?)'],
    ['weather', ''],
    ['xyzzy', ''],
    ['constructor', ''],
    ['__proto__', ''],
  ]
  for (const [name, suggestion] of table) {
    test(`fairway.dev/${name}${suggestion}`, () => {
      const { problems } = read({ [name]: 'x' })
      assert.deepEqual(problems, [
        {
          code: 'AnnotationUnknown',
          kind: 'terminal',
          message: `Service default/web has the annotation fairway.dev/${name}, which does not exist${suggestion}`,
          remedy: 'Correct or remove it',
        },
      ])
    })
  }

  test('ours and those of others are none of them', () => {
    const { problems } = read(
      { class: 'public', 'external-address': '203.0.113.10' },
      {
        meta: {
          annotations: { 'fairway.dev/class': 'x', 'fairway.dev/external-address': 'y', 'example.org/pool': 'z' },
        },
      },
    )
    assert.deepEqual(problems, [])
  })

  test('are told in the order of their names, whatever the order on the Service', () => {
    assert.deepEqual(told({ zebra: '1', apple: '2' }), told({ apple: '2', zebra: '1' }))
    assert.equal(told({ zebra: '1', apple: '2' }).length, 2)
  })
})

describe('annotation ports, of NodePort Services', () => {
  const ports = ['https:8443', 'smtp:2525', 'dns-tcp:5353', 'dns:5353/UDP']
  const mapping = (text: string) => {
    const settings = read({ ports: text }, { type: 'NodePort', ports })
    const mapped = settings.ports && ports.map((port) => settings.ports?.(portOf(port)) ?? '-').join(' ')
    return [mapped, settings.problems.map(({ message }) => message.replace(/^.*": /, ''))]
  }
  const table: readonly (readonly [text: string, mapped: string | undefined, complaint?: string])[] = [
    ['https=443,smtp=25', '443 25 - -'],
    ['8443=443', '443 - - -'],
    ['5353=53', '- - 53 53'],
    ['dns-tcp=53,dns=53', '- - 53 53'],
    [' https=443 , smtp=25 ', '443 25 - -'],
    ['https=443,imap=143', undefined, '"imap=143" is malformed'],
    ['https=443,', undefined, '"" is malformed'],
    ['https=0', undefined, '"https=0" is malformed'],
    ['https=65536', undefined, '"https=65536" is malformed'],
    ['https=443=1', undefined, '"https=443=1" is malformed'],
    ['https', undefined, '"https" is malformed'],
    ['https=443,8443=444', undefined, '"8443=444" is malformed'],
    ['https=443,smtp=443', undefined, '"smtp=443" is malformed'],
    ['', undefined, '"" is malformed'],
  ]
  for (const [text, mapped, complaint] of table) {
    test(`"${text}" ${mapped === undefined ? 'is malformed' : `gives ${mapped}`}`, () =>
      assert.deepEqual(mapping(text), [mapped, complaint === undefined ? [] : [complaint]]))
  }

  test('absent, the ports are those of the Service', () => {
    assert.equal(read({}, { type: 'NodePort' }).ports, undefined)
  })

  test('refused on LoadBalancer Services, whose clients read spec.ports', () => {
    const settings = read({ ports: 'https=443' }, { ports: ['https:8443'] })
    assert.equal(settings.ports, undefined)
    assert.deepEqual(
      settings.problems.map(({ code, remedy }) => [code, remedy]),
      [['AnnotationInvalid', 'Remove fairway.dev/ports and set spec.ports']],
    )
  })
})
