import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import { test } from 'node:test'
import { sourceFiles } from '../support/source-files.ts'

const SRC = resolve(import.meta.dirname, '../../src')

/** What is told of a moment to people or to other programs. The page counts in its reader's browser. */
const TELL_MOMENTS = new Set(['cli/doctor.ts', 'kube/clock.ts'])

test('no wait is counted by the wall clock: a machine whose clock is set meanwhile would give up, or never', async () => {
  const found: string[] = []
  for (const file of await sourceFiles(SRC, '.ts')) {
    const name = relative(SRC, file)
    if (TELL_MOMENTS.has(name) || name.startsWith('server/page')) continue
    if ((await readFile(file, 'utf8')).includes('Date.now()')) found.push(name)
  }
  assert.deepEqual(found, [])
})
