/** What a program is given on a disk that is full, where it must not take the last room from the tables of all owners, and where somebody removes it. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDurableFile, writeDurably } from '../../../src/edge/engines/common/durable-file.ts'
import { openStateFolder } from '../../../src/edge/engines/envoy/folder.ts'
import { makeResources } from '../../../src/edge/engines/envoy/resources.ts'
import { FairwayError } from '../../../src/model/problems.ts'

async function inFolder(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-full-'))
  try {
    await work(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

const isOfDisk = (error: unknown) => error instanceof FairwayError && /disk/.test(error.problem.remedy)

test('what could not be written whole of a file is not left there', () =>
  inFolder(async (dir) => {
    const file = await openDurableFile(join(dir, 'fairway.conf'))
    await writeDurably(file, 'old')
    await symlink('/dev/full', file.stagedPath)
    await assert.rejects(file.stage('new'), isOfDisk)
    assert.deepEqual([await readdir(dir), await file.read()], [['fairway.conf'], 'old'])
  }))

test("what could not be written whole of Envoy's state is not left there", () =>
  inFolder(async (dir) => {
    const folder = await openStateFolder(dir)
    const none = makeResources(new Map())
    await folder.put({ clusters: none, listeners: none })
    const before = await readdir(dir)
    // No disk takes a text that is not one.
    const broken = { clusters: none, listeners: { ...none, text: Symbol('full') as unknown as string } }
    await assert.rejects(folder.put(broken), isOfDisk)
    assert.deepEqual(await readdir(dir), before)
    assert.equal((await folder.read())?.listeners.text, none.text)
  }))

test('a folder that somebody removed is made again with what is written next', () =>
  inFolder(async (dir) => {
    const [file, folder] = [await openDurableFile(join(dir, 'a/fairway.conf')), await openStateFolder(join(dir, 'b'))]
    await Promise.all(['a', 'b'].map((name) => rm(join(dir, name), { recursive: true })))
    await writeDurably(file, 'text')
    const none = makeResources(new Map())
    await folder.put({ clusters: none, listeners: none })
    await folder.nudge('listeners')
    assert.deepEqual([await file.read(), (await folder.read())?.listeners], ['text', none])
  }))
