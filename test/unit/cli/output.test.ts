import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { formatReport, wantsColour } from '../../../src/cli/output.ts'
import { columns, countOf, line, paragraphs } from '../../../src/report/lines.ts'

describe('output', () => {
  const report = {
    document: { apiVersion: 'v', list: [1, undefined], gone: undefined },
    lines: [line('well', 'good'), line('')],
  }

  test('the same report in each form', () => {
    assert.equal(formatReport(report, 'json', true), '{\n  "apiVersion": "v",\n  "list": [\n    1,\n    null\n  ]\n}\n')
    assert.equal(formatReport(report, 'yaml', true), 'apiVersion: v\nlist:\n  - 1\n  - null\n')
    assert.equal(formatReport(report, 'text', false), 'well\n\n')
    assert.equal(formatReport(report, 'text', true), '\u001B[32mwell\u001B[0m\n\n')
  })

  test('what others wrote cannot steer the terminal', () => {
    const lines = [line('a\u001B[2Jb\rc')]
    assert.equal(formatReport({ document: {}, lines }, 'text', true), 'a\uFFFD[2Jb\uFFFDc\n')
  })

  test('nor can it in forms for programs, which read what was written', () => {
    const document = { name: 'a\u001B[2J\u009B2J\u007F\u202Eb\u2028c\nd', 'key\u009B': ['\u202E', 'no'] }
    const [json, yaml] = [
      formatReport({ document, lines: [] }, 'json', true),
      formatReport({ document, lines: [] }, 'yaml', true),
    ]
    for (const text of [json, yaml]) assert.doesNotMatch(text, /(?!\n)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u)
    assert.deepEqual(JSON.parse(json), document)
    for (const version of ['1.1', '1.2'] as const) assert.deepEqual(parse(yaml, { version }), document)
    assert.doesNotMatch(formatReport({ document, lines: [line(document.name)] }, 'text', true), /[\u202E\u2028\u009B]/)
  })

  const colours: readonly (readonly [isTTY: boolean, env: Record<string, string>, wanted: boolean])[] = [
    [true, {}, true],
    [true, { NO_COLOR: '' }, true],
    [true, { NO_COLOR: '1' }, false],
    [true, { TERM: 'dumb' }, false],
    [false, {}, false],
  ]
  for (const [isTTY, env, wanted] of colours) {
    test(`colour on ${isTTY ? 'a terminal' : 'a pipe'} with ${JSON.stringify(env)}: ${wanted}`, () => {
      assert.equal(wantsColour({ isTTY }, env), wanted)
    })
  }

  test('columns are as wide as their widest cell, and end where the text ends', () => {
    const rows = [{ cells: ['long name', '1'] }, { cells: ['b', ''] }]
    assert.deepEqual(
      columns(['NAME', 'N'], rows, '  ').map(({ text }) => text),
      ['  NAME       N', '  long name  1', '  b'],
    )
    assert.deepEqual(columns(['NAME'], []), [])
  })

  test('paragraphs are apart, and what says nothing leaves no gap', () => {
    const texts = paragraphs([], [line('a')], [], [line('b')]).map(({ text }) => text)
    assert.deepEqual(texts, ['a', '', 'b'])
  })

  test('counts have their plural', () => {
    assert.deepEqual(
      [countOf(1, 'Service'), countOf(2, 'Service'), countOf(0, 'proxy', 'proxies')],
      ['1 Service', '2 Services', '0 proxies'],
    )
  })
})
