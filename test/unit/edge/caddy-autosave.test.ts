/** What stands in for a file of Caddy's own that was cut off, and that the files of deploy/edge name the same paths. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import * as fc from 'fast-check'
import { caddySchema } from '../../../src/config/edge-engine-caddy.ts'

const DEPLOY = resolve(import.meta.dirname, '../../../deploy/edge')
const SAVED = '{"apps":{"layer4":{"servers":{"saved":{}}}}}\n'
const run = promisify(execFile)

/** What Caddy finds after the step before its start. Undefined: no such file. */
async function prepare(autosave: string | Buffer | undefined, saved: string | undefined): Promise<string | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-autosave-'))
  try {
    const files = [join(dir, 'autosave.json'), join(dir, 'saved.json')] as const
    if (autosave !== undefined) await writeFile(files[0], autosave)
    if (saved !== undefined) await writeFile(files[1], saved)
    await run('sh', [join(DEPLOY, 'caddy-autosave'), ...files])
    return await readFile(files[0], 'utf8').catch(() => undefined)
  } finally {
    await rm(dir, { recursive: true })
  }
}

/** With what could be taken for the structure of JSON in its strings. */
const anyText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom('{', '}', '"', '\\', 'n') }),
)
const anyConfig = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, anyText, fc.integer(), fc.constant(null), tie('object'), fc.array(tie('value'))),
  object: fc.dictionary(anyText, tie('value')),
})).object

test('a file that is cut off anywhere is replaced, a whole one is not', async () => {
  const texts = anyConfig.map((config) => JSON.stringify(config))
  await fc.assert(
    fc.asyncProperty(texts, fc.nat(), async (text, at) => {
      const part = Buffer.from(text).subarray(0, at % Buffer.byteLength(text))
      assert.equal(await prepare(text, SAVED), text)
      assert.equal(await prepare(part, SAVED), SAVED)
    }),
    { numRuns: 40 },
  )
})

const WHOLE = '{"admin":{"listen":"unix//run/caddy/admin.sock"},"apps":{}}'

const CASES: readonly [
  name: string,
  autosave: string | undefined,
  saved: string | undefined,
  found: string | undefined,
][] = [
  ['whole', WHOLE, SAVED, WHOLE],
  ['whole, as a person writes', '{\n\t"apps": {}\n}\n', SAVED, '{\n\t"apps": {}\n}\n'],
  ['whole, and nothing saved', WHOLE, undefined, WHOLE],
  ['not there, as an administrator wants it who begins anew', undefined, SAVED, undefined],
  ['empty', '', SAVED, SAVED],
  ['filled up by the disk', `${WHOLE.slice(0, 20)}${'\0'.repeat(WHOLE.length - 20)}`, SAVED, SAVED],
  ['filled up in its midst', WHOLE.replace('"apps"', '\0'.repeat(6)), SAVED, SAVED],
  ['cut off, and nothing saved', WHOLE.slice(0, -1), undefined, undefined],
  ['cut off, and saved from a Caddy without a configuration', WHOLE.slice(0, -1), 'null\n', undefined],
]

for (const [name, autosave, saved, found] of CASES) {
  test(`a file of Caddy's own: ${name}`, async () => assert.equal(await prepare(autosave, saved), found))
}

test('the edge saves where the unit of Caddy looks', async () => {
  const { savedFile } = caddySchema.parse({})
  assert.match(
    await readFile(join(DEPLOY, 'systemd/caddy.conf'), 'utf8'),
    new RegExp(`^ExecStartPre=.* ${savedFile}$`, 'm'),
  )
  for (const name of ['systemd/fairway-edge-caddy.conf', 'tmpfiles-caddy.conf'])
    assert.ok((await readFile(join(DEPLOY, name), 'utf8')).includes(dirname(savedFile)), name)
})
